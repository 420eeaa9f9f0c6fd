#include "personas/vault/vault.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/aead.hpp"

namespace personas::vault {
namespace {

constexpr std::int64_t kTerm = 1;  // of the master key: rises when it is rotated

// What a ciphertext is bound to. Neither ids nor names hold a zero byte, so the parts cannot be
// mistaken for each other.
std::string binding(const TenantId& tenant, std::string_view name, std::int64_t version,
                    std::int64_t term) {
  std::string text = tenant.str();
  text.push_back('\0');
  text.append(name).push_back('\0');
  return text + fmt::format("{}/{}", version, term);
}

}  // namespace

Result<void> Vault::put(store::Transaction& tx, const TenantId& tenant, std::string_view name,
                        const Secret& value, Timestamp now) const {
  static const store::Sql kVersion("SELECT version FROM secrets WHERE tenant_id = ? AND name = ?");
  static const store::Sql kPut(
      "INSERT INTO secrets (tenant_id, name, version, term, nonce, ciphertext, created_at) VALUES "
      "(?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, name) DO UPDATE SET version = "
      "excluded.version, term = excluded.term, nonce = excluded.nonce, ciphertext = "
      "excluded.ciphertext, created_at = excluded.created_at");
  if (name.empty() || name.find('\0') != name.npos || value.size() > kMaxSecretBytes) {
    return fail(ErrorCode::kInvalidRequest, "a secret has a name and at most 64 KiB");
  }
  std::int64_t version = 0;
  TRY_VOID(tx.query(kVersion, {tenant, name}, [&](const store::Row& row) -> Result<bool> {
    version = row.integer(0);
    return false;
  }));
  ++version;
  const auto nonce = crypto::make_nonce(random_);
  const auto sealed = crypto::seal(key_, nonce, as_bytes(value.reveal()),
                                   as_bytes(binding(tenant, name, version, kTerm)));
  TRY_VOID(tx.execute(kPut, {tenant, name, version, kTerm, ByteView(nonce), sealed, now}));
  return {};
}

Result<std::optional<Secret>> Vault::get(store::Transaction& tx, const TenantId& tenant,
                                         std::string_view name) const {
  static const store::Sql kGet(
      "SELECT version, term, nonce, ciphertext FROM secrets WHERE tenant_id = ? AND name = ?");
  std::optional<Secret> found;
  TRY_VOID(tx.query(kGet, {tenant, name}, [&](const store::Row& row) -> Result<bool> {
    crypto::Nonce nonce{};
    const auto stored = row.bytes(2);
    if (stored.size() != nonce.size()) {
      return fail(ErrorCode::kCorrupt, "a stored secret has no valid nonce");
    }
    std::ranges::copy(stored, nonce.begin());
    const auto bound = binding(tenant, name, row.integer(0), row.integer(1));
    TRY(auto value, crypto::open(key_, nonce, row.bytes(3), as_bytes(bound)));
    found = std::move(value);
    return false;
  }));
  return found;
}

Result<void> Vault::remove(store::Transaction& tx, const TenantId& tenant,
                           std::string_view name) const {
  static const store::Sql kDelete("DELETE FROM secrets WHERE tenant_id = ? AND name = ?");
  TRY_VOID(tx.execute(kDelete, {tenant, name}));
  return {};
}

}  // namespace personas::vault
