// What failed and why, and the one call that mends it.
#include "personas/codec/json.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/diagnoses.hpp"

#include "healing_bodies.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using execution::ExecuteRequest;
using identity::Scope;

Result<Diagnosis> require_diagnosis(const Call& call, store::Transaction& tx) {
  const auto id = call.id<ExecutionId>(0);
  return require(store::find_diagnosis(tx, call.tenant(), id), "diagnosis of execution", id.str());
}

Result<Reply> get_diagnosis(Call& call, store::Transaction& tx) {
  TRY(const auto diagnosis, require_diagnosis(call, tx));
  return json_reply(200, diagnosis);
}

Result<Reply> list_diagnoses(Call& call, store::Transaction& tx) {
  const auto& query = call.query<DiagnosesQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_diagnoses(tx, call.tenant(), query.status, page));
  std::optional<std::string> next;
  if (rows.size() > static_cast<std::size_t>(query.limit)) {
    rows.resize(static_cast<std::size_t>(query.limit));
    next = call.services.pages.encode(call.tenant(), call.operation.id,
                                      rows.back().execution_id.str());
  }
  Reply reply = list_reply(rows);
  reply.next_cursor = std::move(next);
  return reply;
}

Result<void> change_persona(Call& call, store::Transaction& tx, const Diagnosis& diagnosis) {
  const auto& patch = diagnosis.fix->persona_patch;
  if (!patch || !diagnosis.persona_id) return {};
  TRY(auto persona, require_persona(call, tx, *diagnosis.persona_id));
  TRY(const auto json, codec::parse_json(patch->text));
  TRY_VOID(codec::read_into(json, persona,
                            {.completeness = codec::ReadOptions::Completeness::kPartial}));
  TRY_VOID(save_persona(call, tx, std::move(persona),
                        "mended after " + diagnosis.execution_id.str()));
  return {};
}

// The limits that the fix raises are the persona's; the run's own would hide them.
void forget_raised(FixKind kind, ExecuteRequest& request) {
  if (kind == FixKind::kRaiseTimeout) request.timeout_ms.reset();
  if (!request.config) return;
  auto& config = *request.config;
  if (kind == FixKind::kRaiseTimeout) config.timeout_ms.reset();
  if (kind == FixKind::kRaiseIdleTimeout) config.idle_timeout_ms.reset();
  if (kind == FixKind::kRaiseOutputLimit) config.max_output_bytes.reset();
  if (kind == FixKind::kRaiseTurns) config.max_turns.reset();
  if (kind == FixKind::kRaiseBudget) config.max_budget_usd.reset();
  if (kind == FixKind::kAllowTools) config.permission_policy.reset();
  if (kind == FixKind::kDefaultModel) config.model.reset();
}

Result<ExecutionId> run_again(Call& call, store::Transaction& tx, const Diagnosis& diagnosis) {
  TRY_VOID(call.services.executions.admit(call.tenant()));
  TRY(const auto before,
      execution::load(tx, call.tenant(), diagnosis.execution_id, execution::Output::kNone));
  ExecuteRequest request{.prompt = before.prompt,
                         .persona_id = before.persona_id,
                         .credential_ids = before.credential_ids,
                         .config = before.config,
                         .timeout_ms = {},
                         .input_data = before.input_data,
                         .priority = before.priority,
                         .trigger_id = before.trigger_id,
                         .idempotency_key = {}};
  forget_raised(diagnosis.fix->kind, request);
  const auto id = ExecutionId::make(call.now, call.services.random);
  TRY(auto enqueued,
      execution::enqueue(tx, call.tenant(), id, request, execution::Source::kApi, call.now));
  call.after_commit.push_back([&services = call.services, queued = std::move(enqueued.queued)] {
    services.executions.enqueued(queued);
  });
  return id;
}

Result<void> check_healable(const Diagnosis& diagnosis, const HealBody& body) {
  if (diagnosis.status != DiagnosisStatus::kOpen) {
    return fail(ErrorCode::kConflict,
                "This diagnosis is " + std::string(codec::name_of(diagnosis.status)) + " already");
  }
  if (!diagnosis.fix || (diagnosis.fix->kind == FixKind::kByHand && !body.rerun)) {
    return fail(ErrorCode::kUnprocessable,
                "Nobody can do this for you: " +
                    (diagnosis.fix ? diagnosis.fix->what_to_do : diagnosis.explanation));
  }
  if (body.rerun && !diagnosis.fix->safe_to_rerun && !body.repeat_effects) {
    return fail(ErrorCode::kConflict,
                "The run used tools, so running it again may repeat what it did outside; say "
                "repeatEffects: true if that is fine, or rerun: false",
                {{"/repeatEffects", "must be true to run again what used tools"}});
  }
  return {};
}

Result<Reply> heal(Call& call, store::Transaction& tx) {
  const auto& body = call.body<HealBody>();
  TRY(auto diagnosis, require_diagnosis(call, tx));
  TRY_VOID(check_healable(diagnosis, body));
  TRY_VOID(change_persona(call, tx, diagnosis));
  if (body.rerun) {
    TRY(diagnosis.rerun_execution_id, run_again(call, tx, diagnosis));
  }
  diagnosis.status = DiagnosisStatus::kApplied;
  diagnosis.resolved_at = call.now;
  TRY_VOID(store::save_diagnosis(tx, call.tenant(), diagnosis));
  const auto execution_id = diagnosis.rerun_execution_id;
  return json_reply(200, Healed{std::move(diagnosis), execution_id});
}

Result<Reply> dismiss(Call& call, store::Transaction& tx) {
  TRY(auto diagnosis, require_diagnosis(call, tx));
  if (diagnosis.status == DiagnosisStatus::kOpen) {
    diagnosis.status = DiagnosisStatus::kDismissed;
    diagnosis.resolved_at = call.now;
    TRY_VOID(store::save_diagnosis(tx, call.tenant(), diagnosis));
  }
  return json_reply(200, diagnosis);
}

}  // namespace

void add_healing(Table& table) {
  table.push_back({.id = "getDiagnosis",
                   .method = "GET",
                   .path = "/api/executions/{id}/diagnosis",
                   .summary = "Why an execution did not do its work, and what mends it",
                   .tag = "Healing",
                   .output = one<Diagnosis>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_diagnosis});
  table.push_back({.id = "listDiagnoses",
                   .method = "GET",
                   .path = "/api/diagnoses",
                   .summary = "List diagnoses, of the newest executions first",
                   .tag = "Healing",
                   .query = input<DiagnosesQuery>(),
                   .output = page<Diagnosis>(),
                   .handler = &list_diagnoses});
  table.push_back(
      {.id = "healExecution",
       .method = "POST",
       .path = "/api/executions/{id}/heal",
       .summary = "Apply the fix of a diagnosis and run again",
       .tag = "Healing",
       .scope = Scope::kWrite,
       .body = input<HealBody>(InputType::Form::kOptional),
       .output = one<Healed>(),
       .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnprocessable},
       .handler = Write{&heal}});
  table.push_back({.id = "dismissDiagnosis",
                   .method = "POST",
                   .path = "/api/executions/{id}/diagnosis/dismiss",
                   .summary = "Set a diagnosis aside",
                   .tag = "Healing",
                   .scope = Scope::kWrite,
                   .output = one<Diagnosis>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&dismiss}});
}

}  // namespace personas::operations
