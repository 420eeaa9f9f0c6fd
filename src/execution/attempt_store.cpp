#include "personas/execution/attempt_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/execution/output_codec.hpp"
#include "personas/execution/retry.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

#include "append_effects.hpp"
#include "execution_row.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

// What goes into a prompt of the persona's own memories; the prompt has its own byte limit.
constexpr std::int64_t kMemoriesInPrompt = 20;

Result<void> append_status(Transaction& tx, const TenantId& tenant, std::string_view persona,
                           const record::ExecutionStatusChanged& record, Timestamp now) {
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = now,
                      .type = record::kExecutionStatus,
                      .data = codec::to_json(record),
                      .execution_id = record.execution_id.str(),
                      .persona_id = persona}));
  return {};
}

std::optional<PersonaId> persona_or_none(std::string_view id) {
  return id.empty() ? std::nullopt : std::optional(PersonaId(std::string(id)));
}

// The execution's own settings win over its persona's.
ExecutionConfig merge(ExecutionConfig own, const Persona* persona) {
  if (persona == nullptr) return own;
  const auto fill = [](auto& field, const auto& from) {
    if (!field) field = from;
  };
  fill(own.timeout_ms, std::optional(persona->timeout_ms));
  fill(own.idle_timeout_ms, persona->idle_timeout_ms);
  fill(own.max_output_bytes, persona->max_output_bytes);
  fill(own.backend, std::optional(persona->backend));
  fill(own.model, persona->model);
  fill(own.max_budget_usd, persona->max_budget_usd);
  fill(own.max_turns, persona->max_turns);
  fill(own.permission_policy, persona->permission_policy);
  fill(own.network_policy, persona->network_policy);
  return own;
}

Result<std::optional<ExecutionRow>> live_row(Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id, std::int64_t attempt) {
  static const Sql kLive("SELECT " + row_columns() +
                         " FROM executions WHERE tenant_id = ? AND id = ? AND attempt = ? AND "
                         "status = 'running'");
  return tx.find<ExecutionRow>(kLive, {tenant, id, attempt});
}

QueuedExecution to_queued(const ExecutionRow& row, const Persona* persona) {
  QueuedExecution entry{.tenant = row.tenant_id,
                        .id = row.id,
                        .persona = PersonaId(row.persona_id),
                        .priority = row.priority,
                        .queued_at = row.queued_at,
                        .not_before = row.not_before,
                        .attempt = row.attempt,
                        .backend = "claude",
                        .capabilities = {},
                        .labels = {}};
  if (persona != nullptr) {
    entry.max_concurrent = persona->max_concurrent;
    entry.backend = persona->backend;
    if (persona->requires_) {
      entry.capabilities = persona->requires_->capabilities;
      entry.labels = persona->requires_->labels;
    }
  }
  if (row.config && row.config->backend) entry.backend = *row.config->backend;
  return entry;
}

Result<std::optional<Persona>> persona_of(Transaction& tx, const ExecutionRow& row) {
  if (row.persona_id.empty()) return std::optional<Persona>();
  return store::find_persona(tx, row.tenant_id, PersonaId(row.persona_id));
}

// ---- output ------------------------------------------------------------------------------------

