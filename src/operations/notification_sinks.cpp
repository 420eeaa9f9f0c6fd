// Notification sinks: where people are told what concerns them.
#include "personas/delivery/endpoint_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/operations/sink_requests.hpp"
#include "personas/webhook_auth/standard.hpp"

#include "endpoints.hpp"
#include "reply.hpp"

namespace personas::operations {
namespace {

using delivery::Endpoint;
using delivery::Kind;
using identity::Scope;

Sink shown(const Endpoint& endpoint) {
  return {.id = endpoint.id,
          .kind = endpoint.kind,
          .url = endpoint.url,
          .topics = endpoint.notify,
          .persona_id = endpoint.persona_id,
          .description = endpoint.description,
          .enabled = endpoint.enabled,
          .disabled_reason = endpoint.disabled_reason,
          .secret = {},
          .created_at = endpoint.created_at};
}

Result<Endpoint> require_sink(const Call& call, store::Transaction& tx) {
  const auto id = call.id<EndpointId>(0);
  TRY(auto endpoint, require(delivery::find_endpoint(tx, call.tenant(), id), "sink", id.str()));
  if (endpoint.notify.empty()) return not_found("sink", id.str());  // a webhook
  return endpoint;
}

// "https://hooks.slack.com/…"
std::string without_path(std::string_view url) {
  const std::size_t host = url.find("://") + 3;
  return std::string(url.substr(0, url.find('/', host))) + "/…";
}

Result<Reply> create_sink(Call& call, store::Transaction& tx) {
  const auto& body = call.body<SinkBody>();
  TRY_VOID(check_target(call, body.url));
  TRY_VOID(check_persona(call, tx, body.persona_id, "/personaId"));
  Endpoint endpoint;
  endpoint.id = EndpointId::make(call.now, call.services.random);
  endpoint.kind = body.kind;
  endpoint.url = body.kind == Kind::kSlack ? without_path(body.url) : body.url;
  endpoint.notify = body.topics;
  endpoint.persona_id = body.persona_id;
  endpoint.description = body.description;
  endpoint.created_at = endpoint.updated_at = call.now;
  TRY_VOID(delivery::insert_endpoint(tx, call.tenant(), endpoint));
  const Secret secret = body.kind == Kind::kSlack ? Secret(body.url)
                                                  : webhook_auth::make_secret(call.services.random);
  TRY_VOID(put_first_secret(call, tx, endpoint.id, secret));
  TRY_VOID(record_endpoint(call, tx, record::kWebhookCreated, endpoint));
  Sink sink = shown(endpoint);
  if (body.kind == Kind::kWebhook) sink.secret = std::string(secret.reveal());
  Reply reply = json_reply(201, sink);
  if (sink.secret) reply.secret = Reply::Secret::kYes;
  return reply;
}

Result<Reply> list_sinks(Call& call, store::Transaction& tx) {
  TRY(const auto endpoints, delivery::list_endpoints(tx, call.tenant()));
  std::vector<Sink> sinks;
  for (const auto& endpoint : endpoints) {
    if (!endpoint.notify.empty()) sinks.push_back(shown(endpoint));
  }
  return list_reply(sinks);
}

Result<Reply> delete_sink(Call& call, store::Transaction& tx) {
  TRY(const auto sink, require_sink(call, tx));
  TRY_VOID(remove_endpoint(call, tx, sink));
  return empty_reply();
}

Result<Reply> list_sink_deliveries(Call& call, store::Transaction& tx) {
  TRY(const auto sink, require_sink(call, tx));
  return delivery_page(call, tx, sink.id);
}

}  // namespace

void add_notification_sinks(Table& table) {
  table.push_back({.id = "createNotificationSink",
                   .method = "POST",
                   .path = "/api/notification-sinks",
                   .summary = "Choose where people are told of messages, reviews and failures",
                   .tag = "Notifications",
                   .scope = Scope::kWrite,
                   .body = input<SinkBody>(),
                   .example = R"({"kind": "slack", "url": "https://receiver.invalid/services/T0",)"
                              R"("topics": ["reviews", "failures"]})",
                   .output = one<Sink>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
                   .handler = Write{&create_sink}});
  table.push_back({.id = "listNotificationSinks",
                   .method = "GET",
                   .path = "/api/notification-sinks",
                   .summary = "List the notification sinks, oldest first",
                   .tag = "Notifications",
                   .output = list<Sink>(),
                   .handler = &list_sinks});
  table.push_back({.id = "deleteNotificationSink",
                   .method = "DELETE",
                   .path = "/api/notification-sinks/{id}",
                   .summary = "Delete a notification sink with its log",
                   .tag = "Notifications",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_sink}});
  table.push_back({.id = "listNotificationDeliveries",
                   .method = "GET",
                   .path = "/api/notification-sinks/{id}/deliveries",
                   .summary = "List what a sink was told, newest first",
                   .tag = "Notifications",
                   .query = input<PageQuery>(),
                   .output = page<delivery::Delivery>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_sink_deliveries});
}

}  // namespace personas::operations
