// Questions of agents, and how a run that waits for them goes on
// (docs/decisions/0013-legs-and-parking.md). The transaction that takes the last answer, or that
// marks the last question expired, puts the parked execution back into the queue.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/signals.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// One transaction of the sweep marks at most so many; the next follows at once.
inline constexpr std::int64_t kReviewsPerSweep = 200;

struct ReviewAnswer {
  ExecutionId execution;
  ReviewId review;
  ReviewStatus decision = ReviewStatus::kApproved;  // kApproved or kRejected
  std::string message;
  std::string by;  // the name of the key
};
struct Answered {
  Review review;
  // Set if the execution goes on now: Executions::enqueued() is told after the commit.
  std::optional<QueuedExecution> goes_on = {};
};
// kNotFound; kConflict if it was answered before (the first committed answer counts) or its time is
// over.
Result<Answered> answer_review(store::Transaction& tx, const TenantId& tenant,
                               const ReviewAnswer& answer, Timestamp now);

// Of a link, which names no tenant. Ids are random: more than one is an accident.
Result<std::vector<TenantId>> tenants_with_review(store::Transaction& tx, const ReviewId& id);

struct ExpiredReview {
  TenantId tenant;
  Review review;
};
struct Sweep {
  std::vector<ExpiredReview> expired;
  std::vector<QueuedExecution> go_on;
  std::optional<Timestamp> next;  // when the next sweep has something to do
};
// Marks what nobody answered in time, of all tenants.
Result<Sweep> expire_reviews(store::Transaction& tx, Timestamp now);
// When the next open question expires, if there is one.
Result<std::optional<Timestamp>> next_review_expiry(store::Transaction& tx);

}  // namespace personas::execution
