// The end of an attempt: a verdict, then its rows. The verdict is one of: over; tried again after a
// failure; parked until a human or the provider lets it go on; on at once, because what it would
// wait for is there already (docs/decisions/0013-legs-and-parking.md).
#include "attempt_end.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/execution/retry.hpp"
#include "personas/execution/session_store.hpp"
#include "personas/store/metering.hpp"

#include "end_diagnosis.hpp"
#include "holding.hpp"
#include "rows.hpp"

namespace personas::execution {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

struct Verdict {
  ExecutionStatus status = ExecutionStatus::kFailed;   // of the execution
  ExecutionStatus attempt = ExecutionStatus::kFailed;  // of the attempt's row
  std::optional<FailureReason> reason = {};
  std::string message = {};
  std::optional<Parked> parked = {};
  std::optional<Timestamp> until = {};  // queued: not before it; parked: then it goes on
  bool counts = true;                   // for the retry policy
  bool uses_fallback = false;
  bool forgets_session = false;
  std::optional<Gate> gate = {};

  bool goes_on() const { return !is_final(status); }
};

class Ending {
 public:
  Ending(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
         const Persona* persona)
      : tx_(tx), request_(request), end_(*request.end), row_(row), persona_(persona) {}

  Result<Verdict> judge() {
    // Whoever committed first wins: after an accepted cancel the worker's word is `cancelled`.
    if (row_.cancel_requested) return over(ExecutionStatus::kCancelled, FailureReason::kCancelled);
    if (end_.status == ExecutionStatus::kCompleted) return completed();
    const FailureReason reason = end_.reason.value_or(FailureReason::kUnknown);
    if (end_.status == ExecutionStatus::kCancelled && reason == FailureReason::kCancelled) {
      return over(ExecutionStatus::kCancelled, reason);
    }
    if (reason == FailureReason::kProviderQuota) return refused();
    return failed(reason);
  }

 private:
  Verdict over(ExecutionStatus status, std::optional<FailureReason> reason) const {
    Verdict verdict;
    verdict.status = verdict.attempt = status;
    verdict.reason = reason;
    verdict.message = end_.message;
    verdict.uses_fallback = row_.uses_fallback;
    return verdict;
  }

  // Well ended; but questions of it may be open, or answered without its knowing.
  Result<Verdict> completed() {
    Verdict verdict = over(ExecutionStatus::kCompleted, std::nullopt);
    if (!row_.asked) return verdict;
    TRY_VOID(mark_told(tx_, row_));
    TRY(const auto holding, holding_reviews(tx_, row_, persona_));
    if (holding.pending == 0 && holding.undelivered == 0) return verdict;
    if (row_.parks >= kMaxParks) return too_often(ExecutionStatus::kCompleted);
    verdict.counts = false;
    if (holding.pending > 0) {
      verdict.status = ExecutionStatus::kRunning;
      verdict.parked = Parked::kReview;
      verdict.until = holding.until;
    } else {
      verdict.status = ExecutionStatus::kQueued;
      verdict.until = request_.now;
    }
    return verdict;
  }

  Result<Verdict> refused() {
    Verdict verdict = over(ExecutionStatus::kFailed, FailureReason::kProviderQuota);
    TRY(verdict.gate,
        close_gate(tx_,
                   {.tenant = row_.tenant_id,
                    .account = leg_of(row_, persona_).gate,
                    .attempt_started = row_.attempt_started_at.value_or(row_.queued_at),
                    .resets_at = end_.quota_resets_at,
                    .reason = end_.message},
                   request_.now));
    const OnQuota wish = persona_ != nullptr ? persona_->on_quota : OnQuota::kPark;
    if (wish == OnQuota::kFail) return verdict;
    if (row_.parks >= kMaxParks) {
      Verdict failed = too_often(ExecutionStatus::kFailed);
      failed.gate = std::move(verdict.gate);
      return failed;
    }
    verdict.status = ExecutionStatus::kQueued;
    verdict.counts = false;
    verdict.until = request_.now;
    if (wish == OnQuota::kFallback && has_fallback()) {
      verdict.uses_fallback = true;
    } else if (verdict.gate->until > request_.now) {
      verdict.parked = Parked::kQuota;
      verdict.until = verdict.gate->until;
    }
    return verdict;
  }

  bool has_fallback() const {
    if (row_.uses_fallback) return false;
    ExecutionRow other = row_;
    other.uses_fallback = true;
    return leg_of(other, persona_).gate != leg_of(row_, persona_).gate;
  }

  Result<Verdict> failed(FailureReason reason) {
    Verdict verdict = over(ExecutionStatus::kFailed, reason);
    verdict.forgets_session = reason == FailureReason::kSessionLost;
    TRY(const auto earlier, count_attempts());
    const auto wait = next_attempt_after(persona_ != nullptr ? persona_->retry : std::nullopt,
                                         reason, earlier + 1, request_.jitter);
    if (!wait) return verdict;
    verdict.status = ExecutionStatus::kQueued;
    verdict.until = request_.now + std::max(*wait - end_.silence, Duration(0));
    return verdict;
  }

