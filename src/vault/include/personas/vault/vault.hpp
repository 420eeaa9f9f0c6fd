// Named secrets of a tenant, encrypted at rest. Immutable; any thread. The functions take part in
// the caller's transaction.
#pragma once

#include <optional>
#include <string_view>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/store/store.hpp"
#include "personas/vault/master_key.hpp"

namespace personas::vault {

// The Claude token that was handed in over the API; CLAUDE_TOKEN is used when there is none.
inline constexpr std::string_view kClaudeToken = "provider/claude";

inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;  // far above any token or key file

class Vault {
 public:
  Vault(const MasterKey& key, Random& random)
      : key_(key.derive(key_labels::kSecrets)), random_(random) {}

  // Replaces what was there under that name.
  Result<void> put(store::Transaction& tx, const TenantId& tenant, std::string_view name,
                   const Secret& value, Timestamp now) const;
  // kCorrupt if the row was changed or belongs elsewhere.
  Result<std::optional<Secret>> get(store::Transaction& tx, const TenantId& tenant,
                                    std::string_view name) const;
  Result<void> remove(store::Transaction& tx, const TenantId& tenant, std::string_view name) const;

 private:
  Secret key_;
  Random& random_;
};

}  // namespace personas::vault
