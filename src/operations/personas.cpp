// Personas, and what belongs to one.
#include "personas/bus/subscription_store.hpp"
#include "personas/catalog/group_store.hpp"
#include "personas/catalog/versions.hpp"
#include "personas/evaluation/test_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/model/persona.hpp"
#include "personas/operations/catalog_requests.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"
#include "personas/triggers/trigger_store.hpp"
#include "personas/vault/webhook_secrets.hpp"

#include "call_form.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

std::string_view note_of(const Call& call) {
  const auto& note = call.query<NoteQuery>().note;
  return note ? std::string_view(*note) : std::string_view();
}

Result<Reply> save_over(Call& call, store::Transaction& tx, Persona persona) {
  TRY(const auto saved, save_persona(call, tx, std::move(persona), note_of(call)));
  return json_reply(200, saved);
}

// A whole persona in place of what is there. What the server alone knows stays, and so does the
// secret unless a new one is given: a client that sends back what it got does not have it.
Result<Reply> replace_with(Call& call, store::Transaction& tx, const Persona& existing) {
  Persona persona = call.body<Persona>();
  persona.id = existing.id;
  persona.created_at = existing.created_at;
  if (!call.json.as_object().contains("webhookSecret")) {
    persona.webhook_secret = existing.webhook_secret;
  }
  return save_over(call, tx, std::move(persona));
}

Result<Reply> list_personas(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PersonasQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, query.group_id ? catalog::personas_of_group(tx, call.tenant(), *query.group_id,
                                                             page.after.value_or(""), page.limit)
                                : store::list_personas(tx, call.tenant(), page));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> create_persona(Call& call, store::Transaction& tx) {
  Persona persona = call.body<Persona>();
  if (persona.id.empty()) {
    persona.id = PersonaId::make(call.now, call.services.random);
  } else {
    TRY(const auto existing, store::find_persona(tx, call.tenant(), persona.id));
    if (existing) return replace_with(call, tx, *existing);
  }
  TRY_VOID(require_free_name(call, tx, persona));
  TRY_VOID(check_input_schema(persona));
  TRY_VOID(catalog::check_group(tx, call.tenant(), {}, persona.group_id));
  persona.created_at = persona.updated_at = call.now;
  TRY_VOID(
      vault::keep_webhook_secret(tx, call.services.vault, call.tenant(), {}, persona, call.now));
  TRY_VOID(store::insert_persona(tx, call.tenant(), persona));
  TRY_VOID(catalog::note_creation(tx, call.tenant(), persona, note_of(call), call.now));
  TRY_VOID(record_persona(call, tx, record::kPersonaCreated, persona));
  return json_reply(201, persona);
}

Result<Reply> get_persona(Call& call, store::Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  return json_reply(200, persona);
}

Result<Reply> replace_persona(Call& call, store::Transaction& tx) {
  const auto id = call.id<PersonaId>(0);
  TRY_VOID(same_id(call.body<Persona>().id, id));
  TRY(const auto existing, require_persona(call, tx, id));
  return replace_with(call, tx, existing);
}

Result<Reply> patch_persona(Call& call, store::Transaction& tx) {
  const auto id = call.id<PersonaId>(0);
  TRY(auto persona, require_persona(call, tx, id));
  TRY_VOID(merge_body(call, persona));
  TRY_VOID(same_id(persona.id, id));
  persona.id = id;
  return save_over(call, tx, std::move(persona));
}

Result<Reply> delete_persona(Call& call, store::Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY_VOID(store::delete_persona(tx, call.tenant(), persona.id));
  TRY_VOID(vault::forget_webhook_secret(tx, call.services.vault, call.tenant(), persona.id));
  TRY_VOID(catalog::forget_versions(tx, call.tenant(), persona.id));
  TRY_VOID(evaluation::delete_scenarios_of(tx, call.tenant(), persona.id));
  TRY_VOID(bus::delete_subscriptions_of(tx, call.tenant(), persona.id, call.services.random));
  TRY_VOID(triggers::delete_triggers_of(tx, call.tenant(), persona.id));
  TRY_VOID(record_persona(call, tx, record::kPersonaDeleted, persona));
  return empty_reply();
}

Result<Reply> list_persona_tools(Call& call, store::Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto tools, store::tools_of(tx, call.tenant(), persona.id));
  return list_reply(tools);
}

