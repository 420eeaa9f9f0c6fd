// Notification sinks: where people are told what concerns them.
#include <fmt/format.h>

#include "personas/delivery/endpoint_store.hpp"
#include "personas/delivery/notice.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/net/mail.hpp"
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

constexpr std::string_view kTestType = "notification.test";

Sink shown(const Endpoint& endpoint) {
  Sink sink{.id = endpoint.id,
            .kind = endpoint.kind,
            .url = {},
            .topics = endpoint.notify,
            .persona_id = endpoint.persona_id,
            .description = endpoint.description,
            .enabled = endpoint.enabled,
            .disabled_reason = endpoint.disabled_reason,
            .to = {},
            .from = {},
            .user = {},
            .command = {},
            .timeout_ms = {},
            .secret = {},
            .created_at = endpoint.created_at,
            .updated_at = endpoint.updated_at};
  if (!endpoint.url.empty()) sink.url = endpoint.url;
  if (endpoint.mail) {
    sink.to = endpoint.mail->to;
    sink.from = endpoint.mail->from;
    sink.user = endpoint.mail->user;
  }
  if (endpoint.command) {
    sink.command = endpoint.command->argv;
    sink.timeout_ms = endpoint.command->timeout_ms;
  }
  return sink;
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

// ---- what a sink of each kind is made of -------------------------------------------------------

std::unexpected<Error> wrong(std::string_view field, std::string why) {
  return fail(ErrorCode::kInvalidRequest, fmt::format("{} {}", field, why),
              {{fmt::format("/{}", field), why}});
}

// What belongs to other kinds is no accident to be passed over.
Result<void> check_fields_of_kind(const SinkBody& body) {
  const bool mail = body.kind == Kind::kEmail;
  const bool command = body.kind == Kind::kCommand;
  const auto kind = codec::name_of(body.kind);
  const auto foreign = [&](std::string_view field) {
    return wrong(field, fmt::format("does not belong to a sink of kind {}", kind));
  };
  if (!mail && !body.to.empty()) return foreign("to");
  if (!mail && body.from) return foreign("from");
  if (!mail && body.user) return foreign("user");
  if (!mail && body.password) return foreign("password");
  if (!command && !body.command.empty()) return foreign("command");
  if (!command && body.timeout_ms) return foreign("timeoutMs");
  if (command && body.url) return foreign("url");
  if (!mail && !command && !body.url) return wrong("url", "is missing");
  return {};
}

Result<void> check_addresses(const Call& call, const SinkBody& body) {
  if (body.to.empty()) return wrong("to", "needs at least one address");
  for (std::size_t i = 0; i < body.to.size(); ++i) {
    if (net::is_mail_address(body.to[i])) continue;
    return wrong(fmt::format("to/{}", i), "is not an address such as ann@example.com");
  }
  if (body.from && !net::is_mail_address(*body.from)) {
    return wrong("from", "is not an address such as personas@example.com");
  }
  if (!body.from && call.services.webhooks.mail.from.empty()) {
    return wrong("from", "is missing, and the setting smtp-from names no sender for all");
  }
  return {};
}

Result<void> check_server(const Call& call, const SinkBody& body) {
  if (!body.url) {
    if (call.services.webhooks.mail.server.empty()) {
      return wrong("url", "is missing, and the setting smtp-url names no server for all");
    }
    if (body.user) return wrong("user", "belongs to a server of its own; give its url");
    return {};
  }
  const auto server = net::vet_mail_server(*body.url, call.services.webhooks.targets);
  if (!server) return wrong("url", server.error().message);
  if (!body.user) return {};
  for (const char c : *body.user) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return wrong("user", "holds a control character");
    }
  }
  if (server->tls == net::MailServer::Tls::kNone) {
    return wrong("user", "needs a server with TLS: a password is not sent without");
  }
  return {};
}

Result<void> check_command(const SinkBody& body) {
  if (body.command.empty() || body.command.front().empty()) {
    return wrong("command", "needs a program");
  }
  for (std::size_t i = 0; i < body.command.size(); ++i) {
    const auto& argument = body.command[i];
    if (argument.size() <= delivery::kMaxArgument && !argument.contains('\0')) continue;
    return wrong(fmt::format("command/{}", i),
                 fmt::format("has at most {} bytes and no zero byte", delivery::kMaxArgument));
  }
  return {};
}

