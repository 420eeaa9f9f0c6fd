// Endpoints and deliveries as rows. Functions over a Transaction, re-runnable.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/delivery/endpoint.hpp"
#include "personas/store/repositories.hpp"

namespace personas::delivery {

// Log entries looked at for forgetting when one is settled, so that the log shrinks as it grows.
inline constexpr std::int64_t kForgottenAtOnce = 20;
inline constexpr Duration kLogKept = hours(30 * 24);

// kUnprocessable when the tenant has kMaxEndpoints.
Result<void> insert_endpoint(store::Transaction& tx, const TenantId& tenant,
                             const Endpoint& endpoint);
Result<std::optional<Endpoint>> find_endpoint(store::Transaction& tx, const TenantId& tenant,
                                              const EndpointId& id);
// All of the tenant, oldest first; at most kMaxEndpoints.
Result<std::vector<Endpoint>> list_endpoints(store::Transaction& tx, const TenantId& tenant);
Result<void> update_endpoint(store::Transaction& tx, const TenantId& tenant,
                             const Endpoint& endpoint);
// With its deliveries.
Result<bool> delete_endpoint(store::Transaction& tx, const TenantId& tenant, const EndpointId& id);

// What is still to be sent rests until release(), and is sent then.
Result<void> hold(store::Transaction& tx, const TenantId& tenant, const EndpointId& id);
Result<void> release(store::Transaction& tx, const TenantId& tenant, const EndpointId& id,
                     Timestamp now);

// Nothing happens if the endpoint has been told of this position already, or is gone or disabled.
Result<void> insert_delivery(store::Transaction& tx, const TenantId& tenant,
                             const Delivery& delivery);
Result<std::optional<Delivery>> find_delivery(store::Transaction& tx, const TenantId& tenant,
                                              const DeliveryId& id);
// Newest first.
Result<std::vector<Delivery>> list_deliveries(store::Transaction& tx, const TenantId& tenant,
                                              const EndpointId& endpoint, const store::Page& page);
Result<void> update_delivery(store::Transaction& tx, const TenantId& tenant,
                             const Delivery& delivery);
// Settled ones with a smaller id, kForgottenAtOnce of them.
Result<void> forget_deliveries(store::Transaction& tx, const TenantId& tenant,
                               const EndpointId& endpoint, const DeliveryId& before);

// The earliest first; those of one moment in the journal's order.
Result<std::vector<Delivery>> due_deliveries(store::Transaction& tx, const TenantId& tenant,
                                             const EndpointId& endpoint, Timestamp now,
                                             std::size_t limit);
Result<std::optional<Timestamp>> next_due(store::Transaction& tx, const TenantId& tenant,
                                          const EndpointId& endpoint);

struct Due {
  TenantId tenant;
  EndpointId endpoint;
  Timestamp at;
};
// The next moment of each endpoint of every tenant that something waits for.
Result<std::vector<Due>> all_due(store::Transaction& tx);

}  // namespace personas::delivery
