#include "personas/execution/review_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/agents/continuation.hpp"
#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

#include "holding.hpp"
#include "rows.hpp"

namespace personas::execution {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

bool holds(ReviewPolicy policy, Severity severity) {
  switch (policy) {
    case ReviewPolicy::kRisky:
      return severity == Severity::kHigh || severity == Severity::kCritical;
    case ReviewPolicy::kHold:
      return true;
    case ReviewPolicy::kNever:
      return false;
  }
  return false;
}

Result<void> record_review(Transaction& tx, const TenantId& tenant, std::string_view type,
                           const Review& review, Timestamp now) {
  const record::ReviewRecord fact{review.id,
                                  review.persona_id,
                                  review.execution_id,
                                  review.title,
                                  std::string(codec::name_of(review.severity)),
                                  std::string(codec::name_of(review.status))};
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = now,
                      .type = type,
                      .data = codec::to_json(fact),
                      .execution_id = review.execution_id ? review.execution_id->str() : "",
                      .persona_id = review.persona_id ? review.persona_id->str() : ""}));
  return {};
}

// After a review of it was decided: back into the queue, unless something still holds it.
Result<std::optional<QueuedExecution>> go_on(Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id, Timestamp now) {
  static const Sql kUntil("UPDATE executions SET parked_until = ? WHERE tenant_id = ? AND id = ?");
  TRY(auto row, find_row(tx, tenant, id));
  if (!row || row->parked != Parked::kReview) return std::optional<QueuedExecution>();
  TRY(const auto persona, persona_of(tx, *row));
  TRY(const auto holding, holding_reviews(tx, *row, address(persona)));
  if (holding.pending > 0) {
    TRY_VOID(tx.execute(kUntil, {holding.until, tenant, id}));
    return std::optional<QueuedExecution>();
  }
  TRY(auto queued, requeue(tx, std::move(*row), address(persona), now));
  return std::optional(std::move(queued));
}

std::unexpected<Error> decided_already(const Review& review) {
  if (review.status == ReviewStatus::kPending || review.status == ReviewStatus::kExpired) {
    const std::string when = review.expires_at ? to_rfc3339(*review.expires_at) : "some time ago";
    return fail(ErrorCode::kConflict,
                fmt::format("This review expired at {}, and the run went on without an answer; a "
                            "longer reviewTimeoutMs of the persona gives more time",
                            when));
  }
  return fail(ErrorCode::kConflict,
              fmt::format("This review is {} already; the first answer counts",
                          codec::name_of(review.status)));
}

}  // namespace

Result<Holding> holding_reviews(Transaction& tx, const ExecutionRow& row, const Persona* persona) {
  static const Sql kReviews(
      "SELECT severity, status, told, expires_at FROM reviews WHERE tenant_id = ? AND execution_id "
      "= ?");
  Holding holding;
  if (!row.asked || row.source == "test") return holding;
  const ReviewPolicy policy = persona != nullptr ? persona->review_policy : ReviewPolicy::kRisky;
  TRY_VOID(tx.query(kReviews, {row.tenant_id, row.id}, [&](const Row& review) -> Result<bool> {
    Severity severity = Severity::kCritical;
    codec::value_of(review.text(0), severity);
    if (!holds(policy, severity)) return true;
    if (review.text(1) != "pending") {
      if (review.integer(2) == 0) ++holding.undelivered;
      return true;
    }
    ++holding.pending;
    if (!review.is_null(3)) holding.until = std::max(holding.until, Timestamp{review.integer(3)});
    return true;
  }));
  return holding;
}

Result<void> mark_told(Transaction& tx, const ExecutionRow& row) {
  static const Sql kTold(
      "UPDATE reviews SET told = 1 WHERE tenant_id = ? AND execution_id = ? AND given_to = ?");
  TRY_VOID(tx.execute(kTold, {row.tenant_id, row.id, row.attempt}));
  return {};
}

