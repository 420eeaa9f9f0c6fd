// Rows of subscriptions. Every change gives the tenant a new epoch, by which the bus sees that what
// it remembers of the tenant's subscriptions is old: epochs are drawn, not counted, so that one
// whose transaction was rolled back is never seen again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/model/subscription.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store/store.hpp"

namespace personas::bus {

// What cannot be told from its fields alone: the type's and the source's form, the filter's and the
// input's language. All wrong fields at once.
Result<void> check_subscription(const Subscription& subscription);

Result<void> insert_subscription(store::Transaction& tx, const TenantId& tenant,
                                 const Subscription& subscription, Random& random);
Result<void> update_subscription(store::Transaction& tx, const TenantId& tenant,
                                 const Subscription& subscription, Random& random);
// False: there is none.
Result<bool> delete_subscription(store::Transaction& tx, const TenantId& tenant,
                                 const SubscriptionId& id, Random& random);
// With the persona they start.
Result<void> delete_subscriptions_of(store::Transaction& tx, const TenantId& tenant,
                                     const PersonaId& persona, Random& random);

Result<std::optional<Subscription>> find_subscription(store::Transaction& tx,
                                                      const TenantId& tenant,
                                                      const SubscriptionId& id);
// Oldest first; of one persona, or of all.
struct SubscriptionFilter {
  std::optional<PersonaId> persona_id = {};
  std::optional<std::string> event_type = {};  // as the subscription names it
  store::Page page = {};
};
Result<std::vector<Subscription>> list_subscriptions(store::Transaction& tx, const TenantId& tenant,
                                                     const SubscriptionFilter& filter);

// The enabled ones that may take events of this type: those that name it, or a prefix of it.
Result<std::vector<Subscription>> subscriptions_to(store::Transaction& tx, const TenantId& tenant,
                                                   std::string_view event_type);
// Empty: the tenant never had a subscription.
Result<std::string> subscription_epoch(store::Transaction& tx, const TenantId& tenant);

}  // namespace personas::bus
