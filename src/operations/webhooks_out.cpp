// Webhooks out: endpoints that are told what happens, and the log of what they were told.
#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/delivery/endpoint_store.hpp"
#include "personas/delivery/filter.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/operations/webhook_requests.hpp"
#include "personas/webhook_auth/standard.hpp"

#include "endpoints.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using delivery::Delivery;
using delivery::Endpoint;
using identity::Scope;

constexpr std::string_view kTestType = "webhook.test";

Result<Endpoint> require_endpoint(const Call& call, store::Transaction& tx) {
  const auto id = call.id<EndpointId>(0);
  TRY(auto endpoint, require(delivery::find_endpoint(tx, call.tenant(), id), "webhook", id.str()));
  if (endpoint.events.empty()) return not_found("webhook", id.str());  // a notification sink
  return endpoint;
}

Result<Webhook> shown(const Call& call, store::Transaction& tx, const Endpoint& endpoint,
                      std::optional<std::string> secret = {}) {
  Webhook out{.id = endpoint.id,
              .url = endpoint.url,
              .description = endpoint.description,
              .events = endpoint.events,
              .enabled = endpoint.enabled,
              .disabled_reason = endpoint.disabled_reason,
              .concurrency = endpoint.concurrency,
              .secret = std::move(secret),
              .public_key = {},
              .previous_secret_until = endpoint.previous_until,
              .failing_since = endpoint.failing_since,
              .created_at = endpoint.created_at,
              .updated_at = endpoint.updated_at};
  if (out.previous_secret_until && *out.previous_secret_until <= call.now) {
    out.previous_secret_until.reset();
  }
  if (!endpoint.asymmetric) return out;
  TRY(const auto key, call.services.vault.get(tx, call.tenant(),
                                              endpoint_secret(endpoint.id, SecretUse::kAsymmetric,
                                                              SecretAge::kCurrent)));
  if (key) {
    TRY(out.public_key, webhook_auth::public_key_of(*key));
  }
  return out;
}

Result<void> apply(const Call& call, const WebhookBody& body, Endpoint& endpoint) {
  TRY_VOID(check_target(call, body.url));
  TRY_VOID(delivery::check_filters(body.events));
  endpoint.url = body.url;
  endpoint.description = body.description;
  endpoint.events = body.events;
  endpoint.asymmetric = body.asymmetric;
  endpoint.concurrency = body.concurrency;
  endpoint.updated_at = call.now;
  return {};
}

// A key for v1a if there is none.
Result<void> ensure_key(const Call& call, store::Transaction& tx, const Endpoint& endpoint) {
  if (!endpoint.asymmetric) return {};
  TRY(const auto known, call.services.vault.get(tx, call.tenant(),
                                                endpoint_secret(endpoint.id, SecretUse::kAsymmetric,
                                                                SecretAge::kCurrent)));
  if (known) return {};
  return put_secret(call, tx, endpoint.id, SecretUse::kAsymmetric, SecretAge::kCurrent,
                    webhook_auth::make_signing_key(call.services.random));
}

// ---- handlers ----------------------------------------------------------------------------------

Result<Reply> create_webhook(Call& call, store::Transaction& tx) {
  const auto& body = call.body<WebhookBody>();
  Endpoint endpoint;
  endpoint.id = EndpointId::make(call.now, call.services.random);
  endpoint.created_at = call.now;
  endpoint.enabled = body.enabled;
  if (!body.enabled) endpoint.disabled_reason = "disabled by request";
  TRY_VOID(apply(call, body, endpoint));
  const Secret secret = webhook_auth::make_secret(call.services.random);
  TRY_VOID(delivery::insert_endpoint(tx, call.tenant(), endpoint));
  TRY_VOID(put_first_secret(call, tx, endpoint.id, secret));
  TRY_VOID(ensure_key(call, tx, endpoint));
  TRY_VOID(record_endpoint(call, tx, record::kWebhookCreated, endpoint));
  TRY(const auto webhook, shown(call, tx, endpoint, std::string(secret.reveal())));
  Reply reply = json_reply(201, webhook);
  reply.secret = Reply::Secret::kYes;
  return reply;
}

