// What the operations on webhooks and on notification sinks share: an endpoint's secrets, its being
// on or off, its log with test and replay.
#include "endpoints.hpp"

#include <fmt/format.h>

#include "personas/delivery/endpoint_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"

#include "reply.hpp"

namespace personas::operations {

using delivery::Delivery;
using delivery::DeliveryStatus;
using delivery::Endpoint;

namespace {

Result<Delivery> require_delivery(const Call& call, store::Transaction& tx,
                                  const Endpoint& endpoint) {
  const auto id = call.id<DeliveryId>(1);
  TRY(auto row, require(delivery::find_delivery(tx, call.tenant(), id), "delivery", id.str()));
  if (row.endpoint_id != endpoint.id) return not_found("delivery", id.str());
  return row;
}

void tell_outbox(Call& call, const EndpointId& endpoint) {
  call.after_commit.push_back(
      [outbox = call.services.webhooks.outbox, tenant = call.tenant(), endpoint] {
        if (outbox != nullptr) outbox->due(tenant, endpoint);
      });
}

Result<void> require_enabled(const Endpoint& endpoint) {
  if (endpoint.enabled) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("It is disabled ({}); enable it with PATCH {{\"enabled\": true}}",
                          endpoint.disabled_reason.value_or("")));
}

}  // namespace

Result<void> put_secret(const Call& call, store::Transaction& tx, const EndpointId& id,
                        SecretUse use, SecretAge age, const Secret& secret) {
  return call.services.vault.put(tx, call.tenant(), endpoint_secret(id, use, age), secret,
                                 call.now);
}

Result<void> record_endpoint(const Call& call, store::Transaction& tx, std::string_view type,
                             const Endpoint& endpoint) {
  return record_fact(call, tx, type,
                     record::Named{endpoint.id.str(), endpoint.description.value_or("")});
}

Result<void> check_target(const Call& call, std::string_view url) {
  const auto vetted = net::vet_url(url, call.services.webhooks.targets);
  if (vetted) return {};
  return fail(ErrorCode::kInvalidRequest, vetted.error().message,
              {{"/url", vetted.error().message}});
}

Result<void> put_first_secret(const Call& call, store::Transaction& tx, const EndpointId& id,
                              const Secret& secret) {
  return put_secret(call, tx, id, SecretUse::kShared, SecretAge::kCurrent, secret);
}

Result<void> remove_endpoint(const Call& call, store::Transaction& tx, const Endpoint& endpoint) {
  TRY_VOID(delivery::delete_endpoint(tx, call.tenant(), endpoint.id));
  for (const SecretUse use : {SecretUse::kShared, SecretUse::kAsymmetric}) {
    for (const SecretAge age : {SecretAge::kCurrent, SecretAge::kPrevious}) {
      TRY_VOID(
          call.services.vault.remove(tx, call.tenant(), endpoint_secret(endpoint.id, use, age)));
    }
  }
  return record_endpoint(call, tx, record::kWebhookDeleted, endpoint);
}

Delivery as_shown(const Call& call, Delivery row) {
  const auto* links = call.services.webhooks.review_links;
  if (links != nullptr) row.payload.text = links->without_tokens(std::move(row.payload.text));
  return row;
}

Result<Reply> delivery_page(Call& call, store::Transaction& tx, const EndpointId& endpoint) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, delivery::list_deliveries(tx, call.tenant(), endpoint, page));
  for (auto& row : rows) row = as_shown(call, std::move(row));
  return page_reply(call, std::move(rows), query.limit);
}

Result<void> switch_endpoint(Call& call, store::Transaction& tx, Endpoint& endpoint, Switched to) {
  const bool on = to == Switched::kOn;
  if (on == endpoint.enabled) return {};
  endpoint.enabled = on;
  if (!on) {
    endpoint.disabled_reason = "disabled by request";
    return delivery::hold(tx, call.tenant(), endpoint.id);
  }
  // What was held goes out at once; its failures are forgotten, or the next would disable it.
  endpoint.disabled_reason.reset();
  endpoint.failing_since.reset();
  endpoint.dead_in_row = 0;
  TRY_VOID(delivery::release(tx, call.tenant(), endpoint.id, call.now));
  tell_outbox(call, endpoint.id);
  return {};
}

Delivery new_test(const Call& call, const Endpoint& endpoint, std::string_view type) {
  Delivery row;
  row.id = DeliveryId::make(call.now, call.services.random);
  row.endpoint_id = endpoint.id;
  row.type = type;
  row.created_at = call.now;
  row.next_attempt_at = call.now;
  return row;
}

Result<Reply> send_test(Call& call, store::Transaction& tx, const Endpoint& endpoint,
                        Delivery row) {
  TRY_VOID(require_enabled(endpoint));
  TRY_VOID(delivery::insert_delivery(tx, call.tenant(), row));
  tell_outbox(call, endpoint.id);
  return json_reply(202, row);
}

// The whole schedule begins again; the id stays, so that the receiver knows it for a repetition.
Result<Reply> replay_of(Call& call, store::Transaction& tx, const Endpoint& endpoint) {
  TRY(auto row, require_delivery(call, tx, endpoint));
  TRY_VOID(require_enabled(endpoint));
  if (row.status == DeliveryStatus::kRunning) {
    return fail(ErrorCode::kConflict,
                fmt::format("Its command is under way as execution {}; wait for its end, or cancel "
                            "that",
                            row.execution_id ? row.execution_id->str() : ""));
  }
  row.status = DeliveryStatus::kPending;
  row.attempts = 0;
  row.completed_at.reset();
  row.next_attempt_at = call.now;
  TRY_VOID(delivery::update_delivery(tx, call.tenant(), row));
  tell_outbox(call, endpoint.id);
  return json_reply(202, as_shown(call, std::move(row)));
}

}  // namespace personas::operations
