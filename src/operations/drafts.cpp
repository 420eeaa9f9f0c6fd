// Personas from a description: asking an agent for a draft, looking at it, applying it.
#include <algorithm>

#include "personas/design/draft_store.hpp"
#include "personas/design/prompt.hpp"
#include "personas/design/read.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/draft_requests.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/reactor/watches.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using design::DraftStatus;
using design::PersonaDraft;
using identity::Scope;
using store::Transaction;

Result<PersonaDraft> require_draft(const Call& call, Transaction& tx) {
  const auto id = call.id<DraftId>(0);
  return require(design::find_draft(tx, call.tenant(), id), "draft", id.str());
}

Result<void> record_draft(const Call& call, Transaction& tx, const PersonaDraft& draft) {
  const record::DraftUpdated record{draft.id, draft.execution_id, draft.persona_id,
                                    std::string(codec::name_of(draft.status))};
  return record_fact(call, tx, record::kDraftUpdated, record,
                     {.execution = draft.execution_id.str(),
                      .persona = draft.persona_id ? std::string_view(draft.persona_id->str())
                                                  : std::string_view()});
}

Result<std::vector<std::string>> tool_names(Transaction& tx, const TenantId& tenant,
                                            const PersonaId& persona) {
  TRY(const auto tools, store::tools_of(tx, tenant, persona));
  std::vector<std::string> names;
  for (const auto& tool : tools) names.push_back(tool.name);
  return names;
}

// The persona that a draft changes, if it is one that changes something.
Result<void> add_persona(const Call& call, Transaction& tx, const std::optional<PersonaId>& id,
                         design::DesignRequest& request) {
  if (!id) return {};
  TRY(request.persona, require_persona(call, tx, *id));
  TRY(request.persona_tools, tool_names(tx, call.tenant(), *id));
  return {};
}

// Enqueues the execution and inserts the draft that waits for it.
Result<Reply> start_draft(Call& call, Transaction& tx, PersonaDraft draft,
                          const design::DesignRequest& request, const AgentChoice& agent) {
  TRY_VOID(call.services.executions.admit(call.tenant()));
  draft.id = DraftId::make(call.now, call.services.random);
  draft.execution_id = ExecutionId::make(call.now, call.services.random);
  draft.created_at = draft.updated_at = call.now;
  execution::ExecuteRequest execute;
  execute.prompt = design::design_prompt(request, call.services.random);
  execute.config.emplace();
  execute.config->backend = agent.backend;
  execute.config->model = agent.model;
  TRY(auto enqueued, execution::enqueue(tx, call.tenant(), draft.execution_id, execute,
                                        execution::Source::kDesign, call.now));
  TRY_VOID(design::insert_draft(tx, call.tenant(), draft));
  TRY_VOID(reactor::watch(tx, call.tenant(),
                          {draft.execution_id, reactor::Purpose::kDraft, draft.id.str()}));
  TRY_VOID(record_draft(call, tx, draft));
  call.after_commit.push_back([&services = call.services, queued = std::move(enqueued.queued)] {
    services.executions.enqueued(queued);
  });
  return json_reply(202, DraftStarted{draft.execution_id, draft.id});
}

Result<Reply> compile_persona(Call& call, Transaction& tx) {
  const auto& body = call.body<CompileBody>();
  design::DesignRequest request{.description = body.description};
  TRY(request.vocabulary, design::vocabulary_of(tx, call.tenant()));
  TRY_VOID(add_persona(call, tx, body.persona_id, request));
  PersonaDraft draft;
  draft.persona_id = body.persona_id;
  draft.description = body.description;
  return start_draft(call, tx, std::move(draft), request, {body.backend, body.model});
}

