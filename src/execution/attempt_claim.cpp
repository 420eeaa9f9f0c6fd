// The claim: who won, and what the attempt is given to do. The first gets the whole prompt. A later
// one continues the agent's own session with a short message, or gets the whole prompt again with
// what is known of the earlier ones.
#include <fmt/format.h>

#include "personas/agents/backends.hpp"
#include "personas/agents/memory_ranking.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/claim.hpp"
#include "personas/execution/session_store.hpp"
#include "personas/store/repositories.hpp"

#include "holding.hpp"
#include "rows.hpp"

namespace personas::execution {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

using Kind = agents::Continuation::Kind;

// Why the last ended attempt is not the only one; nullopt if the agent itself failed, or if no
// attempt has begun yet.
Result<std::optional<Kind>> why_again(Transaction& tx, const ExecutionRow& row) {
  static const Sql kLast(
      "SELECT status, failure_reason FROM attempts WHERE tenant_id = ? AND execution_id = ? ORDER "
      "BY attempt DESC LIMIT 1");
  std::optional<Kind> kind;
  TRY_VOID(tx.query(kLast, {row.tenant_id, row.id}, [&](const Row& attempt) -> Result<bool> {
    if (attempt.text(0) == "completed") {
      kind = Kind::kReviewsDecided;
    } else if (!attempt.is_null(1)) {
      FailureReason reason = FailureReason::kUnknown;
      codec::value_of(attempt.text(1), reason);
      if (reason == FailureReason::kProviderQuota) {
        kind = Kind::kQuotaReset;
      } else if (info(reason).retryable == Retryable::kAlways) {
        kind = Kind::kInterrupted;
      }
    }
    return false;
  }));
  return kind;
}

// The conversation that can be continued here: kept off the worker that had it, whole, of the same
// backend, and for a worker that can be given it.
Result<std::optional<std::vector<SessionFile>>> session_of(Transaction& tx, const ExecutionRow& row,
                                                           const Leg& leg,
                                                           const Secret* session_key) {
  std::optional<std::vector<SessionFile>> none;
  if (session_key == nullptr || !row.session_id || row.session_backend != leg.backend) return none;
  const auto* backend = agents::find_backend(leg.backend);
  if (backend == nullptr || backend->resume != agents::Resume::kYes) return none;
  return load_session(tx, *session_key, row.tenant_id, row.id);
}

std::vector<agents::DecidedReview> told(std::vector<Review> reviews) {
  std::vector<agents::DecidedReview> all;
  all.reserve(reviews.size());
  for (auto& review : reviews) {
    all.push_back({.title = std::move(review.title),
                   .status = review.status,
                   .decided_by = std::move(review.responded_by),
                   .message = std::move(review.response_message)});
  }
  return all;
}

Result<void> go_on(Transaction& tx, const ClaimRequest& request, const ExecutionRow& row,
                   const Leg& leg, ClaimedRun& run) {
  // What an agent that begins again writes stands for what the earlier attempts wrote.
  static const Sql kAfresh(
      "UPDATE executions SET first_leg = ?, output_bytes = 0, outcome = NULL WHERE tenant_id = ? "
      "AND id = ?");
  TRY(const auto kind, why_again(tx, row));
  TRY(auto session, session_of(tx, row, leg, request.session_key));
  const bool resumes = session.has_value();
  if (resumes) {
    run.session_id = row.session_id;
    run.session = std::move(*session);
  } else {
    TRY_VOID(tx.execute(kAfresh, {row.attempt, row.tenant_id, row.id}));
    TRY_VOID(drop_session(tx, row.tenant_id, row.id));
  }
  std::vector<agents::DecidedReview> reviews;
  if (row.asked) {
    TRY(auto given, give_reviews(tx, row, resumes ? Recall::kKept : Recall::kLost));
    reviews = told(std::move(given));
  }
  if (kind || resumes || !reviews.empty()) {
    run.continuation = agents::Continuation{.kind = kind.value_or(Kind::kInterrupted),
                                            .reviews = std::move(reviews)};
  }
  return {};
}

// What earlier attempts spent is gone from the budget of the whole.
void take_spent(const ExecutionRow& row, ClaimedRun& run) {
  auto& budget = run.config.max_budget_usd;
  if (!budget || !row.cost_usd) return;
  const double whole = *budget;
  *budget = whole - *row.cost_usd;
  if (*budget > 0) return;
  run.refused = Refused{FailureReason::kBudgetExceeded,
                        fmt::format("Its earlier attempts spent ${:.4f} of maxBudgetUsd {:.4f}",
                                    *row.cost_usd, whole)};
}

}  // namespace

Result<void> load_belongings(Transaction& tx, const TenantId& tenant, Timestamp now,
                             ClaimedRun& run) {
  if (!run.persona) return {};
  TRY(run.tools, store::tools_of(tx, tenant, run.persona->id));
  TRY(auto memories, store::memory_candidates(tx, tenant, run.persona->id));
  const std::string task = run.prompt + " " + (run.input_data ? run.input_data->text : "");
  run.memories = agents::relevant_memories(std::move(memories), task, {}, now);
  return {};
}

Result<std::optional<ClaimedRun>> claim(Transaction& tx, const ClaimRequest& request) {
  static const Sql kClaim(
      "UPDATE executions SET status = 'running', attempt = ?, last_seq = 0, worker_id = ?, "
      "worker_instance = ?, node_id = ?, started_at = COALESCE(started_at, ?), attempt_started_at "
      "= ?, parked = NULL, parked_until = NULL, parked_gate = NULL, persona_version = (SELECT "
      "p.version FROM personas p WHERE p.tenant_id = executions.tenant_id AND p.id = "
      "executions.persona_id) WHERE tenant_id = ? AND id = ? AND status = 'queued' AND attempt = "
      "?");
  // The condition decides who won; the row is read after it, because RETURNING all of it costs
  // SQLite more than both statements.
  TRY(const auto won, tx.execute(kClaim, {request.attempt, request.worker, request.worker_instance,
                                          request.node, request.now, request.now, request.tenant,
                                          request.id, request.attempt - 1}));
  if (won == 0) return std::optional<ClaimedRun>();
  TRY(auto row, live_row(tx, request.tenant, request.id, request.attempt));
  if (!row) return fail(ErrorCode::kInternal, "the claimed execution cannot be read");
  TRY_VOID(append_status(tx, *row,
                         {.status = ExecutionStatus::kRunning,
                          .attempt = request.attempt,
                          .worker_id = request.worker.str(),
                          .node_id = request.node.str()},
                         request.now));
  ClaimedRun run;
  TRY(run.persona, persona_of(tx, *row));
  run.prompt = row->prompt;
  run.input_data = row->input_data;
  TRY_VOID(load_belongings(tx, request.tenant, request.now, run));
  Leg leg = leg_of(*row, address(run.persona));
  if (request.attempt > 1) {
    TRY_VOID(go_on(tx, request, *row, leg, run));
  }
  run.config = std::move(leg.config);
  take_spent(*row, run);
  run.credential_ids = std::move(row->credential_ids);
  run.cancel_requested = row->cancel_requested;
  return std::optional(std::move(run));
}

AttemptLimits limits_of(const ExecutionConfig& config) {
  AttemptLimits limits;
  limits.wall = milliseconds(config.timeout_ms.value_or(kDefaultTimeoutMs));
  if (config.idle_timeout_ms) limits.idle = milliseconds(*config.idle_timeout_ms);
  return limits;
}

}  // namespace personas::execution