  Verdict too_often(ExecutionStatus attempt) const {
    Verdict verdict = over(ExecutionStatus::kFailed, FailureReason::kParkedTooOften);
    verdict.attempt = attempt;
    verdict.message = fmt::format(
        "It has waited {} times for an answer or for its provider, which is the limit", kMaxParks);
    return verdict;
  }

  Result<std::int64_t> count_attempts() {
    static const Sql kCount(
        "SELECT COUNT(*) FROM attempts WHERE tenant_id = ? AND execution_id = ? AND counts = 1");
    std::int64_t count = 0;
    TRY_VOID(tx_.query(kCount, {request_.tenant, request_.id}, [&](const Row& row) -> Result<bool> {
      count = row.integer(0);
      return false;
    }));
    return count;
  }

  Transaction& tx_;
  const AppendRequest& request_;
  const AttemptEnd& end_;
  const ExecutionRow& row_;
  const Persona* persona_;
};

std::optional<std::string_view> name_of(const std::optional<FailureReason>& reason) {
  return reason ? std::optional(info(*reason).name) : std::nullopt;
}

std::optional<std::string_view> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

template <class T>
std::optional<std::string> as_json(const std::optional<T>& value) {
  return value ? std::optional(codec::to_json(*value)) : std::nullopt;
}

// What the worker said of its end; why the execution is over may be another matter.
Result<void> write_attempt(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                           const Verdict& verdict) {
  static const Sql kInsert(
      "INSERT INTO attempts (tenant_id, execution_id, attempt, worker_id, node_id, status, "
      "failure_reason, error_message, exit_code, started_at, completed_at, duration_ms, backend, "
      "model, isolation, turns, usage, cost_usd, counts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?)");
  const AttemptEnd& end = *request.end;
  const Timestamp started = row.attempt_started_at.value_or(row.queued_at);
  const bool well = verdict.attempt == ExecutionStatus::kCompleted;
  const bool too_often = verdict.reason == FailureReason::kParkedTooOften;
  const auto reason = too_often ? end.reason : verdict.reason;
  TRY_VOID(tx.execute(
      kInsert,
      {request.tenant, request.id, request.attempt, row.worker_id, row.node_id,
       codec::name_of(verdict.attempt), well ? std::nullopt : name_of(reason),
       unless_empty(end.message), end.exit_code, started, request.now,
       to_millis(request.now - started), unless_empty(request.backend), end.model, end.isolation,
       end.turns, as_json(end.usage), end.cost_usd, verdict.counts ? 1 : 0}));
  return {};
}

// What the execution has used with all its attempts.
struct Sums {
  std::optional<Usage> usage;
  std::optional<double> cost;
  std::int64_t turns = 0;
};
Sums sums(const ExecutionRow& row, const AttemptEnd& end) {
  Sums all{row.usage, row.cost_usd, row.turns + end.turns};
  if (end.usage) {
    if (!all.usage) all.usage.emplace();
    *all.usage += *end.usage;
  }
  if (end.cost_usd) all.cost = all.cost.value_or(0) + *end.cost_usd;
  return all;
}

Result<void> write_over(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                        const Verdict& verdict, std::int64_t output_bytes) {
  static const Sql kOver(
      "UPDATE executions SET status = ?, last_seq = ?, output_bytes = ?, completed_at = ?, "
      "failure_reason = ?, error_message = ?, exit_code = ?, session_id = COALESCE(?, session_id), "
      "usage = ?, cost_usd = ?, turns = ?, outcome = ? WHERE tenant_id = ? AND id = ?");
  const AttemptEnd& end = *request.end;
  const Sums all = sums(row, end);
  TRY_VOID(tx.execute(kOver, {codec::name_of(verdict.status), request.end_seq, output_bytes,
                              request.now, name_of(verdict.reason), unless_empty(verdict.message),
                              end.exit_code, end.session_id, as_json(all.usage), all.cost,
                              all.turns, as_json(row.outcome), request.tenant, request.id}));
  return drop_session(tx, request.tenant, request.id);
}

// No attempt is live from here on: parked, or in the queue.
Result<void> write_rest(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                        const Verdict& verdict, std::int64_t output_bytes) {
  static const Sql kRest(
      "UPDATE executions SET status = ?, not_before = ?, parked = ?, parked_until = ?, parked_gate "
      "= ?, parks = ?, uses_fallback = ?, last_seq = 0, output_bytes = ?, worker_id = NULL, "
      "worker_instance = NULL, node_id = NULL, attempt_started_at = NULL, usage = ?, cost_usd = ?, "
      "turns = ?, outcome = ?, asked = ? WHERE tenant_id = ? AND id = ?");
  static const Sql kForget(
      "UPDATE executions SET session_id = NULL, session_backend = NULL WHERE tenant_id = ? AND id "
      "= ?");
  const AttemptEnd& end = *request.end;
  const Sums all = sums(row, end);
  const bool waits = verdict.parked.has_value();
  const Timestamp not_before = verdict.parked == Parked::kReview ? row.not_before : *verdict.until;
  const std::optional<std::string_view> gate =
      verdict.parked == Parked::kQuota ? std::optional<std::string_view>(verdict.gate->account)
                                       : std::nullopt;
  const bool well = verdict.attempt == ExecutionStatus::kCompleted;
  TRY_VOID(tx.execute(
      kRest,
      {codec::name_of(verdict.status), not_before,
       waits ? std::optional(codec::name_of(*verdict.parked)) : std::nullopt,
       waits ? verdict.until : std::nullopt, gate, row.parks + (verdict.counts ? 0 : 1),
       verdict.uses_fallback ? 1 : 0, output_bytes, as_json(all.usage), all.cost, all.turns,
       well ? as_json(row.outcome) : std::nullopt, row.asked ? 1 : 0, request.tenant, request.id}));
  if (verdict.forgets_session) {
    TRY_VOID(tx.execute(kForget, {request.tenant, request.id}));
    return drop_session(tx, request.tenant, request.id);
  }
  if (end.session_id) {
    return remember_session(tx, request.tenant, request.id, *end.session_id, request.backend);
  }
  return {};
}

// One row, and one more for each further model.
Result<void> meter_attempt(Transaction& tx, const AppendRequest& request, const ExecutionRow& row,
                           const Verdict& verdict) {
  const AttemptEnd& end = *request.end;
  store::Metered metered{.at = request.now,
                         .persona_id = row.persona_id,
                         .backend = request.backend,
                         .model = end.model.value_or(""),
                         .worker_id = row.worker_id.value_or("")};
  metered.counters.executions = verdict.goes_on() ? 0 : 1;
  metered.counters.failed = verdict.status == ExecutionStatus::kFailed ? 1 : 0;
  metered.counters.attempts = 1;
  metered.counters.run_ms = to_millis(request.now - row.attempt_started_at.value_or(request.now));
  if (end.models.empty()) {
    if (end.usage) metered.counters.add(*end.usage);
    metered.counters.cost_usd = end.cost_usd.value_or(0);
  }
  for (const auto& share : end.models) {
    const bool main = share.model == metered.model;
    store::Metered other = metered;
    other.model = share.model;
    other.counters = {};
    UsageCounters& counters = main ? metered.counters : other.counters;
    counters.add(share.usage);
    counters.cost_usd += share.cost_usd;
    if (main) continue;
    TRY_VOID(store::meter(tx, request.tenant, other));
  }
  return store::meter(tx, request.tenant, metered);
}

}  // namespace

