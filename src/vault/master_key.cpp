#include "personas/vault/master_key.hpp"

#include <optional>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/aead.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::vault {
namespace {

constexpr std::string_view kMetaKey = "master_key_check";

}  // namespace

Result<MasterKey> MasterKey::parse(std::string_view hex) {
  constexpr std::string_view kHelp = "; make one with: openssl rand -hex 32";
  if (hex.size() != 2 * crypto::kKeyBytes) {
    return fail(ErrorCode::kMisconfigured,
                fmt::format("MASTER_KEY must have 64 hex digits, this has {} characters{}",
                            hex.size(), kHelp));
  }
  auto bytes = from_hex(hex);
  if (!bytes) {
    return fail(ErrorCode::kMisconfigured,
                fmt::format("MASTER_KEY must be hex digits (0-9, a-f) only{}", kHelp));
  }
  return MasterKey(Secret(std::string(as_text(*bytes))));
}

Secret MasterKey::derive(std::string_view label) const {
  return crypto::hkdf_sha256(as_bytes(key_.reveal()), {}, label, crypto::kKeyBytes);
}

Result<void> check_master_key(store::Transaction& tx, const MasterKey& key) {
  static const store::Sql kFind("SELECT value FROM meta WHERE key = ?");
  static const store::Sql kInsert("INSERT INTO meta (key, value) VALUES (?, ?)");
  const Secret expected = key.derive(key_labels::kCheck);
  std::optional<Bytes> known;
  TRY_VOID(tx.query(kFind, {kMetaKey}, [&](const store::Row& row) -> Result<bool> {
    const auto value = row.bytes(0);
    known.emplace(value.begin(), value.end());
    return false;
  }));
  if (!known) {
    TRY_VOID(tx.execute(kInsert, {kMetaKey, as_bytes(expected.reveal())}));
    return {};
  }
  if (!crypto::constant_time_equal(*known, as_bytes(expected.reveal()))) {
    return fail(ErrorCode::kWrongMasterKey,
                "This database was made with another MASTER_KEY, or master.key was damaged. Start "
                "with the key it was made with, from your backup; without it the stored secrets "
                "cannot be read");
  }
  return {};
}

}  // namespace personas::vault
