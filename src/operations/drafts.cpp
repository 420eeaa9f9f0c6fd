// Personas from a description: asking an agent for a draft, looking at it, applying it.
#include <algorithm>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/catalog/library.hpp"
#include "personas/design/draft_store.hpp"
#include "personas/design/prompt.hpp"
#include "personas/design/read.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/draft_requests.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/reactor/watches.hpp"

#include "import.hpp"
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

Result<design::Vocabulary> vocabulary_of(const Call& call, Transaction& tx) {
  TRY(auto vocabulary, design::vocabulary_of(tx, call.tenant()));
  vocabulary.library = catalog::library().tool_names();
  vocabulary.connector_types = catalog::library().connector_types();
  return vocabulary;
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
  TRY(request.vocabulary, vocabulary_of(call, tx));
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
  TRY(request.vocabulary, vocabulary_of(call, tx));
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

std::vector<design::DraftConnector> missing(const design::Draft& draft,
                                            const design::Vocabulary& vocabulary) {
  std::vector<design::DraftConnector> all;
  for (const auto& connector : draft.connectors) {
    const auto& known = vocabulary.connectors;
    if (std::ranges::find(known, connector.service_type) == known.end()) all.push_back(connector);
  }
  return all;
}

// Applying is importing: versions, names of tools and the library are dealt with there.
ImportBody import_of(const PersonaDraft& draft, const std::vector<codec::RawJson>& documents) {
  const std::string note = "designed: " + draft.description;
  return {.documents = documents,
          .mode = ImportMode::kMerge,
          .dry_run = false,
          .note = std::string(utf8_prefix(note, catalog::kMaxNote))};
}

// What importing it would change, without the notes on its design.
Result<std::vector<catalog::FieldChange>> changes_of(Call& call, Transaction& tx,
                                                     const PersonaDraft& draft,
                                                     const std::vector<codec::RawJson>& documents) {
  auto import = import_of(draft, documents);
  import.dry_run = true;
  TRY(const auto made, import_documents(call, tx, import));
  std::vector<catalog::FieldChange> changes;
  for (const auto& thing : made.things) {
    for (auto change : thing.changes) {
      if (change.field.starts_with("designContext")) continue;
      if (thing.kind == "Tool") change.field = fmt::format("tool {}.{}", thing.name, change.field);
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

Result<Reply> get_draft(Call& call, Transaction& tx) {
  TRY(auto draft, require_draft(call, tx));
  DraftReport report;
  static_cast<PersonaDraft&>(report) = std::move(draft);
  if (report.status != DraftStatus::kReady || !report.draft) return json_reply(200, report);
  TRY(const auto parsed, design::parse_draft(*report.draft));
  TRY(const auto vocabulary, vocabulary_of(call, tx));
  report.missing_connectors = missing(parsed, vocabulary);
  auto conflicts = design::conflicts_of(tx, call.tenant(), report, vocabulary, {});
  if (!conflicts) {
    report.conflicts = {{"", conflicts.error().message}};
    return json_reply(200, report);
  }
  report.conflicts = std::move(*conflicts);
  // Shown as if the names that are taken were given way to.
  const design::ApplyOptions options{
      .name = report.conflicts.empty() ? std::nullopt : std::optional("draft " + report.id.str()),
      .taken_tools = design::ApplyOptions::TakenTools::kReuse};
  const auto documents = design::documents_of(tx, call.tenant(), report, vocabulary, options);
  if (documents) {
    TRY(report.changes, changes_of(call, tx, report, *documents));
  }
  return json_reply(200, report);
}

Result<Reply> apply_draft(Call& call, Transaction& tx) {
  const auto& body = call.body<ApplyDraftBody>();
  TRY(auto draft, require_draft(call, tx));
  TRY(const auto vocabulary, vocabulary_of(call, tx));
  using Taken = design::ApplyOptions::TakenTools;
  TRY(const auto documents,
      design::documents_of(
          tx, call.tenant(), draft, vocabulary,
          {.name = body.name, .taken_tools = body.reuse_tools ? Taken::kReuse : Taken::kRefuse}));
  TRY(const auto made, import_documents(call, tx, import_of(draft, documents)));
  TRY(const auto persona, require_persona(call, tx, PersonaId(made.things.back().id)));
  draft.status = DraftStatus::kApplied;
  draft.persona_id = persona.id;
  draft.updated_at = call.now;
  TRY_VOID(design::update_draft(tx, call.tenant(), draft));
  TRY_VOID(record_draft(call, tx, draft));
  return json_reply(200, persona);
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
                   .example = R"({"description": "Watch our open issues.", "backend": "demo"})",
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
                   .output = one<DraftReport>(),
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
