// Webhooks that come in, and the log of them.
//
// The order is the point: whose address it is, whether the bytes prove it, and only then what they
// say. What tells a repetition is written in the transaction of the event, so a delivery that the
// sender repeats, for a lost answer or after a crash, has its effect once.
#include <fmt/format.h>

#include "personas/store/event_sink.hpp"
#include "personas/triggers/firing.hpp"
#include "personas/triggers/trigger_store.hpp"

#include "reply.hpp"
#include "subjects.hpp"
#include "webhook_doors.hpp"
#include "webhook_requests.hpp"

namespace personas::operations {
namespace {

using identity::Scope;
using store::DeliveryStatus;
using store::WebhookDelivery;
using webhook_auth::Delivery;
using webhook_auth::Preset;
using webhook_auth::Proof;
using webhook_auth::Refusal;

// The same words whatever was wrong, and whether there is such an address or not.
std::unexpected<Error> unproven() {
  return fail(ErrorCode::kUnauthorized,
              "This webhook does not prove where it comes from: send a key as 'Authorization: "
              "Bearer <key>', or sign it with the secret of this address");
}

std::unexpected<Error> not_of_sender(Preset preset) {
  return fail(ErrorCode::kInvalidRequest,
              fmt::format("This is not what a webhook of the kind '{}' looks like: its body, its "
                          "event type or its delivery id",
                          codec::name_of(preset)),
              {{"", fmt::format("is no webhook of the kind '{}'", codec::name_of(preset))}});
}

std::vector<webhook_auth::HeaderField> fields_of(const std::vector<net::Header>& headers) {
  std::vector<webhook_auth::HeaderField> fields;
  for (const auto& header : headers) fields.push_back({header.name, header.value});
  return fields;
}

// Events of a sender with a name of its own carry it, the others are plain webhooks.
std::string source_type_of(Preset preset) {
  const bool plain = preset == Preset::kGeneric || preset == Preset::kStandard;
  return plain ? "webhook" : std::string(codec::name_of(preset));
}

// One request that goes through a door, with what became known of it.
struct Arrival {
  const Door& door;
  std::string_view body;  // as it came
  WebhookDelivery row;    // of the log
  Delivery delivery = {};
  EventId event_id = {};
};

WebhookDelivery new_row(const Call& call, const Door& door) {
  WebhookDelivery row;
  row.id = WebhookDeliveryId::make(call.now, call.services.random);
  row.endpoint = call.path;
  row.preset = door.preset;
  row.persona_id = door.persona;
  row.received_at = call.now;
  row.size = std::ssize(call.body_text);
  row.headers = masked_headers(call.headers, door.secrets);
  return row;
}

Task<Result<void>> keep(Call& call, const Door& door, WebhookDelivery row, std::string_view body) {
  co_return co_await call.services.store.write(
      [&, row = std::move(row)](store::Transaction& tx) -> Result<void> {
        return store::log_delivery(tx, door.tenant, row, body);
      });
}

// The body of what nobody has proven is not kept: it would be a stranger's storage.
Task<Result<Reply>> refuse(Call& call, const Door& door, Refusal why) {
  auto row = new_row(call, door);
  row.status = DeliveryStatus::kRefused;
  row.error = webhook_auth::reason_of(why);
  CO_TRY_VOID(co_await keep(call, door, std::move(row), {}));
  co_return unproven();
}

Event event_of(const Call& call, const Arrival& arrival) {
  Event event;
  event.id = arrival.event_id;
  event.event_type = arrival.delivery.event_type;
  event.source_type = source_type_of(arrival.door.preset);
  const auto& named = arrival.delivery.source;
  event.source_id = named.empty() ? arrival.door.source : named;
  if (event.source_id->empty()) event.source_id.reset();
  event.target_persona_id = arrival.door.persona;
  event.payload = codec::JsonText{arrival.delivery.payload};
  event.origin = call.services.facts.instance;
  event.created_at = call.now;
  return event;
}

// The persona's triggers of type webhook publish their own events, with what has come.
Result<void> fire_triggers(const Call& call, store::Transaction& tx, const Arrival& arrival,
                           const EventId& follows, store::AfterCommit& after) {
  if (!arrival.door.persona) return {};
  const auto& tenant = arrival.door.tenant;
  TRY(auto found, triggers::webhook_triggers(tx, tenant, *arrival.door.persona));
  for (auto& trigger : found) {
    TRY(auto plan, triggers::plan_of(trigger));
    plan.config.payload = codec::RawJson{arrival.delivery.payload};
    const triggers::Slot slot{.at = call.now,
                              .kind = FiringKind::kWebhook,
                              .ids = triggers::FiringIds::make(call.now, call.services.random),
                              .follows = follows};
    TRY_VOID(triggers::publish_now(tx, call.services.bus, call.services.facts.instance, tenant,
                                   std::move(trigger), plan, slot, call.now, after));
  }
  return {};
}

// The event and the log's row of it, in `tx`.
Result<store::Published> publish(const Call& call, store::Transaction& tx, Arrival& arrival,
                                 std::string dedupe_key, store::AfterCommit& after) {
  const auto& tenant = arrival.door.tenant;
  store::NewEvent event{.event = event_of(call, arrival), .dedupe_key = std::move(dedupe_key)};
  TRY(auto published, call.services.bus.publish(tx, tenant, event, after));
  arrival.row.event_id = published.id;
  arrival.row.event_type = arrival.delivery.event_type;
  if (!arrival.delivery.delivery_id.empty()) {
    arrival.row.source_delivery_id = arrival.delivery.delivery_id;
  }
  TRY_VOID(store::log_delivery(tx, tenant, arrival.row, arrival.body));
  if (published.was == store::Published::Was::kNew) {
    TRY_VOID(fire_triggers(call, tx, arrival, published.id, after));
  }
  return published;
}

Result<WebhookReceipt> take_in(const Call& call, store::Transaction& tx, Arrival& arrival,
                               store::AfterCommit& after) {
  after.clear();  // the closure may run again
  const auto& tenant = arrival.door.tenant;
  const auto& endpoint = arrival.row.endpoint;
  const auto& id = arrival.delivery.delivery_id;
  if (!id.empty()) {
    TRY(const auto seen, store::find_seen(tx, tenant, endpoint, id));
    if (seen) {
      TRY_VOID(store::count_repetition(tx, tenant, seen->delivery));
      return WebhookReceipt{seen->delivery, seen->event, arrival.delivery.event_type, true};
    }
  }
  const auto key = id.empty() ? std::string() : endpoint + " " + id;
  TRY(const auto published, publish(call, tx, arrival, key, after));
  if (!id.empty()) {
    TRY_VOID(store::note_seen(tx, tenant, endpoint, id, {arrival.row.id, published.id}, call.now));
  }
  return WebhookReceipt{arrival.row.id, published.id, arrival.delivery.event_type,
                        published.was == store::Published::Was::kRepeated};
}

// Slack shows the body of an answer to a command to who gave it.
Reply reply_to(const Call& call, Preset preset, const WebhookReceipt& receipt) {
  const auto type = call.headers.get("Content-Type");
  if (preset == Preset::kSlack && type.starts_with("application/x-www-form-urlencoded")) {
    return {.status = 200, .content_type = {}};
  }
  return json_reply(200, receipt);
}

Task<Result<Reply>> enter(Call& call, const Door& door, const Proof& proof,
                          const webhook_auth::Incoming& incoming) {
  call.principal.tenant = door.tenant;
  auto delivery = webhook_auth::read_delivery(door.preset, proof, incoming);
  if (!delivery) {
    const auto why = delivery.error();
    if (why == Refusal::kTooOld || why == Refusal::kTooNew) {
      co_return co_await refuse(call, door, why);
    }
    auto row = new_row(call, door);
    row.status = DeliveryStatus::kMalformed;
    row.error = webhook_auth::reason_of(why);
    CO_TRY_VOID(co_await keep(call, door, std::move(row), call.body_text));
    co_return not_of_sender(door.preset);
  }
  if (delivery->challenge) {
    auto row = new_row(call, door);
    row.status = DeliveryStatus::kAnswered;
    CO_TRY_VOID(co_await keep(call, door, std::move(row), call.body_text));
    Reply reply;
    reply.body = "{\"challenge\":";
    codec::append_json_string(*delivery->challenge, reply.body);
    reply.body += '}';
    co_return reply;
  }
  Arrival arrival{.door = door, .body = call.body_text, .row = new_row(call, door)};
  arrival.delivery = std::move(*delivery);
  arrival.event_id = EventId::make(call.now, call.services.random);
  store::AfterCommit after;
  auto receipt = co_await call.services.store.write(
      [&](store::Transaction& tx) { return take_in(call, tx, arrival, after); });
  if (!receipt) co_return fail(std::move(receipt).error());
  for (const auto& action : after) action();
  co_return reply_to(call, door.preset, *receipt);
}

Task<Result<Reply>> receive(Call& call, FindDoors find) {
  auto found = co_await call.services.store.read(
      [&call, find](store::Transaction& tx) { return find(call, tx); });
  if (!found) co_return fail(std::move(found).error());
  const auto& doors = *found;
  const auto fields = fields_of(call.headers.all());
  const webhook_auth::Incoming incoming{fields, call.body_text, call.now};
  if (doors.empty()) co_return unproven();
  auto refusal = Refusal::kNoSecret;
  for (const auto& door : doors) {
    if (door.lock == Door::Lock::kOpen) {
      const Proof none;
      co_return co_await enter(call, door, none, incoming);
    }
    const auto proof = webhook_auth::authenticate(door.preset, door.secrets, incoming);
    if (proof) co_return co_await enter(call, door, *proof, incoming);
    refusal = proof.error();
  }
  co_return co_await refuse(call, doors.front(), refusal);
}

Task<Result<Reply>> receive_for_persona(Call& call) {
  return receive(call, &persona_doors);
}
Task<Result<Reply>> receive_from_source(Call& call) {
  return receive(call, &source_doors);
}
template <Preset P>
Task<Result<Reply>> receive_shared(Call& call) {
  return receive(
      call, [](const Call& asked, store::Transaction& tx) { return shared_doors(asked, tx, P); });
}

// ---- the log -----------------------------------------------------------------------------------

Result<Reply> list_webhook_deliveries(Call& call, store::Transaction& tx) {
  const auto& query = call.query<DeliveriesQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_deliveries(tx, call.tenant(), {query.status, std::move(page)}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<WebhookDelivery> require_delivery(const Call& call, store::Transaction& tx) {
  const auto id = call.id<WebhookDeliveryId>(0);
  return require(store::find_delivery(tx, call.tenant(), id), "webhook delivery", id.str());
}

// The row, with the body as one more member: text, or base64 of what is none.
Result<Reply> get_webhook_delivery(Call& call, store::Transaction& tx) {
  TRY(const auto row, require_delivery(call, tx));
  TRY(const auto body, store::body_of_delivery(tx, call.tenant(), row.id));
  Reply reply = json_reply(200, row);
  reply.body.pop_back();
  const bool is_text = is_utf8(body.value_or(""));
  reply.body += is_text ? ",\"body\":" : ",\"bodyBase64\":";
  const auto shown = is_text ? body.value_or("") : to_base64(as_bytes(*body));
  codec::append_json_string(shown, reply.body);
  reply.body += '}';
  return reply;
}

// The stored body again, as a new event. It was proven when it came.
Result<Reply> replay_webhook_delivery(Call& call, store::Transaction& tx) {
  TRY(const auto first, require_delivery(call, tx));
  TRY(const auto body, store::body_of_delivery(tx, call.tenant(), first.id));
  if (first.status != DeliveryStatus::kAccepted || !body) {
    return fail(ErrorCode::kUnprocessable,
                "Only a delivery that was accepted can be published again; ask its sender to "
                "repeat this one");
  }
  Door door{.tenant = call.tenant()};
  door.preset = first.preset;
  door.persona = first.persona_id;
  if (first.persona_id) TRY_VOID(require_persona(call, tx, *first.persona_id));
  if (first.event_id) {
    TRY(const auto event, store::find_event(tx, call.tenant(), *first.event_id));
    if (event) door.source = event->source_id.value_or("");
  }
  const auto headers = logged_headers(first.headers);
  const auto fields = fields_of(headers);
  const Proof proof{first.source_delivery_id.value_or(""), {}};
  auto delivery = webhook_auth::read_delivery(
      first.preset, proof, {fields, *body, first.received_at}, webhook_auth::Age::kKnown);
  if (!delivery) return not_of_sender(first.preset);
  Arrival arrival{.door = door, .body = *body, .row = new_row(call, door)};
  arrival.row.size = std::ssize(*body);
  arrival.row.endpoint = first.endpoint;
  arrival.row.headers = first.headers;
  arrival.row.replay_of = first.id;
  arrival.delivery = std::move(*delivery);
  arrival.event_id = EventId::make(call.now, call.services.random);
  store::AfterCommit after;
  TRY(const auto published, publish(call, tx, arrival, {}, after));
  call.after_commit = std::move(after);
  return json_reply(201, WebhookReplay{arrival.row.id, published.id, arrival.delivery.event_type,
                                       first.id, first.event_id});
}

// ---- the table ---------------------------------------------------------------------------------

Operation entrance(std::string_view id, std::string_view path, std::string_view summary,
                   Async handler) {
  return {.id = id,
          .method = "POST",
          .path = path,
          .summary = summary,
          .tag = "Webhooks",
          .access = Access::kProof,
          .scope = Scope::kRun,
          .output = {nullptr, OutputType::Shape::kJson},
          .errors = {ErrorCode::kNotFound},
          .max_body_bytes = webhook_auth::kMaxBodyBytes,
          .handler = handler};
}

}  // namespace

void add_webhooks_in(Table& table) {
  table.push_back(entrance("receiveWebhook", "/api/webhooks/{personaId}",
                           "Receive any JSON for a persona, as event webhook_received",
                           &receive_for_persona));
  table.push_back(entrance("receiveSourceWebhook", "/api/hooks/{sourceId}",
                           "Receive a webhook at the address of a source", &receive_from_source));
  table.push_back(entrance("receiveGitlabWebhook", "/api/gitlab/webhook",
                           "Receive a webhook of GitLab, as event gitlab_<object_kind>",
                           &receive_shared<Preset::kGitlab>));
  table.back().key_header = webhook_auth::kGitlabTokenHeader;
  table.push_back(entrance("receiveGithubWebhook", "/api/github/webhook",
                           "Receive a webhook of GitHub, as event github_<event>",
                           &receive_shared<Preset::kGithub>));
  table.push_back(entrance("receiveSlackWebhook", "/api/slack/webhook",
                           "Receive a request of Slack, as event slack_<type>",
                           &receive_shared<Preset::kSlack>));
  table.push_back(entrance("receiveStripeWebhook", "/api/stripe/webhook",
                           "Receive a webhook of Stripe, as event stripe_<type>",
                           &receive_shared<Preset::kStripe>));
  table.push_back(entrance("receiveLinearWebhook", "/api/linear/webhook",
                           "Receive a webhook of Linear, as event linear_<type>",
                           &receive_shared<Preset::kLinear>));
  table.push_back(entrance("receiveStandardWebhook", "/api/standard/webhook",
                           "Receive a webhook of the Standard Webhooks, as event standard_<type>",
                           &receive_shared<Preset::kStandard>));
  table.push_back({.id = "listWebhookDeliveries",
                   .method = "GET",
                   .path = "/api/webhooks/deliveries",
                   .summary = "List webhooks that came in, newest first",
                   .tag = "Webhooks",
                   .query = input<DeliveriesQuery>(),
                   .output = page<WebhookDelivery>(),
                   .handler = &list_webhook_deliveries});
  table.push_back({.id = "getWebhookDelivery",
                   .method = "GET",
                   .path = "/api/webhooks/deliveries/{id}",
                   .summary = "Get a webhook that came in, with its body",
                   .tag = "Webhooks",
                   .output = {nullptr, OutputType::Shape::kJson},
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_webhook_delivery});
  table.push_back({.id = "replayWebhookDelivery",
                   .method = "POST",
                   .path = "/api/webhooks/deliveries/{id}/replay",
                   .summary = "Publish a webhook that came in again, as a new event",
                   .tag = "Webhooks",
                   .scope = Scope::kRun,
                   .output = one<WebhookReplay>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
                   .handler = Write{&replay_webhook_delivery}});
}

}  // namespace personas::operations
