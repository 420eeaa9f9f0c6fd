// How parked executions go on: questions that nobody answers in time, gates that somebody opens.
#include <algorithm>

#include <boost/asio/post.hpp>

#include "personas/execution/execution_service.hpp"

namespace personas::execution {
namespace {

// Questions expire by the wall clock, which may jump: it is looked at this often at least.
constexpr Duration kWallCheck = minutes(1);
constexpr Duration kSweepRetry = seconds(1);

}  // namespace

void ExecutionService::let_go_on(QueuedExecution entry) {
  queued_.fetch_add(1);
  dispatcher_.enqueue(std::move(entry), now());
}

// ---- questions ---------------------------------------------------------------------------------

void ExecutionService::expect_review_expiry(std::optional<Timestamp> at) {
  if (!at || (review_expiry_ && *review_expiry_ <= *at)) return;
  review_expiry_ = at;
  const Duration wait = std::clamp(*at - clock_.wall(), Duration::zero(), kWallCheck);
  look_at_reviews_ = clock_.now() + wait;
}

void ExecutionService::sweep_reviews() {
  look_at_reviews_ = Instant::never();
  if (sweeping_ || !review_expiry_) return;
  if (*review_expiry_ > clock_.wall()) {
    expect_review_expiry(std::exchange(review_expiry_, std::nullopt));
    return;
  }
  sweeping_ = true;
  auto sweep = std::make_shared<Sweep>();
  write(
      [sweep, at = clock_.wall()](store::Transaction& tx) -> Result<void> {
        TRY(*sweep, expire_reviews(tx, at));
        return {};
      },
      [this, sweep](Result<void> outcome) {
        sweeping_ = false;
        if (outcome) {
          // Questions that came meanwhile are in the answer, or their news is still to come.
          review_expiry_.reset();
          expect_review_expiry(sweep->next);
          for (const auto& expired : sweep->expired) tell_worker(expired.review);
          for (auto& entry : sweep->go_on) let_go_on(std::move(entry));
        } else {
          look_at_reviews_ = clock_.now() + kSweepRetry;
        }
        settle();
      });
}

// A worker whose agent still runs; its next message brings the decision in any case.
void ExecutionService::tell_worker(const Review& review) {
  if (!review.execution_id) return;
  const auto* lease = dispatcher_.lease(*review.execution_id);
  if (lease == nullptr) return;
  wire::ReviewResponse frame;
  frame.execution_id = review.execution_id->str();
  frame.review_id = review.id.str();
  frame.decision = std::string(codec::name_of(review.status));
  frame.message = review.response_message.value_or("");
  frame.attempt = lease->attempt;
  links_->answer_review(lease->worker, frame);
}

// ---- gates -------------------------------------------------------------------------------------

void ExecutionService::provider_changed(const TenantId& tenant, const std::string& backend) {
  boost::asio::post(strand_, [this, tenant, backend] { open_gates(tenant, backend); });
}

// Written from here although the caller may have done so: the answer then comes in the order of our
// own writes, after the news of everything that was parked before.
void ExecutionService::open_gates(const TenantId& tenant, const std::string& backend) {
  if (stopping_) return;
  write(
      [tenant, backend, at = clock_.wall()](store::Transaction& tx) -> Result<void> {
        TRY_VOID(open_gate(tx, tenant, backend, at));
        return {};
      },
      [this, tenant, backend](Result<void> outcome) {
        if (outcome) {
          dispatcher_.gates_opened(tenant, backend, now());
        } else {
          open_later_.insert({tenant, backend});
          retry_later();
        }
        settle();
      });
}

}  // namespace personas::execution
