// Named secrets of a tenant, encrypted at rest. Immutable; any thread. The functions take part in
// the caller's transaction.
//
// Each row has a random key of its own, and that key is wrapped by one derived from the master key.
// Both are bound to the row's place (tenant, name, version, term): a row that was moved, mixed from
// others or changed is refused, always with the same words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/store/store.hpp"
#include "personas/vault/intake.hpp"
#include "personas/vault/master_key.hpp"

namespace personas::vault {

inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;  // far above any token or key file

// Names of secrets.
std::string provider_secret(std::string_view provider);
std::string credential_secret(const CredentialId& id);

class Vault {
 public:
  Vault(const MasterKey& key, Random& random)
      : wrapping_key_(key.derive(key_labels::kSecretKeys)),
        direct_key_(key.derive(key_labels::kSecrets)),
        fingerprint_key_(key.derive(key_labels::kFingerprints)),
        intake_(key),
        random_(random) {}

  // Replaces what was there under that name.
  Result<void> put(store::Transaction& tx, const TenantId& tenant, std::string_view name,
                   const Secret& value, Timestamp now) const;
  // kCorrupt if the row was changed or belongs elsewhere.
  Result<std::optional<Secret>> get(store::Transaction& tx, const TenantId& tenant,
                                    std::string_view name) const;
  // False: there was none.
  Result<bool> remove(store::Transaction& tx, const TenantId& tenant, std::string_view name) const;

  // Of what clients sealed.
  const Intake& intake() const { return intake_; }
  // Tells equal texts from others without telling what they are, even if they are easily guessed.
  crypto::Digest fingerprint(std::string_view text) const;

 private:
  Secret wrapping_key_;
  Secret direct_key_;  // of rows from before each had a key of its own
  Secret fingerprint_key_;
  Intake intake_;
  Random& random_;
};

}  // namespace personas::vault
