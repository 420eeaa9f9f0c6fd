// MASTER_KEY: 32 bytes, the root of every key of the deployment.
#pragma once

#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/store/store.hpp"

namespace personas::vault {

// What keys are derived for. A label never changes once data depends on it.
namespace key_labels {
inline constexpr std::string_view kCheck = "personas master key check v1";
inline constexpr std::string_view kSecrets =
    "personas secrets v1";  // rows without a key of their own
inline constexpr std::string_view kSecretKeys = "personas secret keys v1";  // wraps the rows' keys
inline constexpr std::string_view kSealing = "personas sealing key v1";     // X25519
inline constexpr std::string_view kFingerprints = "personas request fingerprints v1";
inline constexpr std::string_view kSessions = "personas agent sessions v1";
inline constexpr std::string_view kCursors = "personas journal cursors v1";
inline constexpr std::string_view kPages = "personas list cursors v1";
inline constexpr std::string_view kReviewLinks = "personas review links v1";
}  // namespace key_labels

class MasterKey {
 public:
  // 64 hex digits; kMisconfigured says what is wrong with anything else.
  static Result<MasterKey> parse(std::string_view hex);

  // 32 bytes for one use.
  Secret derive(std::string_view label) const;
  // The key itself, for what clients encrypt under it themselves.
  const Secret& raw() const { return key_; }

 private:
  explicit MasterKey(Secret key) : key_(std::move(key)) {}
  Secret key_;
};

// On the first start notes a value that only this key gives; later compares it: kWrongMasterKey.
Result<void> check_master_key(store::Transaction& tx, const MasterKey& key);

}  // namespace personas::vault
