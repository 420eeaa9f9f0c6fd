#include "personas/execution/attempt_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/execution/output_codec.hpp"
#include "personas/execution/session_store.hpp"
#include "personas/execution/turn_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

#include "append_effects.hpp"
#include "attempt_end.hpp"
#include "rows.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

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

}  // namespace

Result<AppendOutcome> append(Transaction& tx, const AppendRequest& request) {
  static const Sql kProgressed(
      "UPDATE executions SET last_seq = ?, output_bytes = ?, outcome = ?, asked = ? WHERE "
      "tenant_id "
      "= ? AND id = ?");
  TRY(auto row, live_row(tx, request.tenant, request.id, request.attempt));
  if (!row || row->last_seq != request.expected_seq) return AppendOutcome{};

  TRY(const auto added, write_texts(tx, request));
  TRY_VOID(write_progress(tx, request));
  TRY_VOID(store_turns(tx, request));
  TRY_VOID(store_session(tx, request));
  TRY(auto applied, apply_effects(tx, request, row->source, row->outcome));
  if (applied.review_expiry) row->asked = true;
  const std::int64_t output_bytes = row->output_bytes + added;
  if (request.end) {
    TRY(auto ended, finish(tx, request, std::move(*row), output_bytes));
    ended.review_expiry = applied.review_expiry;
    ended.after = std::move(applied.after);
    return ended;
  }

  const std::int64_t last = request.frames.empty() ? row->last_seq : request.frames.back().seq;
  const std::optional<std::string> outcome =
      row->outcome ? std::optional(codec::to_json(*row->outcome)) : std::nullopt;
  TRY_VOID(tx.execute(
      kProgressed, {last, output_bytes, outcome, row->asked ? 1 : 0, request.tenant, request.id}));
  return AppendOutcome{.accepted = true,
                       .review_expiry = applied.review_expiry,
                       .after = std::move(applied.after)};
}

Result<std::optional<QueuedExecution>> give_back(Transaction& tx, const TenantId& tenant,
                                                 const ExecutionId& id, std::int64_t attempt,
                                                 Timestamp now) {
  static const Sql kRequeue(
      "UPDATE executions SET status = CASE cancel_requested WHEN 1 THEN 'cancelled' ELSE 'queued' "
      "END, completed_at = CASE cancel_requested WHEN 1 THEN ? ELSE NULL END, failure_reason = "
      "CASE cancel_requested WHEN 1 THEN 'cancelled' ELSE NULL END, last_seq = 0, worker_id = "
      "NULL, worker_instance = NULL, node_id = NULL WHERE tenant_id = ? AND id = ?");
  TRY(auto row, live_row(tx, tenant, id, attempt));
  if (!row) return std::optional<QueuedExecution>();
  TRY_VOID(tx.execute(kRequeue, {now, tenant, id}));
  if (row->cancel_requested) TRY_VOID(drop_session(tx, tenant, id));
  TRY(const auto persona, persona_of(tx, *row));
  record::ExecutionStatusChanged change{.status = ExecutionStatus::kQueued,
                                        .attempt = attempt,
                                        .worker_id = row->worker_id,
                                        .node_id = {}};
  if (row->cancel_requested) {
    change.status = ExecutionStatus::kCancelled;
    change.failure_reason = FailureReason::kCancelled;
  }
  TRY_VOID(append_status(tx, *row, change, now));
  if (row->cancel_requested) return std::optional<QueuedExecution>();
  return std::optional(to_queued(*row, address(persona)));
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
    window.entries.push_back(to_queued(rows[i], address(persona)));
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
                            " FROM executions WHERE status = 'running' AND parked IS NULL ORDER BY "
                            "tenant_id, id");
  TRY(const auto rows, tx.list<ExecutionRow>(kRunning, {}));
  std::vector<RunningExecution> running;
  for (const auto& row : rows) {
    TRY(const auto persona, persona_of(tx, row));
    const auto config = leg_of(row, address(persona)).config;
    RunningExecution run{.entry = to_queued(row, address(persona)),
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

}  // namespace personas::execution
