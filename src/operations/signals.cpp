// Events and messages.
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "signal_requests.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

Result<Reply> publish_event(Call& call, store::Transaction& tx) {
  Event event = call.body<Event>();
  TRY_VOID(check_persona(call, tx, event.target_persona_id, "/targetPersonaId"));
  event.id = EventId::make(call.now, call.services.random);
  if (event.source_type.empty()) event.source_type = "manual";
  event.origin = call.services.facts.instance;
  event.created_at = call.now;
  TRY_VOID(store::insert_event(tx, call.tenant(), event, {}));
  TRY_VOID(record_fact(call, tx, record::kEventPublished,
                       record::EventPublished{event.id, event.event_type, event.source_type,
                                              event.target_persona_id, event.origin},
                       {.persona = text_of(event.target_persona_id)}));
  return json_reply(201, event);
}

Result<Reply> list_events(Call& call, store::Transaction& tx) {
  const auto& query = call.query<EventsQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows,
      store::list_events(tx, call.tenant(), {query.event_type, query.status, std::move(page)}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> get_event(Call& call, store::Transaction& tx) {
  const auto id = call.id<EventId>(0);
  TRY(const auto event, require(store::find_event(tx, call.tenant(), id), "event", id.str()));
  return json_reply(200, event);
}

Result<Reply> list_messages(Call& call, store::Transaction& tx) {
  const auto& query = call.query<MessagesQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_messages(tx, call.tenant(),
                                      {query.persona_id, query.execution_id, std::move(page),
                                       query.unread ? store::MessageFilter::Reading::kUnread
                                                    : store::MessageFilter::Reading::kAny}));
  return page_reply(call, std::move(rows), query.limit);
}

// Only whether somebody has read it changes; the rest is the agent's.
Result<Reply> mark_message(Call& call, store::Transaction& tx) {
  const auto id = call.id<MessageId>(0);
  TRY(auto message, require(store::find_message(tx, call.tenant(), id), "message", id.str()));
  if (message.read != call.body<MessageBody>().read) {
    message.read = call.body<MessageBody>().read;
    TRY_VOID(store::update_message(tx, call.tenant(), message));
    TRY_VOID(record_fact(
        call, tx, record::kMessageUpdated,
        record::SignalRecord{message.id.str(), message.persona_id, message.execution_id},
        {.persona = text_of(message.persona_id)}));
  }
  return json_reply(200, message);
}

}  // namespace

void add_signals(Table& table) {
  table.push_back({.id = "publishEvent",
                   .method = "POST",
                   .path = "/api/events",
                   .summary = "Publish an event",
                   .tag = "Events",
                   .scope = Scope::kRun,
                   .body = input<Event>(),
                   .example = R"({"eventType": "issue.opened", "payload": {"issue": 42}})",
                   .output = one<Event>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&publish_event}});
  table.push_back({.id = "listEvents",
                   .method = "GET",
                   .path = "/api/events",
                   .summary = "List events, newest first",
                   .tag = "Events",
                   .query = input<EventsQuery>(),
                   .output = page<Event>(),
                   .handler = &list_events});
  table.push_back({.id = "getEvent",
                   .method = "GET",
                   .path = "/api/events/{id}",
                   .summary = "Get an event",
                   .tag = "Events",
                   .output = one<Event>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_event});
  table.push_back({.id = "listMessages",
                   .method = "GET",
                   .path = "/api/messages",
                   .summary = "List messages of agents, newest first",
                   .tag = "Messages",
                   .query = input<MessagesQuery>(),
                   .output = page<Message>(),
                   .handler = &list_messages});
  table.push_back({.id = "markMessage",
                   .method = "PATCH",
                   .path = "/api/messages/{id}",
                   .summary = "Mark a message as read, or as not read",
                   .tag = "Messages",
                   .scope = Scope::kRun,
                   .body = input<MessageBody>(),
                   .output = one<Message>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&mark_message}});
}

}  // namespace personas::operations
