// What the operations on webhooks and on notification sinks share.
#pragma once

#include <cstdint>
#include <string_view>

#include "personas/base/secret.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/operations/operation.hpp"

#include "subjects.hpp"

namespace personas::operations {

void add_notification_sinks(Table& table);

// 400 with the field /url if requests may not go there.
Result<void> check_target(const Call& call, std::string_view url);
Result<void> put_secret(const Call& call, store::Transaction& tx, const EndpointId& id,
                        SecretUse use, SecretAge age, const Secret& secret);
// The first secret of a new endpoint.
Result<void> put_first_secret(const Call& call, store::Transaction& tx, const EndpointId& id,
                              const Secret& secret);
Result<void> record_endpoint(const Call& call, store::Transaction& tx, std::string_view type,
                             const delivery::Endpoint& endpoint);
// With its deliveries and secrets.
Result<void> remove_endpoint(const Call& call, store::Transaction& tx,
                             const delivery::Endpoint& endpoint);

// Enabling sends what was held, disabling holds what is to be sent. The row is the caller's to
// write.
enum class Switched : std::uint8_t { kOff, kOn };
Result<void> switch_endpoint(Call& call, store::Transaction& tx, delivery::Endpoint& endpoint,
                             Switched to);

// As the API shows it: what lets its holder answer a review is not shown to who may only read.
delivery::Delivery as_shown(const Call& call, delivery::Delivery row);
Result<Reply> delivery_page(Call& call, store::Transaction& tx, const EndpointId& endpoint);

// A delivery to be filled and sent; kConflict if the endpoint is disabled.
delivery::Delivery new_test(const Call& call, const delivery::Endpoint& endpoint,
                            std::string_view type);
Result<Reply> send_test(Call& call, store::Transaction& tx, const delivery::Endpoint& endpoint,
                        delivery::Delivery row);
// That which the second id of the path names, again under the same id.
Result<Reply> replay_of(Call& call, store::Transaction& tx, const delivery::Endpoint& endpoint);

}  // namespace personas::operations
