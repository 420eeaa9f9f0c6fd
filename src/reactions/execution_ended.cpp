#include "personas/reactions/execution_ended.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "personas/agents/transcript.hpp"
#include "personas/catalog/library.hpp"
#include "personas/codec/json.hpp"
#include "personas/design/draft_store.hpp"
#include "personas/design/read.hpp"
#include "personas/evaluation/check.hpp"
#include "personas/evaluation/judge.hpp"
#include "personas/evaluation/test_store.hpp"
#include "personas/execution/transcript.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/reactions/command_looks.hpp"
#include "personas/store/repositories.hpp"

namespace personas::reactions {
namespace {

using evaluation::TestResult;
using evaluation::Verdict;
using reactor::AfterCommit;
using reactor::Reaction;
using store::Transaction;

// Why there is no result, and what to do about it.
std::string failure_of(const Execution& execution) {
  std::string text =
      execution.status == ExecutionStatus::kCancelled
          ? "The execution was cancelled"
          : fmt::format("The execution failed{}",
                        execution.failure_reason
                            ? fmt::format(" ({})", info(*execution.failure_reason).name)
                            : std::string());
  if (execution.error_message && !execution.error_message->empty()) {
    text += ": " + *execution.error_message;
  }
  if (execution.status != ExecutionStatus::kCancelled && execution.what_to_do) {
    text += ". " + *execution.what_to_do;
  }
  return text;
}

// ---- records -----------------------------------------------------------------------------------

Result<void> record_draft(Transaction& tx, const TenantId& tenant,
                          const design::PersonaDraft& draft) {
  const record::DraftUpdated record{draft.id, draft.execution_id, draft.persona_id,
                                    std::string(codec::name_of(draft.status))};
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = draft.updated_at,
                      .type = record::kDraftUpdated,
                      .data = codec::to_json(record),
                      .execution_id = draft.execution_id.str(),
                      .persona_id = draft.persona_id ? draft.persona_id->str() : ""}));
  return {};
}

Result<void> record_result(Transaction& tx, const TenantId& tenant, const TestResult& result,
                           const evaluation::TestRun& run, Timestamp now) {
  const record::TestUpdated record{run.id,
                                   run.persona_id,
                                   std::string(codec::name_of(run.status)),
                                   result.scenario_name,
                                   std::string(codec::name_of(result.verdict)),
                                   result.execution_id};
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = now,
                      .type = record::kTestUpdated,
                      .data = codec::to_json(record),
                      .execution_id = result.execution_id.str(),
                      .persona_id = run.persona_id.str()}));
  return {};
}

Result<void> settle_result(Transaction& tx, const TenantId& tenant, const TestResult& result,
                           Timestamp now) {
  TRY(const auto run, evaluation::settle(tx, tenant, result, now));
  return record_result(tx, tenant, result, run, now);
}

// Who judges: as the scenario says, else whatever ran the test, if that is a model at all.
Result<execution::ExecuteRequest> ask(Transaction& tx, const TenantId& tenant,
                                      const Execution& tested, const evaluation::Judge& judge) {
  const auto thinks = [](const std::optional<std::string>& backend) {
    return backend && *backend != "demo" && *backend != "command";
  };
  execution::ExecuteRequest request;
  ExecutionConfig config;
  config.backend = judge.backend;
  config.model = judge.model;
  if (!config.backend && tested.config && thinks(tested.config->backend)) {
    config.backend = tested.config->backend;
    if (!config.model) config.model = tested.config->model;
  }
  if (!config.backend && tested.persona_id) {
    TRY(const auto persona, store::find_persona(tx, tenant, *tested.persona_id));
    if (persona && thinks(persona->backend)) {
      config.backend = persona->backend;
      if (!config.model) config.model = persona->model;
    }
  }
  request.config = std::move(config);
  return request;
}

// The subject is gone, or was dealt with: only the watch is left to be taken away.
Reaction forget(const TenantId& tenant, const ExecutionId& execution) {
  return [tenant, execution](Transaction& tx, AfterCommit&) -> Result<void> {
    TRY_VOID(reactor::take_watch(tx, tenant, execution));
    return {};
  };
}

}  // namespace

struct ExecutionEnded::End {
  TenantId tenant;
  reactor::Watch watch;
  Execution execution;
};

std::vector<std::string_view> ExecutionEnded::types() const {
  return {record::kExecutionStatus};
}