Result<Reply> revise_draft(Call& call, Transaction& tx) {
  const auto& body = call.body<ReviseBody>();
  TRY(auto before, require_draft(call, tx));
  if (before.status == DraftStatus::kRunning) {
    return fail(ErrorCode::kConflict, "The draft is still being written; wait for its execution");
  }
  if (before.status == DraftStatus::kApplied) {
    return fail(ErrorCode::kConflict,
                "The draft is applied; change the persona with POST /api/personas/compile and its "
                "personaId");
  }
  design::DesignRequest request{.description = before.description};
  request.feedback = body.feedback;
  request.problems = before.problems;
  request.draft = std::move(before.draft);
  TRY(request.vocabulary, design::vocabulary_of(tx, call.tenant()));
  TRY_VOID(add_persona(call, tx, before.persona_id, request));
  // What a later revision is told: the whole wish, not only its last part.
  PersonaDraft draft;
  draft.persona_id = before.persona_id;
  draft.revises = before.id;
  draft.description = before.description;
  if (!body.feedback.empty()) draft.description += "\n\n" + body.feedback;
  return start_draft(call, tx, std::move(draft), request, {body.backend, body.model});
}

Result<Reply> list_drafts(Call& call, Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, design::list_drafts(tx, call.tenant(), page));
  return page_reply(call, std::move(rows), query.limit);
}

Result<std::vector<design::DraftConnector>> missing(Transaction& tx, const TenantId& tenant,
                                                    const design::Draft& draft) {
  TRY(const auto vocabulary, design::vocabulary_of(tx, tenant));
  std::vector<design::DraftConnector> all;
  for (const auto& connector : draft.connectors) {
    const auto& known = vocabulary.connectors;
    if (std::ranges::find(known, connector.service_type) == known.end()) all.push_back(connector);
  }
  return all;
}

Result<Reply> get_draft(Call& call, Transaction& tx) {
  TRY(auto draft, require_draft(call, tx));
  design::DraftReport report;
  static_cast<PersonaDraft&>(report) = std::move(draft);
  if (report.status != DraftStatus::kReady || !report.draft) return json_reply(200, report);
  TRY(const auto parsed, design::parse_draft(*report.draft));
  std::optional<Persona> existing;
  std::vector<std::string> tools;
  if (report.persona_id) {
    TRY(existing, store::find_persona(tx, call.tenant(), *report.persona_id));
    TRY(tools, tool_names(tx, call.tenant(), *report.persona_id));
  }
  TRY(report.changes, design::changes_of(parsed, existing, tools));
  TRY(report.missing_connectors, missing(tx, call.tenant(), parsed));
  auto conflicts = design::conflicts_of(tx, call.tenant(), report, {});
  if (conflicts) {
    report.conflicts = std::move(*conflicts);
  } else {
    report.conflicts = {{"", conflicts.error().message}};
  }
  return json_reply(200, report);
}

Result<void> write_plan(Call& call, Transaction& tx, design::Plan& plan) {
  Persona& persona = plan.persona;
  persona.updated_at = call.now;
  if (plan.is_new) {
    persona.id = PersonaId::make(call.now, call.services.random);
    persona.created_at = call.now;
    TRY_VOID(store::insert_persona(tx, call.tenant(), persona));
  } else {
    TRY_VOID(store::update_persona(tx, call.tenant(), persona));
  }
  TRY_VOID(record_fact(call, tx, plan.is_new ? record::kPersonaCreated : record::kPersonaUpdated,
                       record::Named{persona.id.str(), persona.name},
                       {.persona = persona.id.str()}));
  for (auto& tool : plan.new_tools) {
    tool.id = ToolId::make(call.now, call.services.random);
    tool.created_at = tool.updated_at = call.now;
    TRY_VOID(store::insert_tool(tx, call.tenant(), tool));
    TRY_VOID(record_fact(call, tx, record::kToolCreated, record::Named{tool.id.str(), tool.name}));
    plan.links.push_back(tool.id);
  }
  for (const auto& tool : plan.links) {
    TRY_VOID(store::link_tool(tx, call.tenant(), persona.id, tool, call.now));
  }
  for (const auto& tool : plan.unlinks) {
    TRY_VOID(store::unlink_tool(tx, call.tenant(), persona.id, tool));
  }
  return {};
}