Result<Reply> list_webhooks(Call& call, store::Transaction& tx) {
  TRY(const auto endpoints, delivery::list_endpoints(tx, call.tenant()));
  std::vector<Webhook> webhooks;
  for (const auto& endpoint : endpoints) {
    if (endpoint.events.empty()) continue;
    TRY(auto webhook, shown(call, tx, endpoint));
    webhooks.push_back(std::move(webhook));
  }
  return list_reply(webhooks);
}

Result<Reply> get_webhook(Call& call, store::Transaction& tx) {
  TRY(const auto endpoint, require_endpoint(call, tx));
  TRY(const auto webhook, shown(call, tx, endpoint));
  return json_reply(200, webhook);
}

Result<Reply> update_webhook(Call& call, store::Transaction& tx) {
  TRY(auto endpoint, require_endpoint(call, tx));
  WebhookBody body{.url = endpoint.url,
                   .description = endpoint.description,
                   .events = endpoint.events,
                   .enabled = endpoint.enabled,
                   .asymmetric = endpoint.asymmetric,
                   .concurrency = endpoint.concurrency};
  TRY_VOID(merge_body(call, body));
  TRY_VOID(apply(call, body, endpoint));
  TRY_VOID(switch_endpoint(call, tx, endpoint, body.enabled ? Switched::kOn : Switched::kOff));
  TRY_VOID(ensure_key(call, tx, endpoint));
  TRY_VOID(delivery::update_endpoint(tx, call.tenant(), endpoint));
  TRY_VOID(record_endpoint(call, tx, record::kWebhookUpdated, endpoint));
  TRY(const auto webhook, shown(call, tx, endpoint));
  return json_reply(200, webhook);
}

Result<Reply> delete_webhook(Call& call, store::Transaction& tx) {
  TRY(const auto endpoint, require_endpoint(call, tx));
  TRY_VOID(remove_endpoint(call, tx, endpoint));
  return empty_reply();
}

// The current secret becomes the one before.
Result<void> replace_secret(const Call& call, store::Transaction& tx, const EndpointId& id,
                            SecretUse use, const Secret& fresh) {
  TRY(const auto current,
      call.services.vault.get(tx, call.tenant(), endpoint_secret(id, use, SecretAge::kCurrent)));
  if (current) TRY_VOID(put_secret(call, tx, id, use, SecretAge::kPrevious, *current));
  return put_secret(call, tx, id, use, SecretAge::kCurrent, fresh);
}

Result<Reply> rotate_webhook(Call& call, store::Transaction& tx) {
  TRY(auto endpoint, require_endpoint(call, tx));
  const Secret secret = webhook_auth::make_secret(call.services.random);
  TRY_VOID(replace_secret(call, tx, endpoint.id, SecretUse::kShared, secret));
  if (endpoint.asymmetric) {
    TRY_VOID(replace_secret(call, tx, endpoint.id, SecretUse::kAsymmetric,
                            webhook_auth::make_signing_key(call.services.random)));
  }
  endpoint.previous_until = call.now + kSecretOverlap;
  endpoint.updated_at = call.now;
  TRY_VOID(delivery::update_endpoint(tx, call.tenant(), endpoint));
  TRY_VOID(record_endpoint(call, tx, record::kWebhookUpdated, endpoint));
  TRY(const auto webhook, shown(call, tx, endpoint, std::string(secret.reveal())));
  Reply reply = json_reply(200, webhook);
  reply.secret = Reply::Secret::kYes;
  return reply;
}

Result<Reply> list_deliveries(Call& call, store::Transaction& tx) {
  TRY(const auto endpoint, require_endpoint(call, tx));
  return delivery_page(call, tx, endpoint.id);
}