Result<AppendOutcome> finish(Transaction& tx, const AppendRequest& request, ExecutionRow row,
                             std::int64_t output_bytes) {
  const bool well = request.end->status == ExecutionStatus::kCompleted;
  const bool smooth = well && !row.asked && (!row.outcome || row.outcome->accomplished);
  TRY(const auto persona,
      smooth ? Result<std::optional<Persona>>(std::nullopt) : persona_of(tx, row));
  TRY(Verdict verdict, Ending(tx, request, row, address(persona)).judge());
  TRY_VOID(write_attempt(tx, request, row, verdict));
  if (verdict.goes_on()) {
    TRY_VOID(write_rest(tx, request, row, verdict, output_bytes));
  } else {
    TRY_VOID(write_over(tx, request, row, verdict, output_bytes));
  }
  if (well && !request.proves_gate.empty()) {
    TRY_VOID(prove_gate(tx, request.tenant, request.proves_gate, request.now));
  }
  TRY_VOID(append_status(
      tx, row,
      {.status = verdict.status,
       .attempt = request.attempt,
       .worker_id = row.worker_id,
       .node_id = row.node_id,
       .failure_reason = verdict.reason,
       .accomplished = !verdict.goes_on() && row.outcome ? std::optional(row.outcome->accomplished)
                                                         : std::nullopt,
       .parked = verdict.parked,
       .parked_until = verdict.parked ? verdict.until : std::nullopt},
      request.now));
  TRY_VOID(meter_attempt(tx, request, row, verdict));
  TRY_VOID(write_diagnosis(tx, request, row, verdict.status, verdict.reason, persona,
                           leg_of(row, address(persona)).config));
  AppendOutcome outcome{.accepted = true, .status = verdict.status};
  outcome.gate = std::move(verdict.gate);
  if (verdict.status == ExecutionStatus::kQueued) {
    row.not_before = *verdict.until;
    row.parked = verdict.parked;
    row.uses_fallback = verdict.uses_fallback;
    outcome.retry = to_queued(row, address(persona));
  }
  return outcome;
}

Result<void> remember_session(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                              std::string_view session_id, std::string_view backend) {
  static const Sql kRemember(
      "UPDATE executions SET session_id = ?, session_backend = ? WHERE tenant_id = ? AND id = ?");
  TRY_VOID(tx.execute(kRemember, {session_id, backend, tenant, id}));
  return {};
}

}  // namespace personas::execution