Result<Reply> apply_draft(Call& call, Transaction& tx) {
  const auto& body = call.body<ApplyDraftBody>();
  TRY(auto draft, require_draft(call, tx));
  using Taken = design::ApplyOptions::TakenTools;
  TRY(auto plan,
      design::plan_apply(
          tx, call.tenant(), draft,
          {.name = body.name, .taken_tools = body.reuse_tools ? Taken::kReuse : Taken::kRefuse}));
  TRY_VOID(write_plan(call, tx, plan));
  draft.status = DraftStatus::kApplied;
  draft.persona_id = plan.persona.id;
  draft.updated_at = call.now;
  TRY_VOID(design::update_draft(tx, call.tenant(), draft));
  TRY_VOID(record_draft(call, tx, draft));
  call.after_commit.push_back([&services = call.services, tenant = call.tenant(),
                               id = plan.persona.id, limit = plan.persona.max_concurrent] {
    services.executions.persona_changed(tenant, id, limit);
  });
  return json_reply(200, plan.persona);
}

// An execution that still writes it is asked to stop: nobody reads its answer any more.
Result<Reply> remove_draft(Call& call, Transaction& tx) {
  TRY(const auto draft, require_draft(call, tx));
  TRY_VOID(design::delete_draft(tx, call.tenant(), draft.id));
  if (draft.status != DraftStatus::kRunning) return empty_reply();
  TRY_VOID(reactor::take_watch(tx, call.tenant(), draft.execution_id));
  TRY(const auto cancelled, execution::request_cancel(tx, call.tenant(), draft.execution_id,
                                                      "Its draft was deleted", call.now));
  using Was = execution::CancelResult::Was;
  if (cancelled.was == Was::kQueued || cancelled.was == Was::kRunning) {
    call.after_commit.push_back(
        [&services = call.services, tenant = call.tenant(), id = draft.execution_id] {
          services.executions.cancel_requested(tenant, id);
        });
  }
  return empty_reply();
}

void add_making(Table& table) {
  table.push_back({.id = "compilePersona",
                   .method = "POST",
                   .path = "/api/personas/compile",
                   .summary = "Have an agent draft a persona from a description, or a change of "
                              "one; the execution streams",
                   .tag = "Drafts",
                   .scope = Scope::kRun,
                   .body = input<CompileBody>(),
                   .output = one<DraftStarted>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnavailable},
                   .handler = Write{&compile_persona}});
  table.push_back({.id = "reviseDraft",
                   .method = "POST",
                   .path = "/api/personas/drafts/{id}/revise",
                   .summary = "Have a draft written again, given its problems and your feedback",
                   .tag = "Drafts",
                   .scope = Scope::kRun,
                   .body = input<ReviseBody>(),
                   .output = one<DraftStarted>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnavailable},
                   .handler = Write{&revise_draft}});
}

}  // namespace

void add_drafts(Table& table) {
  add_making(table);
  table.push_back({.id = "listDrafts",
                   .method = "GET",
                   .path = "/api/personas/drafts",
                   .summary = "List drafts of personas, newest first, without their contents",
                   .tag = "Drafts",
                   .query = input<PageQuery>(),
                   .output = page<PersonaDraft>(),
                   .handler = &list_drafts});
  table.push_back({.id = "getDraft",
                   .method = "GET",
                   .path = "/api/personas/drafts/{id}",
                   .summary = "Get a draft, with what applying it would change",
                   .tag = "Drafts",
                   .output = one<design::DraftReport>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_draft});
  table.push_back(
      {.id = "applyDraft",
       .method = "POST",
       .path = "/api/personas/drafts/{id}/apply",
       .summary = "Make the persona that a draft describes, with its tools",
       .tag = "Drafts",
       .scope = Scope::kWrite,
       .body = input<ApplyDraftBody>(),
       .output = one<Persona>(),
       .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnprocessable},
       .handler = Write{&apply_draft}});
  table.push_back({.id = "deleteDraft",
                   .method = "DELETE",
                   .path = "/api/personas/drafts/{id}",
                   .summary = "Delete a draft; one that is being written is cancelled",
                   .tag = "Drafts",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&remove_draft}});
}

}  // namespace personas::operations
