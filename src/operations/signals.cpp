// Events, messages and memories.
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

// A persona that a body names must exist.
Result<void> check_persona(const Call& call, store::Transaction& tx,
                           const std::optional<PersonaId>& id, std::string_view field) {
  if (!id) return {};
  TRY(const auto persona, store::find_persona(tx, call.tenant(), *id));
  if (persona) return {};
  return fail(ErrorCode::kNotFound, "There is no persona '" + id->str() + "'",
              {{std::string(field), "is not the id of a persona"}});
}

std::string_view text_of(const std::optional<PersonaId>& id) {
  return id ? std::string_view(id->str()) : std::string_view();
}

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
                                      {query.persona_id, query.execution_id, std::move(page)}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> create_memory(Call& call, store::Transaction& tx) {
  Memory memory = call.body<Memory>();
  TRY_VOID(check_persona(call, tx, memory.persona_id, "/personaId"));
  memory.id = MemoryId::make(call.now, call.services.random);
  memory.created_at = call.now;
  TRY_VOID(store::insert_memory(tx, call.tenant(), memory, {}));
  TRY_VOID(record_fact(call, tx, record::kMemoryCreated,
                       record::SignalRecord{memory.id.str(), memory.persona_id, std::nullopt},
                       {.persona = text_of(memory.persona_id)}));
  return json_reply(201, memory);
}

Result<Reply> delete_memory(Call& call, store::Transaction& tx) {
  const auto id = call.id<MemoryId>(0);
  TRY(const bool deleted, store::delete_memory(tx, call.tenant(), id));
  if (!deleted) return not_found("memory", id.str());
  TRY_VOID(record_fact(call, tx, record::kMemoryDeleted,
                       record::SignalRecord{id.str(), std::nullopt, std::nullopt}));
  return empty_reply();
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
  table.push_back({.id = "createMemory",
                   .method = "POST",
                   .path = "/api/memories",
                   .summary = "Give a persona a memory",
                   .tag = "Memories",
                   .scope = Scope::kWrite,
                   .body = input<Memory>(),
                   .output = one<Memory>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&create_memory}});
  table.push_back({.id = "deleteMemory",
                   .method = "DELETE",
                   .path = "/api/memories/{id}",
                   .summary = "Delete a memory",
                   .tag = "Memories",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_memory}});
}

}  // namespace personas::operations