Result<std::vector<Review>> give_reviews(Transaction& tx, const ExecutionRow& row, Recall recall) {
  static const Sql kReviews("SELECT " + codec::columns<Review>() +
                            " FROM reviews WHERE tenant_id = ? AND execution_id = ? AND (told = 0 "
                            "OR ? = 1) ORDER BY CASE status WHEN 'pending' THEN 1 ELSE 0 END, "
                            "told, id LIMIT ?");
  static const Sql kGiven(
      "UPDATE reviews SET given_to = ? WHERE tenant_id = ? AND id = ? AND status <> 'pending' AND "
      "told = 0");
  const std::int64_t all = recall == Recall::kLost ? 1 : 0;
  // Undelivered decisions come first; what is over the limit is given to a later attempt.
  const auto limit = static_cast<std::int64_t>(agents::kMaxToldReviews);
  TRY(auto reviews, tx.list<Review>(kReviews, {row.tenant_id, row.id, all, limit}));
  for (const auto& review : reviews) {
    if (review.status == ReviewStatus::kPending) continue;
    TRY_VOID(tx.execute(kGiven, {row.attempt, row.tenant_id, review.id}));
  }
  std::ranges::sort(reviews, {}, [](const Review& review) {
    return std::pair(review.created_at, std::string_view(review.id.str()));
  });
  return reviews;
}

Result<Answered> answer_review(Transaction& tx, const TenantId& tenant, const ReviewAnswer& answer,
                               Timestamp now) {
  static const Sql kAnswer(
      "UPDATE reviews SET status = ?, response_message = ?, responded_at = ?, responded_by = ? "
      "WHERE tenant_id = ? AND id = ? AND status = 'pending' AND (expires_at IS NULL OR expires_at "
      "> ?)");
  TRY(auto review, store::find_review(tx, tenant, answer.review));
  if (!review || review->execution_id != answer.execution) {
    return fail(ErrorCode::kNotFound, "There is no review '" + answer.review.str() + "'");
  }
  TRY(const auto changed, tx.execute(kAnswer, {codec::name_of(answer.decision), answer.message, now,
                                               answer.by, tenant, answer.review, now}));
  if (changed == 0) return decided_already(*review);
  review->status = answer.decision;
  review->response_message = answer.message;
  review->responded_at = now;
  review->responded_by = answer.by;
  TRY_VOID(record_review(tx, tenant, record::kReviewAnswered, *review, now));
  Answered answered{.review = std::move(*review)};
  TRY(answered.goes_on, go_on(tx, tenant, answer.execution, now));
  return answered;
}

Result<std::vector<TenantId>> tenants_with_review(Transaction& tx, const ReviewId& id) {
  static const Sql kTenants("SELECT tenant_id FROM reviews WHERE id = ? ORDER BY tenant_id");
  std::vector<TenantId> tenants;
  TRY_VOID(tx.query(kTenants, {id}, [&](const Row& row) -> Result<bool> {
    tenants.emplace_back(std::string(row.text(0)));
    return true;
  }));
  return tenants;
}

Result<Sweep> expire_reviews(Transaction& tx, Timestamp now) {
  static const Sql kExpire(
      "UPDATE reviews SET status = 'expired' WHERE tenant_id = ? AND id = ? AND status = "
      "'pending'");
  static const Sql kDue(
      "SELECT tenant_id, id FROM reviews WHERE status = 'pending' AND expires_at <= ? ORDER BY "
      "expires_at, tenant_id, id LIMIT ?");
  Sweep sweep;
  std::vector<std::pair<TenantId, ReviewId>> due;
  TRY_VOID(tx.query(kDue, {now, kReviewsPerSweep}, [&](const Row& row) -> Result<bool> {
    due.emplace_back(TenantId(std::string(row.text(0))), ReviewId(std::string(row.text(1))));
    return true;
  }));
  for (const auto& [tenant, id] : due) {
    TRY_VOID(tx.execute(kExpire, {tenant, id}));
    TRY(auto review, store::find_review(tx, tenant, id));
    if (!review) continue;
    TRY_VOID(record_review(tx, tenant, record::kReviewExpired, *review, now));
    if (review->execution_id) {
      TRY(auto queued, go_on(tx, tenant, *review->execution_id, now));
      if (queued) sweep.go_on.push_back(std::move(*queued));
    }
    sweep.expired.push_back({tenant, std::move(*review)});
  }
  TRY(sweep.next, next_review_expiry(tx));
  return sweep;
}

Result<std::optional<Timestamp>> next_review_expiry(Transaction& tx) {
  static const Sql kNext("SELECT MIN(expires_at) FROM reviews WHERE status = 'pending'");
  std::optional<Timestamp> next;
  TRY_VOID(tx.query(kNext, {}, [&](const Row& row) -> Result<bool> {
    if (!row.is_null(0)) next = Timestamp{row.integer(0)};
    return false;
  }));
  return next;
}

}  // namespace personas::execution