// The fields of the row but its URL.
Result<void> apply(const Call& call, store::Transaction& tx, const SinkBody& body,
                   Endpoint& endpoint) {
  TRY_VOID(check_fields_of_kind(body));
  TRY_VOID(check_persona(call, tx, body.persona_id, "/personaId"));
  endpoint.notify = body.topics;
  endpoint.persona_id = body.persona_id;
  endpoint.description = body.description;
  endpoint.updated_at = call.now;
  if (body.kind == Kind::kEmail) {
    TRY_VOID(check_addresses(call, body));
    TRY_VOID(check_server(call, body));
    endpoint.mail = delivery::MailRoute{.to = body.to, .from = body.from, .user = body.user};
    endpoint.url = body.url.value_or("");
  } else if (body.kind == Kind::kCommand) {
    TRY_VOID(check_command(body));
    endpoint.command = delivery::CommandRoute{.argv = body.command, .timeout_ms = body.timeout_ms};
  }
  return {};
}

// ---- handlers ----------------------------------------------------------------------------------

// What is kept of a new sink in the vault: a webhook's own secret, Slack's URL, a mail password.
Result<std::optional<Secret>> first_secret(const Call& call, const SinkBody& body) {
  switch (body.kind) {
    case Kind::kWebhook:
      return webhook_auth::make_secret(call.services.random);
    case Kind::kSlack:
      return Secret(*body.url);
    case Kind::kEmail:
      if (body.user && !body.password) return wrong("password", "is missing beside user");
      if (!body.user && body.password) return wrong("user", "is missing beside password");
      if (body.password) return Secret(*body.password);
      break;
    case Kind::kCommand:
      break;
  }
  return std::optional<Secret>();
}

Result<Reply> create_sink(Call& call, store::Transaction& tx) {
  const auto& body = call.body<SinkBody>();
  Endpoint endpoint;
  endpoint.id = EndpointId::make(call.now, call.services.random);
  endpoint.kind = body.kind;
  endpoint.created_at = call.now;
  endpoint.enabled = body.enabled;
  if (!body.enabled) endpoint.disabled_reason = "disabled by request";
  TRY_VOID(apply(call, tx, body, endpoint));
  if (body.kind == Kind::kWebhook || body.kind == Kind::kSlack) {
    TRY_VOID(check_target(call, *body.url));
    endpoint.url = body.kind == Kind::kSlack ? without_path(*body.url) : *body.url;
  }
  TRY(const auto secret, first_secret(call, body));
  TRY_VOID(delivery::insert_endpoint(tx, call.tenant(), endpoint));
  if (secret) TRY_VOID(put_first_secret(call, tx, endpoint.id, *secret));
  TRY_VOID(record_endpoint(call, tx, record::kWebhookCreated, endpoint));
  Sink sink = shown(endpoint);
  if (body.kind == Kind::kWebhook) sink.secret = std::string(secret->reveal());
  Reply reply = json_reply(201, sink);
  if (sink.secret) reply.secret = Reply::Secret::kYes;
  return reply;
}

// A server that was changed does not get the password that another one knew.
Result<void> update_password(const Call& call, store::Transaction& tx, const SinkBody& body,
                             const Endpoint& before, const Endpoint& after) {
  const auto name = endpoint_secret(after.id, SecretUse::kShared, SecretAge::kCurrent);
  const auto user = after.mail->user;
  if (!user) {
    if (body.password) return wrong("user", "is missing beside password");
    TRY_VOID(call.services.vault.remove(tx, call.tenant(), name));
    return {};
  }
  if (body.password) return put_first_secret(call, tx, after.id, Secret(*body.password));
  const bool same = before.url == after.url && before.mail && before.mail->user == user;
  if (!same) return wrong("password", "is needed again: the url or the user is another");
  return {};
}