Result<Reply> test_webhook(Call& call, store::Transaction& tx) {
  TRY(const auto endpoint, require_endpoint(call, tx));
  Delivery row = new_test(call, endpoint, kTestType);
  std::string data = R"({"webhookId":)";
  codec::append_json_string(endpoint.id.str(), data);
  row.payload.text = delivery::body_of(row.type, call.now, data + "}");
  return send_test(call, tx, endpoint, std::move(row));
}

Result<Reply> replay_delivery(Call& call, store::Transaction& tx) {
  TRY(const auto endpoint, require_endpoint(call, tx));
  return replay_of(call, tx, endpoint);
}

// ---- table -------------------------------------------------------------------------------------

constexpr std::string_view kExample =
    R"({"url": "https://receiver.invalid/hook", "events": ["execution.status", "review.*"]})";

void add_endpoints(Table& table) {
  table.push_back({.id = "createWebhook",
                   .method = "POST",
                   .path = "/v1/webhooks",
                   .summary = "Register an endpoint; its secret is shown this once",
                   .tag = "Webhooks out",
                   .scope = Scope::kWrite,
                   .body = input<WebhookBody>(),
                   .example = kExample,
                   .output = one<Webhook>(),
                   .status = 201,
                   .errors = {ErrorCode::kUnprocessable},
                   .handler = Write{&create_webhook}});
  table.push_back({.id = "listWebhooks",
                   .method = "GET",
                   .path = "/v1/webhooks",
                   .summary = "List the endpoints, oldest first",
                   .tag = "Webhooks out",
                   .output = list<Webhook>(),
                   .handler = &list_webhooks});
  table.push_back({.id = "getWebhook",
                   .method = "GET",
                   .path = "/v1/webhooks/{id}",
                   .summary = "Get an endpoint, without its secret",
                   .tag = "Webhooks out",
                   .output = one<Webhook>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_webhook});
  table.push_back({.id = "updateWebhook",
                   .method = "PATCH",
                   .path = "/v1/webhooks/{id}",
                   .summary = "Change an endpoint; enabling one sends what was held",
                   .tag = "Webhooks out",
                   .scope = Scope::kWrite,
                   .body = input<WebhookBody>(InputType::Form::kPartial),
                   .output = one<Webhook>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&update_webhook}});
  table.push_back({.id = "deleteWebhook",
                   .method = "DELETE",
                   .path = "/v1/webhooks/{id}",
                   .summary = "Delete an endpoint with its log",
                   .tag = "Webhooks out",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_webhook}});
  table.push_back({.id = "rotateWebhook",
                   .method = "POST",
                   .path = "/v1/webhooks/{id}/rotate",
                   .summary = "Exchange the secret; for a day deliveries are signed with both",
                   .tag = "Webhooks out",
                   .scope = Scope::kWrite,
                   .output = one<Webhook>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&rotate_webhook}});
}

}  // namespace

void add_webhooks_out(Table& table) {
  add_endpoints(table);
  add_notification_sinks(table);
  table.push_back({.id = "testWebhook",
                   .method = "POST",
                   .path = "/v1/webhooks/{id}/test",
                   .summary = "Send a webhook.test to an endpoint",
                   .tag = "Webhooks out",
                   .scope = Scope::kWrite,
                   .output = one<Delivery>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&test_webhook}});
  table.push_back({.id = "listDeliveriesOfWebhook",
                   .method = "GET",
                   .path = "/v1/webhooks/{id}/deliveries",
                   .summary = "List what an endpoint was told, newest first",
                   .tag = "Webhooks out",
                   .query = input<PageQuery>(),
                   .output = page<Delivery>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_deliveries});
  table.push_back({.id = "replayDeliveryOfWebhook",
                   .method = "POST",
                   .path = "/v1/webhooks/{id}/deliveries/{deliveryId}/replay",
                   .summary = "Send a delivery again, under the same id",
                   .tag = "Webhooks out",
                   .scope = Scope::kWrite,
                   .output = one<Delivery>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&replay_delivery}});
}

}  // namespace personas::operations
