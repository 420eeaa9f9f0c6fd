#include "personas/operations/webhook_services.hpp"

#include <fmt/format.h>

namespace personas::operations {

std::string endpoint_secret(const EndpointId& id, SecretUse use, SecretAge age) {
  return fmt::format("webhook/{}/{}{}", id.str(), use == SecretUse::kShared ? "v1" : "v1a",
                     age == SecretAge::kCurrent ? "" : "/previous");
}

Result<std::vector<Secret>> endpoint_secrets(store::Transaction& tx, const vault::Vault& vault,
                                             const TenantId& tenant,
                                             const delivery::Endpoint& endpoint, Timestamp now) {
  std::vector<Secret> secrets;
  const bool overlaps = endpoint.previous_until && *endpoint.previous_until > now;
  for (const SecretUse use : {SecretUse::kShared, SecretUse::kAsymmetric}) {
    if (use == SecretUse::kAsymmetric && !endpoint.asymmetric) continue;
    for (const SecretAge age : {SecretAge::kCurrent, SecretAge::kPrevious}) {
      if (age == SecretAge::kPrevious && !overlaps) continue;
      TRY(auto secret, vault.get(tx, tenant, endpoint_secret(endpoint.id, use, age)));
      if (secret) secrets.push_back(std::move(*secret));
    }
  }
  return secrets;
}

}  // namespace personas::operations