Result<Reaction> ExecutionEnded::look(Transaction& tx, const store::JournalRecord& record) {
  // Most executions are waited for by nobody: one indexed look, which costs less than reading the
  // record, and nothing is written.
  TRY(const auto watch, reactor::find_watch(tx, record.tenant, ExecutionId(record.execution_id)));
  if (!watch) return Reaction();
  TRY(const auto change, codec::parse<record::ExecutionStatusChanged>(
                             record.data(), {.unknown = codec::UnknownFields::kIgnore,
                                             .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                             .rules = codec::ReadOptions::Rules::kTrust}));
  if (!is_final(change.status)) return Reaction();
  End end{record.tenant, *watch, {}};
  TRY(end.execution,
      execution::load(tx, record.tenant, watch->execution_id, execution::Output::kNone));
  if (!is_final(end.execution.status)) return Reaction();
  switch (watch->purpose) {
    case reactor::Purpose::kDraft:
      return look_at_draft(tx, end);
    case reactor::Purpose::kTest:
      return look_at_test(tx, end);
    case reactor::Purpose::kJudge:
      return look_at_judge(tx, end);
    case reactor::Purpose::kPoll:
      if (!others_.firing) break;
      return look_at_command(tx,
                             {.tenant = end.tenant,
                              .trigger = TriggerId(end.watch.subject_id),
                              .execution = end.execution},
                             *others_.firing, clock_.wall(), random_);
    case reactor::Purpose::kNotification:
      return look_at_notification(end);
  }
  return Reaction();
}

// ---- drafts ------------------------------------------------------------------------------------

Result<Reaction> ExecutionEnded::look_at_draft(Transaction& tx, const End& end) {
  const DraftId id(end.watch.subject_id);
  TRY(auto draft, design::find_draft(tx, end.tenant, id));
  if (!draft || draft->status != design::DraftStatus::kRunning) {
    return forget(end.tenant, end.execution.id);
  }
  if (end.execution.status == ExecutionStatus::kCompleted) {
    std::optional<Persona> existing;
    if (draft->persona_id) {
      TRY(existing, store::find_persona(tx, end.tenant, *draft->persona_id));
    }
    TRY(auto vocabulary, design::vocabulary_of(tx, end.tenant));
    vocabulary.library = catalog::library().tool_names();
    TRY(const auto transcript, execution::read_transcript(tx, end.tenant, end.execution));
    auto answer = design::read_answer(transcript.words, vocabulary, existing);
    draft->status =
        answer.problems.empty() ? design::DraftStatus::kReady : design::DraftStatus::kInvalid;
    draft->draft = std::move(answer.json);
    draft->problems = std::move(answer.problems);
  } else {
    draft->status = design::DraftStatus::kFailed;
    draft->problems = {{"", failure_of(end.execution)}};
  }
  draft->updated_at = clock_.wall();
  return Reaction([tenant = end.tenant, execution = end.execution.id, draft = std::move(*draft)](
                      Transaction& write, AfterCommit&) -> Result<void> {
    TRY(const bool mine, reactor::take_watch(write, tenant, execution));
    TRY(const auto present, design::find_draft(write, tenant, draft.id));
    if (!mine || !present) return {};  // deleted since we looked
    TRY_VOID(design::update_draft(write, tenant, draft));
    return record_draft(write, tenant, draft);
  });
}

// ---- tests -------------------------------------------------------------------------------------