Result<Reply> link_tool(Call& call, store::Transaction& tx) {
  const auto& tool = call.body<LinkToolBody>().tool_id;
  TRY(auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto found, store::find_tool(tx, call.tenant(), tool));
  if (!found) {
    return fail(ErrorCode::kNotFound, "There is no tool definition '" + tool.str() + "'",
                {{"/toolId", "is not the id of a tool definition"}});
  }
  TRY(const auto before, catalog::state_of(tx, call.tenant(), persona));
  TRY_VOID(store::link_tool(tx, call.tenant(), persona.id, tool, call.now));
  TRY_VOID(catalog::note_change(tx, call.tenant(), before, persona, {}, call.now));
  TRY_VOID(record_persona(call, tx, record::kPersonaUpdated, persona));
  return json_reply(201, ToolLink{persona.id, tool});
}

Result<Reply> unlink_tool(Call& call, store::Transaction& tx) {
  const auto tool = call.id<ToolId>(1);
  TRY(auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto before, catalog::state_of(tx, call.tenant(), persona));
  TRY(const bool unlinked, store::unlink_tool(tx, call.tenant(), persona.id, tool));
  if (!unlinked) return not_found("linked tool", tool.str());
  TRY_VOID(catalog::note_change(tx, call.tenant(), before, persona, {}, call.now));
  TRY_VOID(record_persona(call, tx, record::kPersonaUpdated, persona));
  return empty_reply();
}

Result<Reply> list_persona_memories(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(auto rows, store::list_memories(tx, call.tenant(), persona.id, page));
  return page_reply(call, std::move(rows), query.limit);
}

void add_belongings(Table& table) {
  table.push_back({.id = "listPersonaTools",
                   .method = "GET",
                   .path = "/api/personas/{id}/tools",
                   .summary = "List the tools of a persona",
                   .tag = "Personas",
                   .output = list<ToolDefinition>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_persona_tools});
  table.push_back({.id = "linkTool",
                   .method = "POST",
                   .path = "/api/personas/{id}/tools",
                   .summary = "Give a tool to a persona",
                   .tag = "Personas",
                   .scope = Scope::kWrite,
                   .body = input<LinkToolBody>(),
                   .output = one<ToolLink>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&link_tool}});
  table.push_back({.id = "unlinkTool",
                   .method = "DELETE",
                   .path = "/api/personas/{id}/tools/{toolId}",
                   .summary = "Take a tool from a persona",
                   .tag = "Personas",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&unlink_tool}});
  table.push_back({.id = "listPersonaMemories",
                   .method = "GET",
                   .path = "/api/personas/{id}/memories",
                   .summary = "List the memories of a persona, newest first",
                   .tag = "Memories",
                   .query = input<PageQuery>(),
                   .output = page<Memory>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_persona_memories});
}

}  // namespace

void add_personas(Table& table) {
  table.push_back({.id = "listPersonas",
                   .method = "GET",
                   .path = "/api/personas",
                   .summary = "List personas",
                   .tag = "Personas",
                   .query = input<PersonasQuery>(),
                   .output = page<Persona>(),
                   .handler = &list_personas});
  table.push_back(
      {.id = "createPersona",
       .method = "POST",
       .path = "/api/personas",
       .summary = "Create a persona, or replace the one with the given id",
       .tag = "Personas",
       .scope = Scope::kWrite,
       .query = input<NoteQuery>(),
       .body = input<Persona>(),
       .example =
           R"({"name": "Reviewer", "systemPrompt": "You review code.", "backend": "claude"})",
       .output = one<Persona>(),
       .status = 201,
       .errors = {ErrorCode::kConflict},
       .other_successes = {{200, one<Persona>()}},
       .handler = Write{&create_persona}});
  table.push_back({.id = "getPersona",
                   .method = "GET",
                   .path = "/api/personas/{id}",
                   .summary = "Get a persona",
                   .tag = "Personas",
                   .output = one<Persona>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_persona});
  table.push_back({.id = "replacePersona",
                   .method = "PUT",
                   .path = "/api/personas/{id}",
                   .summary = "Replace a persona; what is absent takes its default",
                   .tag = "Personas",
                   .scope = Scope::kWrite,
                   .query = input<NoteQuery>(),
                   .body = input<Persona>(),
                   .output = one<Persona>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&replace_persona}});
  table.push_back({.id = "updatePersona",
                   .method = "PATCH",
                   .path = "/api/personas/{id}",
                   .summary = "Change some fields of a persona; what is absent stays",
                   .tag = "Personas",
                   .scope = Scope::kWrite,
                   .query = input<NoteQuery>(),
                   .body = input<Persona>(InputType::Form::kPartial),
                   .output = one<Persona>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&patch_persona}});
  table.push_back({.id = "deletePersona",
                   .method = "DELETE",
                   .path = "/api/personas/{id}",
                   .summary = "Delete a persona; its executions stay",
                   .tag = "Personas",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_persona}});
  add_belongings(table);
}

}  // namespace personas::operations
