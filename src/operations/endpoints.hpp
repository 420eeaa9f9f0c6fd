// What the operations on webhooks and on notification sinks share.
#pragma once

#include <string_view>

#include "personas/base/secret.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/operations/operation.hpp"

#include "subjects.hpp"

namespace personas::operations {

void add_notification_sinks(Table& table);

// 400 with the field /url if requests may not go there.
Result<void> check_target(const Call& call, std::string_view url);
// The first secret of a new endpoint.
Result<void> put_first_secret(const Call& call, store::Transaction& tx, const EndpointId& id,
                              const Secret& secret);
Result<void> record_endpoint(const Call& call, store::Transaction& tx, std::string_view type,
                             const delivery::Endpoint& endpoint);
// With its deliveries and secrets.
Result<void> remove_endpoint(const Call& call, store::Transaction& tx,
                             const delivery::Endpoint& endpoint);
Result<Reply> delivery_page(Call& call, store::Transaction& tx, const EndpointId& endpoint);

}  // namespace personas::operations