Result<Reaction> ExecutionEnded::look_at_test(Transaction& tx, const End& end) {
  const Timestamp now = clock_.wall();
  TRY(auto found, evaluation::find_result(tx, end.tenant, TestResultId(end.watch.subject_id)));
  if (!found || found->verdict != Verdict::kRunning) return forget(end.tenant, end.execution.id);
  TestResult result = std::move(*found);
  result.cost_usd = end.execution.cost_usd;
  result.duration_ms = end.execution.duration_ms;

  std::optional<execution::ExecuteRequest> question;
  if (end.execution.status == ExecutionStatus::kCompleted) {
    TRY(const auto scenario,
        codec::parse<evaluation::Scenario>(result.scenario.text,
                                           {.unknown = codec::UnknownFields::kIgnore,
                                            .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                            .rules = codec::ReadOptions::Rules::kTrust}));
    TRY(const auto transcript, execution::read_transcript(tx, end.tenant, end.execution));
    const evaluation::Observed observed{
        .transcript = transcript,
        .outcome = end.execution.outcome,
        .cost_usd = end.execution.cost_usd,
        .duration_ms = end.execution.duration_ms.value_or(0),
        .turns = end.execution.turns > 0 ? end.execution.turns : transcript.turns};
    result.checks = evaluation::check(scenario.expectations, observed);
    const auto* judge = evaluation::judge_of(scenario.expectations);
    const bool passed = evaluation::all_passed(result.checks);
    result.verdict = passed ? Verdict::kPassed : Verdict::kFailed;
    if (passed && judge != nullptr) {  // what failed by a rule needs no opinion
      TRY(question, ask(tx, end.tenant, end.execution, *judge));
      question->prompt = evaluation::judge_prompt(scenario, *judge, transcript, random_);
      result.verdict = Verdict::kJudging;
      result.judge_execution_id = ExecutionId::make(now, random_);
    }
  } else {
    result.verdict = Verdict::kError;
    result.message = failure_of(end.execution);
  }
  if (evaluation::is_final(result.verdict)) result.completed_at = now;
  return Reaction([this, tenant = end.tenant, execution = end.execution.id, result, question, now](
                      Transaction& write, AfterCommit& after) -> Result<void> {
    TRY(const bool mine, reactor::take_watch(write, tenant, execution));
    if (!mine) return {};
    if (question) {
      TRY(auto enqueued, execution::enqueue(write, tenant, *result.judge_execution_id, *question,
                                            execution::Source::kTest, now));
      TRY_VOID(reactor::watch(
          write, tenant, {*result.judge_execution_id, reactor::Purpose::kJudge, result.id.str()}));
      after.push_back([this, queued = std::move(enqueued.queued)] { enqueued_(queued); });
    }
    return settle_result(write, tenant, result, now);
  });
}

Result<Reaction> ExecutionEnded::look_at_judge(Transaction& tx, const End& end) {
  const Timestamp now = clock_.wall();
  TRY(auto found, evaluation::find_result(tx, end.tenant, TestResultId(end.watch.subject_id)));
  if (!found || found->verdict != Verdict::kJudging) return forget(end.tenant, end.execution.id);
  TestResult result = std::move(*found);
  result.completed_at = now;
  if (end.execution.cost_usd) {
    result.cost_usd = result.cost_usd.value_or(0) + *end.execution.cost_usd;
  }
  result.verdict = Verdict::kError;
  if (end.execution.status != ExecutionStatus::kCompleted) {
    result.message = "The judge could not be asked. " + failure_of(end.execution);
  } else {
    TRY(const auto scenario,
        codec::parse<evaluation::Scenario>(result.scenario.text,
                                           {.unknown = codec::UnknownFields::kIgnore,
                                            .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                            .rules = codec::ReadOptions::Rules::kTrust}));
    TRY(const auto transcript, execution::read_transcript(tx, end.tenant, end.execution));
    const auto answer = evaluation::read_verdict(transcript.words);
    const auto* judge = evaluation::judge_of(scenario.expectations);
    if (answer && judge != nullptr) {
      result.checks.push_back(evaluation::judged(*judge, *answer));
      result.verdict = result.checks.back().passed ? Verdict::kPassed : Verdict::kFailed;
    } else {
      result.message =
          fmt::format("{}. Name a backend and model that can judge in the scenario's judge",
                      answer ? "The scenario names no judge" : answer.error().message);
    }
  }
  return Reaction([tenant = end.tenant, execution = end.execution.id, result, now](
                      Transaction& write, AfterCommit&) -> Result<void> {
    TRY(const bool mine, reactor::take_watch(write, tenant, execution));
    if (!mine) return {};
    return settle_result(write, tenant, result, now);
  });
}

// ---- commands of notification sinks ------------------------------------------------------------

Reaction ExecutionEnded::look_at_notification(const End& end) {
  const Timestamp now = clock_.wall();
  delivery::DeliveryService::CommandEnd ended{.delivery = DeliveryId(end.watch.subject_id),
                                              .execution = end.execution.id,
                                              .outcome = {},
                                              .event = EventId::make(now, random_),
                                              .dice = random_.next(),
                                              .now = now};
  if (end.execution.status != ExecutionStatus::kCompleted) {
    ended.outcome.error = failure_of(end.execution);
  }
  ended.outcome.took = milliseconds(end.execution.duration_ms.value_or(0));
  return [this, tenant = end.tenant, ended = std::move(ended)](Transaction& write,
                                                               AfterCommit& after) -> Result<void> {
    TRY(const bool mine, reactor::take_watch(write, tenant, ended.execution));
    if (!mine || !others_.command_ended) return {};
    return others_.command_ended(write, tenant, ended, after);
  };
}

}  // namespace personas::reactions