Result<void> write_block(Transaction& tx, const AppendRequest& request, std::int64_t first_seq,
                         std::int64_t last_seq, const std::string& stream, std::string_view text) {
  static const Sql kInsert(
      "INSERT INTO output_blocks (tenant_id, execution_id, attempt, last_seq, first_seq, stream, "
      "size, codec, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const PackedOutput packed = pack_output(text);
  const auto size = static_cast<std::int64_t>(text.size());
  TRY_VOID(tx.execute(kInsert, {request.tenant, request.id, request.attempt, last_seq, first_seq,
                                stream, size, packed.codec, as_bytes(packed.data)}));
  const record::ExecutionOutput record{request.id, request.attempt, first_seq,
                                       last_seq,   stream,          size};
  TRY_VOID(tx.append({.tenant = request.tenant,
                      .at = request.now,
                      .type = record::kExecutionOutput,
                      .data = codec::to_json(record),
                      .execution_id = request.id.str(),
                      .persona_id = request.persona.str()}));
  return {};
}

// Consecutive text of one stream becomes one block; returns the bytes of standard output.
Result<std::int64_t> write_texts(Transaction& tx, const AppendRequest& request) {
  std::int64_t stdout_bytes = 0;
  std::string text;
  const std::string* stream = nullptr;
  std::int64_t first = 0, last = 0;
  const auto flush = [&]() -> Result<void> {
    if (stream == nullptr || text.empty()) return {};
    return write_block(tx, request, first, last, *stream, std::exchange(text, {}));
  };
  for (const auto& frame : request.frames) {
    if (!frame.text || frame.text->text.empty()) continue;
    const bool same = stream != nullptr && *stream == frame.text->stream &&
                      text.size() + frame.text->text.size() <= kMaxBlockBytes;
    if (!same) {
      TRY_VOID(flush());
      first = frame.seq;
    }
    stream = &frame.text->stream;
    last = frame.seq;
    text += frame.text->text;
    if (frame.text->stream == "stdout") {
      stdout_bytes += static_cast<std::int64_t>(frame.text->text.size());
    }
  }
  TRY_VOID(flush());
  return stdout_bytes;
}

Result<void> write_progress(Transaction& tx, const AppendRequest& request) {
  for (const auto& frame : request.frames) {
    if (!frame.progress) continue;
    const auto& p = *frame.progress;
    const record::ExecutionProgress record{
        request.id,    request.attempt,       p.stage, p.message, p.percent_estimate,
        p.active_tool, p.tool_calls_completed};
    TRY_VOID(tx.append({.tenant = request.tenant,
                        .at = request.now,
                        .type = record::kExecutionProgress,
                        .data = codec::to_json(record),
                        .execution_id = request.id.str(),
                        .persona_id = request.persona.str()}));
  }
  return {};
}

// ---- the end -----------------------------------------------------------------------------------

struct Verdict {
  ExecutionStatus status;  // kQueued: it is tried again
  std::optional<FailureReason> reason;
  std::optional<Duration> wait;
};

Result<std::int64_t> count_attempts(Transaction& tx, const AppendRequest& request) {
  static const Sql kCount("SELECT COUNT(*) FROM attempts WHERE tenant_id = ? AND execution_id = ?");
  std::int64_t count = 0;
  TRY_VOID(tx.query(kCount, {request.tenant, request.id}, [&](const Row& row) -> Result<bool> {
    count = row.integer(0);
    return false;
  }));
  return count;
}

Result<Verdict> judge(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                      const std::optional<Persona>& persona) {
  const AttemptEnd& end = *request.end;
  // Whoever committed first wins: after an accepted cancel the worker's word is `cancelled`.
  if (row.cancel_requested) {
    return Verdict{ExecutionStatus::kCancelled, FailureReason::kCancelled, std::nullopt};
  }
  if (end.status == ExecutionStatus::kCompleted) {
    return Verdict{ExecutionStatus::kCompleted, std::nullopt, std::nullopt};
  }
  const FailureReason reason = end.reason.value_or(FailureReason::kUnknown);
  if (end.status == ExecutionStatus::kCancelled && reason == FailureReason::kCancelled) {
    return Verdict{ExecutionStatus::kCancelled, reason, std::nullopt};
  }
  TRY(const auto earlier, count_attempts(tx, request));
  const auto wait = next_attempt_after(persona ? persona->retry : std::nullopt, reason, earlier + 1,
                                       request.jitter);
  return Verdict{wait ? ExecutionStatus::kQueued : ExecutionStatus::kFailed, reason, wait};
}

Result<void> write_attempt(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                           const Verdict& verdict) {
  static const Sql kInsert(
      "INSERT INTO attempts (tenant_id, execution_id, attempt, worker_id, node_id, status, "
      "failure_reason, error_message, exit_code, started_at, completed_at, duration_ms) VALUES "
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const AttemptEnd& end = *request.end;
  const Timestamp started = row.attempt_started_at.value_or(row.queued_at);
  const ExecutionStatus status =
      verdict.status == ExecutionStatus::kQueued ? ExecutionStatus::kFailed : verdict.status;
  const std::optional<std::string_view> reason =
      verdict.reason ? std::optional(info(*verdict.reason).name) : std::nullopt;
  const std::optional<std::string_view> message =
      end.message.empty() ? std::nullopt : std::optional<std::string_view>(end.message);
  TRY_VOID(tx.execute(kInsert, {request.tenant, request.id, request.attempt, row.worker_id,
                                row.node_id, codec::name_of(status), reason, message, end.exit_code,
                                started, request.now, to_millis(request.now - started)}));
  return {};
}

Result<void> write_end(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                       const Verdict& verdict, std::int64_t output_bytes) {
  static const Sql kFinal(
      "UPDATE executions SET status = ?, last_seq = ?, output_bytes = ?, completed_at = ?, "
      "failure_reason = ?, error_message = ?, exit_code = ?, session_id = COALESCE(?, session_id), "
      "usage = ?, cost_usd = ?, outcome = ? WHERE tenant_id = ? AND id = ?");
  static const Sql kRetry(
      "UPDATE executions SET status = 'queued', not_before = ?, last_seq = 0, output_bytes = 0, "
      "worker_id = NULL, worker_instance = NULL, node_id = NULL, attempt_started_at = NULL, "
      "session_id = COALESCE(?, session_id), cost_usd = ?, outcome = NULL WHERE tenant_id = ? AND "
      "id = ?");
  const AttemptEnd& end = *request.end;
  std::optional<double> cost = row.cost_usd;
  if (end.cost_usd) cost = cost.value_or(0) + *end.cost_usd;
  if (verdict.status == ExecutionStatus::kQueued) {
    const Timestamp not_before = request.now + *verdict.wait;
    TRY_VOID(tx.execute(kRetry, {not_before, end.session_id, cost, request.tenant, request.id}));
    return {};
  }
  const std::optional<std::string_view> reason =
      verdict.reason ? std::optional(info(*verdict.reason).name) : std::nullopt;
  const std::optional<std::string_view> message =
      end.message.empty() ? std::nullopt : std::optional<std::string_view>(end.message);
  const std::optional<std::string> usage =
      end.usage ? std::optional(codec::to_json(*end.usage)) : std::nullopt;
  const std::optional<std::string> outcome =
      row.outcome ? std::optional(codec::to_json(*row.outcome)) : std::nullopt;
  TRY_VOID(tx.execute(kFinal, {codec::name_of(verdict.status), request.end_seq, output_bytes,
                               request.now, reason, message, end.exit_code, end.session_id, usage,
                               cost, outcome, request.tenant, request.id}));
  return {};
}

Result<AppendOutcome> finish(Transaction& tx, const AppendRequest& request, ExecutionRow row,
                             std::int64_t output_bytes) {
  TRY(const auto persona, request.end->status == ExecutionStatus::kCompleted
                              ? Result<std::optional<Persona>>(std::nullopt)
                              : persona_of(tx, row));
  TRY(const Verdict verdict, judge(tx, request, row, persona));
  TRY_VOID(write_attempt(tx, request, row, verdict));
  TRY_VOID(write_end(tx, request, row, verdict, output_bytes));
  TRY_VOID(append_status(
      tx, request.tenant, row.persona_id,
      {.execution_id = request.id,
       .persona_id = persona_or_none(row.persona_id),
       .status = verdict.status,
       .attempt = request.attempt,
       .worker_id = row.worker_id,
       .node_id = row.node_id,
       .failure_reason = verdict.reason,
       .accomplished = row.outcome ? std::optional(row.outcome->accomplished) : std::nullopt},
      request.now));
  AppendOutcome outcome{.accepted = true, .status = verdict.status, .retry = {}};
  if (verdict.status == ExecutionStatus::kQueued) {
    row.not_before = request.now + *verdict.wait;
    outcome.retry = to_queued(row, persona ? &*persona : nullptr);
  }
  return outcome;
}

}  // namespace

Result<std::optional<ClaimedRun>> claim(Transaction& tx, const ClaimRequest& request) {
  static const Sql kClaim(
      "UPDATE executions SET status = 'running', attempt = ?, last_seq = 0, worker_id = ?, "
      "worker_instance = ?, node_id = ?, started_at = COALESCE(started_at, ?), attempt_started_at "
      "= ? WHERE tenant_id = ? AND id = ? AND status = 'queued' AND attempt = ? RETURNING " +
      row_columns());
  std::optional<ExecutionRow> row;
  TRY_VOID(tx.query(kClaim,
                    {request.attempt, request.worker, request.worker_instance, request.node,
                     request.now, request.now, request.tenant, request.id, request.attempt - 1},
                    [&](const Row& r) -> Result<bool> {
                      TRY(row, codec::from_row<ExecutionRow>(r));
                      return true;  // read on to the end: the update must run to completion
                    }));
  if (!row) return std::optional<ClaimedRun>();
  TRY_VOID(append_status(tx, request.tenant, row->persona_id,
                         {.execution_id = request.id,
                          .persona_id = persona_or_none(row->persona_id),
                          .status = ExecutionStatus::kRunning,
                          .attempt = request.attempt,
                          .worker_id = request.worker.str(),
                          .node_id = request.node.str(),
                          .failure_reason = {},
                          .accomplished = {}},
                         request.now));
  ClaimedRun run;
  TRY(run.persona, persona_of(tx, *row));
  if (run.persona) {
    TRY(run.tools, store::tools_of(tx, request.tenant, run.persona->id));
    TRY(run.memories, store::list_memories(tx, request.tenant, run.persona->id,
                                           {.limit = kMemoriesInPrompt, .after = {}}));
  }
  run.prompt = std::move(row->prompt);
  run.input_data = std::move(row->input_data);
  run.config =
      merge(row->config.value_or(ExecutionConfig{}), run.persona ? &*run.persona : nullptr);
  run.credential_ids = std::move(row->credential_ids);
  run.session_id = std::move(row->session_id);
  run.cancel_requested = row->cancel_requested;
  return std::optional(std::move(run));
}

Result<AppendOutcome> append(Transaction& tx, const AppendRequest& request) {
  static const Sql kProgressed(
      "UPDATE executions SET last_seq = ?, output_bytes = ?, outcome = ? WHERE tenant_id = ? AND "
      "id = ?");
  TRY(auto row, live_row(tx, request.tenant, request.id, request.attempt));
  if (!row || row->last_seq != request.expected_seq) return AppendOutcome{};

  TRY(const auto added, write_texts(tx, request));
  TRY_VOID(write_progress(tx, request));
  TRY_VOID(apply_effects(tx, request, row->outcome));
  const std::int64_t output_bytes = row->output_bytes + added;
  if (request.end) return finish(tx, request, std::move(*row), output_bytes);

  const std::int64_t last = request.frames.empty() ? row->last_seq : request.frames.back().seq;
  const std::optional<std::string> outcome =
      row->outcome ? std::optional(codec::to_json(*row->outcome)) : std::nullopt;
  TRY_VOID(tx.execute(kProgressed, {last, output_bytes, outcome, request.tenant, request.id}));
  return AppendOutcome{.accepted = true, .status = {}, .retry = {}};
}

Result<std::optional<QueuedExecution>> give_back(Transaction& tx, const TenantId& tenant,
                                                 const ExecutionId& id, std::int64_t attempt,
                                                 Timestamp now) {
  static const Sql kRequeue(
      "UPDATE executions SET status = CASE cancel_requested WHEN 1 THEN 'cancelled' ELSE 'queued' "
      "END, completed_at = CASE cancel_requested WHEN 1 THEN ? ELSE NULL END, last_seq = 0, "
      "worker_id = NULL, worker_instance = NULL, node_id = NULL WHERE tenant_id = ? AND id = ?");
  TRY(auto row, live_row(tx, tenant, id, attempt));
  if (!row) return std::optional<QueuedExecution>();
  TRY_VOID(tx.execute(kRequeue, {now, tenant, id}));
  TRY(const auto persona, persona_of(tx, *row));
  const auto status =
      row->cancel_requested ? ExecutionStatus::kCancelled : ExecutionStatus::kQueued;
  TRY_VOID(append_status(tx, tenant, row->persona_id,
                         {.execution_id = id,
                          .persona_id = persona_or_none(row->persona_id),
                          .status = status,
                          .attempt = attempt,
                          .worker_id = row->worker_id,
                          .node_id = {},
                          .failure_reason = {},
                          .accomplished = {}},
                         now));
  if (row->cancel_requested) return std::optional<QueuedExecution>();
  return std::optional(to_queued(*row, persona ? &*persona : nullptr));
}

// ---- the window and the start ------------------------------------------------------------------

Result<Window> load_window(Transaction& tx, const LaneKey& lane, Timestamp now) {
  static const Sql kDue("SELECT " + row_columns() +
                        " FROM executions WHERE tenant_id = ? AND persona_id = ? AND status = "
                        "'queued' AND not_before <= ? ORDER BY priority DESC, queued_at, id LIMIT "
                        "?");
  static const Sql kNext(
      "SELECT MIN(not_before) FROM executions WHERE tenant_id = ? AND persona_id = ? AND status = "
      "'queued' AND not_before > ?");
  Window window;
  ExecutionRow lookup;
  lookup.tenant_id = lane.tenant;
  lookup.persona_id = lane.persona.str();
  TRY(const auto persona, persona_of(tx, lookup));
  const auto limit = static_cast<std::int64_t>(kLaneWindow);
  TRY(const auto rows, tx.list<ExecutionRow>(kDue, {lane.tenant, lane.persona, now, limit + 1}));
  window.more = rows.size() > kLaneWindow;
  for (std::size_t i = 0; i < std::min(rows.size(), kLaneWindow); ++i) {
    window.entries.push_back(to_queued(rows[i], persona ? &*persona : nullptr));
  }
  TRY_VOID(tx.query(kNext, {lane.tenant, lane.persona, now}, [&](const Row& row) -> Result<bool> {
    if (!row.is_null(0)) window.next_not_before = Timestamp{row.integer(0)};
    return false;
  }));
  return window;
}

Result<std::vector<QueuedLane>> queued_lanes(Transaction& tx) {
  static const Sql kLanes(
      "SELECT tenant_id, persona_id, COUNT(*) FROM executions WHERE status = 'queued' GROUP BY "
      "tenant_id, persona_id");
  std::vector<QueuedLane> lanes;
  TRY_VOID(tx.query(kLanes, {}, [&](const Row& row) -> Result<bool> {
    lanes.push_back(
        {.lane = {TenantId(std::string(row.text(0))), PersonaId(std::string(row.text(1)))},
         .queued = row.integer(2)});
    return true;
  }));
  for (auto& lane : lanes) {
    if (lane.lane.persona.empty()) continue;
    TRY(const auto persona, store::find_persona(tx, lane.lane.tenant, lane.lane.persona));
    if (persona) lane.limit = persona->max_concurrent;
  }
  return lanes;
}

Result<std::vector<RunningExecution>> running_executions(Transaction& tx) {
  static const Sql kRunning("SELECT " + row_columns() +
                            " FROM executions WHERE status = 'running' ORDER BY tenant_id, id");
  TRY(const auto rows, tx.list<ExecutionRow>(kRunning, {}));
  std::vector<RunningExecution> running;
  for (const auto& row : rows) {
    TRY(const auto persona, persona_of(tx, row));
    const auto config =
        merge(row.config.value_or(ExecutionConfig{}), persona ? &*persona : nullptr);
    RunningExecution run{.entry = to_queued(row, persona ? &*persona : nullptr),
                         .attempt = row.attempt,
                         .last_seq = row.last_seq,
                         .worker = WorkerId(row.worker_id.value_or("")),
                         .worker_instance = row.worker_instance.value_or(""),
                         .limits = limits_of(config),
                         .started = row.attempt_started_at.value_or(row.queued_at),
                         .cancel_requested = row.cancel_requested,
                         .credential_ids = row.credential_ids};
    running.push_back(std::move(run));
  }
  return running;
}

AttemptLimits limits_of(const ExecutionConfig& config) {
  AttemptLimits limits;
  limits.wall = milliseconds(config.timeout_ms.value_or(kDefaultTimeoutMs));
  if (config.idle_timeout_ms) limits.idle = milliseconds(*config.idle_timeout_ms);
  return limits;
}

}  // namespace personas::execution
