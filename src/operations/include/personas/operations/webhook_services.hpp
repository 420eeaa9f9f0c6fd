// What the operations on webhooks need of the running program, and the secrets of their endpoints.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/secret.hpp"
#include "personas/delivery/outbox.hpp"
#include "personas/net/target_policy.hpp"
#include "personas/vault/review_links.hpp"
#include "personas/vault/vault.hpp"

namespace personas::operations {

struct Mail {
  std::string server;  // of the platform, as smtp://…; empty: each sink names its own
  std::string from;
};

struct Webhooks {
  // Told that there is something to send; nobody: the next start finds it.
  delivery::Outbox* outbox = nullptr;
  net::PrivateTargets targets = net::PrivateTargets::kRefused;
  Mail mail = {};
  // Null, or without a public URL: reviews have no links.
  const vault::ReviewLinks* review_links = nullptr;
  std::function<void()> expiries_changed = {};  // after the commit
};

// How long a secret that was exchanged is signed with too.
inline constexpr Duration kSecretOverlap = hours(24);

// All secrets that a delivery of this endpoint is signed with at `now`, in the vault.
Result<std::vector<Secret>> endpoint_secrets(store::Transaction& tx, const vault::Vault& vault,
                                             const TenantId& tenant,
                                             const delivery::Endpoint& endpoint, Timestamp now);

// Names in the vault. The one before is kept while both are signed with.
enum class SecretAge : std::uint8_t { kCurrent, kPrevious };
enum class SecretUse : std::uint8_t { kShared, kAsymmetric };
std::string endpoint_secret(const EndpointId& id, SecretUse use, SecretAge age);

}  // namespace personas::operations
