#include "personas/vault/vault.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/aead.hpp"

namespace personas::vault {
namespace {

constexpr std::int64_t kTerm = 1;  // of the master key: rises when it is rotated

// Where a row belongs, as associated data. Neither ids nor names hold a zero byte, so the parts
// cannot be mistaken for each other; the purpose keeps a key and a value apart.
std::string binding(std::string_view purpose, const TenantId& tenant, std::string_view name,
                    std::int64_t version, std::int64_t term) {
  std::string text(purpose);
  text += tenant.str();
  text.push_back('\0');
  text.append(name).push_back('\0');
  return text + fmt::format("{}/{}", version, term);
}

constexpr std::string_view kOfValue = "";  // what rows of the older form were bound with
constexpr std::string_view kOfKey = "key:";

std::unexpected<Error> unreadable() {
  return fail(ErrorCode::kCorrupt,
              "A stored secret cannot be read: it was changed, moved, or written with another key. "
              "Store it again");
}

struct StoredRow {
  std::int64_t version;
  std::int64_t term;
  ByteView nonce;
  ByteView ciphertext;
  std::optional<ByteView> wrapped_key;  // nonce and sealed key; none: the older form
};

Secret random_key(Random& random) {
  std::string key(crypto::kKeyBytes, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(key.data()), key.size()});
  return Secret(std::move(key));
}

Bytes wrap(const Secret& key, const Secret& wrapping_key, std::string_view bound, Random& random) {
  const auto nonce = crypto::make_nonce(random);
  const auto sealed = crypto::seal(wrapping_key, nonce, as_bytes(key.reveal()), as_bytes(bound));
  Bytes wrapped(nonce.begin(), nonce.end());
  wrapped.insert(wrapped.end(), sealed.begin(), sealed.end());
  return wrapped;
}

Result<Secret> unwrap(ByteView wrapped, const Secret& wrapping_key, std::string_view bound) {
  if (wrapped.size() != crypto::kNonceBytes + crypto::kKeyBytes + crypto::kTagBytes) {
    return unreadable();
  }
  auto key = crypto::open_foreign(wrapping_key, wrapped.first(crypto::kNonceBytes),
                                  wrapped.subspan(crypto::kNonceBytes), as_bytes(bound));
  if (!key) return unreadable();
  return key;
}

}  // namespace

std::string provider_secret(std::string_view provider) {
  return fmt::format("provider/{}", provider);
}

std::string credential_secret(const CredentialId& id) {
  return "credential/" + id.str();
}

Result<void> Vault::put(store::Transaction& tx, const TenantId& tenant, std::string_view name,
                        const Secret& value, Timestamp now) const {
  static const store::Sql kVersion("SELECT version FROM secrets WHERE tenant_id = ? AND name = ?");
  static const store::Sql kPut(
      "INSERT INTO secrets (tenant_id, name, version, term, wrapped_key, nonce, ciphertext, "
      "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, name) DO UPDATE SET "
      "version = excluded.version, term = excluded.term, wrapped_key = excluded.wrapped_key, nonce "
      "= excluded.nonce, ciphertext = excluded.ciphertext, created_at = excluded.created_at");
  if (name.empty() || name.find('\0') != name.npos || value.size() > kMaxSecretBytes) {
    return fail(ErrorCode::kInvalidRequest, "a secret has a name and at most 64 KiB");
  }
  std::int64_t version = 0;
  TRY_VOID(tx.query(kVersion, {tenant, name}, [&](const store::Row& row) -> Result<bool> {
    version = row.integer(0);
    return false;
  }));
  ++version;
  const Secret key = random_key(random_);
  const auto wrapped =
      wrap(key, wrapping_key_, binding(kOfKey, tenant, name, version, kTerm), random_);
  const auto nonce = crypto::make_nonce(random_);
  const auto sealed = crypto::seal(key, nonce, as_bytes(value.reveal()),
                                   as_bytes(binding(kOfValue, tenant, name, version, kTerm)));
  TRY_VOID(tx.execute(kPut, {tenant, name, version, kTerm, ByteView(wrapped), ByteView(nonce),
                             ByteView(sealed), now}));
  return {};
}

Result<std::optional<Secret>> Vault::get(store::Transaction& tx, const TenantId& tenant,
                                         std::string_view name) const {
  static const store::Sql kGet(
      "SELECT version, term, nonce, ciphertext, wrapped_key FROM secrets WHERE tenant_id = ? AND "
      "name = ?");
  const auto open = [&](const StoredRow& row) -> Result<Secret> {
    if (row.term != kTerm || row.nonce.size() != crypto::kNonceBytes) return unreadable();
    Secret own_key;
    if (row.wrapped_key) {
      const auto bound = binding(kOfKey, tenant, name, row.version, row.term);
      TRY(own_key, unwrap(*row.wrapped_key, wrapping_key_, bound));
    }
    const auto bound = binding(kOfValue, tenant, name, row.version, row.term);
    auto value = crypto::open_foreign(row.wrapped_key ? own_key : direct_key_, row.nonce,
                                      row.ciphertext, as_bytes(bound));
    if (!value) return unreadable();
    return value;
  };
  std::optional<Secret> found;
  TRY_VOID(tx.query(kGet, {tenant, name}, [&](const store::Row& row) -> Result<bool> {
    StoredRow stored{row.integer(0), row.integer(1), row.bytes(2), row.bytes(3), {}};
    if (!row.is_null(4)) stored.wrapped_key = row.bytes(4);
    TRY(auto value, open(stored));
    found = std::move(value);
    return false;
  }));
  return found;
}

Result<bool> Vault::remove(store::Transaction& tx, const TenantId& tenant,
                           std::string_view name) const {
  static const store::Sql kDelete("DELETE FROM secrets WHERE tenant_id = ? AND name = ?");
  TRY(const auto removed, tx.execute(kDelete, {tenant, name}));
  return removed > 0;
}

crypto::Digest Vault::fingerprint(std::string_view text) const {
  return crypto::hmac_sha256(as_bytes(fingerprint_key_.reveal()), as_bytes(text));
}

}  // namespace personas::vault
