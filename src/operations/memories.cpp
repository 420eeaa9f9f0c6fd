// What agents remember, of their own and shared by all.
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "signal_requests.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

Result<void> record_memory(const Call& call, store::Transaction& tx, std::string_view type,
                           const Memory& memory) {
  return record_fact(call, tx, type,
                     record::SignalRecord{memory.id.str(), memory.persona_id, std::nullopt},
                     {.persona = text_of(memory.persona_id)});
}

Result<Reply> list_memories(Call& call, store::Transaction& tx) {
  using Shared = store::MemoryFilter::Shared;
  const auto& query = call.query<MemoriesQuery>();
  TRY(auto page, page_of(call, query.limit, query.cursor));
  // Of one persona: its own, unless the shared ones are asked for too. Else all, or one kind.
  const auto otherwise = query.persona_id ? Shared::kNot : Shared::kAsWell;
  const auto shared = !query.shared      ? otherwise
                      : !*query.shared   ? Shared::kNot
                      : query.persona_id ? Shared::kAsWell
                                         : Shared::kOnly;
  TRY(auto rows,
      store::search_memories(tx, call.tenant(),
                             {query.persona_id, shared, query.q.value_or(""), std::move(page)}));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> get_memory(Call& call, store::Transaction& tx) {
  const auto id = call.id<MemoryId>(0);
  TRY(const auto memory, require(store::find_memory(tx, call.tenant(), id), "memory", id.str()));
  return json_reply(200, memory);
}

Result<Reply> create_memory(Call& call, store::Transaction& tx) {
  Memory memory = call.body<Memory>();
  TRY_VOID(check_persona(call, tx, memory.persona_id, "/personaId"));
  memory.id = MemoryId::make(call.now, call.services.random);
  memory.created_at = call.now;
  TRY_VOID(store::insert_memory(tx, call.tenant(), memory, {}));
  TRY_VOID(record_memory(call, tx, record::kMemoryCreated, memory));
  return json_reply(201, memory);
}

Result<Reply> update_memory(Call& call, store::Transaction& tx) {
  const auto id = call.id<MemoryId>(0);
  TRY(const auto before, require(store::find_memory(tx, call.tenant(), id), "memory", id.str()));
  Memory memory = before;
  TRY_VOID(merge_body(call, memory));
  TRY_VOID(same_id(memory.id, id));
  TRY_VOID(check_persona(call, tx, memory.persona_id, "/personaId"));
  // What it is and whence it came stays, whatever a client sent back.
  memory.id = before.id;
  memory.execution_id = before.execution_id;
  memory.created_at = before.created_at;
  TRY_VOID(store::update_memory(tx, call.tenant(), memory));
  TRY_VOID(record_memory(call, tx, record::kMemoryUpdated, memory));
  return json_reply(200, memory);
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

void add_memories(Table& table) {
  table.push_back({.id = "listMemories",
                   .method = "GET",
                   .path = "/api/memories",
                   .summary = "List and search memories, newest first",
                   .tag = "Memories",
                   .query = input<MemoriesQuery>(),
                   .output = page<Memory>(),
                   .handler = &list_memories});
  table.push_back({.id = "getMemory",
                   .method = "GET",
                   .path = "/api/memories/{id}",
                   .summary = "Get a memory",
                   .tag = "Memories",
                   .output = one<Memory>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_memory});
  table.push_back({.id = "createMemory",
                   .method = "POST",
                   .path = "/api/memories",
                   .summary = "Give a persona a memory",
                   .tag = "Memories",
                   .scope = Scope::kWrite,
                   .body = input<Memory>(),
                   .example = R"({"title": "Style", "content": "Short answers are liked."})",
                   .output = one<Memory>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&create_memory}});
  table.push_back({.id = "updateMemory",
                   .method = "PATCH",
                   .path = "/api/memories/{id}",
                   .summary = "Change some fields of a memory",
                   .tag = "Memories",
                   .scope = Scope::kWrite,
                   .body = input<Memory>(InputType::Form::kPartial),
                   .output = one<Memory>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&update_memory}});
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