Result<Reply> update_sink(Call& call, store::Transaction& tx) {
  TRY(auto endpoint, require_sink(call, tx));
  const Endpoint before = endpoint;
  const Sink known = shown(endpoint);
  SinkBody body{.kind = known.kind,
                .url = known.url,
                .topics = known.topics,
                .persona_id = known.persona_id,
                .description = known.description,
                .enabled = known.enabled,
                .to = known.to,
                .from = known.from,
                .user = known.user,
                .password = {},
                .command = known.command,
                .timeout_ms = known.timeout_ms};
  TRY_VOID(merge_body(call, body));
  if (body.kind != before.kind) return wrong("kind", "cannot be changed; make another sink");
  TRY_VOID(apply(call, tx, body, endpoint));
  if (body.kind == Kind::kEmail) {
    TRY_VOID(update_password(call, tx, body, before, endpoint));
  } else if (body.url != known.url) {
    TRY_VOID(check_target(call, *body.url));
    endpoint.url = body.kind == Kind::kSlack ? without_path(*body.url) : *body.url;
    if (body.kind == Kind::kSlack) {
      TRY_VOID(put_first_secret(call, tx, endpoint.id, Secret(*body.url)));
    }
  }
  TRY_VOID(switch_endpoint(call, tx, endpoint, body.enabled ? Switched::kOn : Switched::kOff));
  TRY_VOID(delivery::update_endpoint(tx, call.tenant(), endpoint));
  TRY_VOID(record_endpoint(call, tx, record::kWebhookUpdated, endpoint));
  return json_reply(200, shown(endpoint));
}

Result<Reply> get_sink(Call& call, store::Transaction& tx) {
  TRY(const auto sink, require_sink(call, tx));
  return json_reply(200, shown(sink));
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

Result<Reply> test_sink(Call& call, store::Transaction& tx) {
  TRY(const auto sink, require_sink(call, tx));
  auto row = new_test(call, sink, kTestType);
  const delivery::Notice notice{
      .topic = sink.notify.front(),
      .title = "A test of this notification sink",
      .text = "Somebody asked for this test. If you can read it, the sink works.",
      .persona_id = sink.persona_id};
  row.payload.text = delivery::notification_body(sink.kind, notice, kTestType, call.now, row.id);
  return send_test(call, tx, sink, std::move(row));
}

Result<Reply> replay_notification(Call& call, store::Transaction& tx) {
  TRY(const auto sink, require_sink(call, tx));
  return replay_of(call, tx, sink);
}

Result<Reply> list_sink_deliveries(Call& call, store::Transaction& tx) {
  TRY(const auto sink, require_sink(call, tx));
  return delivery_page(call, tx, sink.id);
}

void add_log(Table& table) {
  table.push_back({.id = "testNotificationSink",
                   .method = "POST",
                   .path = "/api/notification-sinks/{id}/test",
                   .summary = "Send a test to a sink",
                   .tag = "Notifications",
                   .scope = Scope::kWrite,
                   .output = one<delivery::Delivery>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&test_sink}});
  table.push_back({.id = "listNotificationDeliveries",
                   .method = "GET",
                   .path = "/api/notification-sinks/{id}/deliveries",
                   .summary = "List what a sink was told, newest first",
                   .tag = "Notifications",
                   .query = input<PageQuery>(),
                   .output = page<delivery::Delivery>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_sink_deliveries});
  table.push_back({.id = "replayNotification",
                   .method = "POST",
                   .path = "/api/notification-sinks/{id}/deliveries/{deliveryId}/replay",
                   .summary = "Tell a sink again, under the same id",
                   .tag = "Notifications",
                   .scope = Scope::kWrite,
                   .output = one<delivery::Delivery>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&replay_notification}});
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
  table.push_back({.id = "getNotificationSink",
                   .method = "GET",
                   .path = "/api/notification-sinks/{id}",
                   .summary = "Get a notification sink, without its secret",
                   .tag = "Notifications",
                   .output = one<Sink>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_sink});
  table.push_back({.id = "updateNotificationSink",
                   .method = "PATCH",
                   .path = "/api/notification-sinks/{id}",
                   .summary = "Change a notification sink; enabling one sends what was held",
                   .tag = "Notifications",
                   .scope = Scope::kWrite,
                   .body = input<SinkBody>(InputType::Form::kPartial),
                   .output = one<Sink>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&update_sink}});
  add_log(table);
}

}  // namespace personas::operations
