#include "personas/execution/retry.hpp"

#include <gtest/gtest.h>

namespace personas::execution {
namespace {

TEST(Retry, OurOwnLossesAreTriedAgainByThemselves) {
  EXPECT_TRUE(next_attempt_after(std::nullopt, FailureReason::kWorkerLost, 1, 0));
  EXPECT_TRUE(next_attempt_after(std::nullopt, FailureReason::kLeaseExpired, 2, 0));
  EXPECT_FALSE(next_attempt_after(std::nullopt, FailureReason::kWorkerLost, 3, 0));
}

TEST(Retry, TheAgentsFailuresOnlyIfThePersonaAsks) {
  EXPECT_FALSE(next_attempt_after(std::nullopt, FailureReason::kAgentExit, 1, 0));
  EXPECT_TRUE(next_attempt_after(RetryPolicy{}, FailureReason::kAgentExit, 1, 0));
  EXPECT_FALSE(next_attempt_after(RetryPolicy{}, FailureReason::kTimeout, 1, 0));
}

TEST(Retry, BackOffGrowsToItsCeilingWithJitterOfAtMostHalf) {
  RetryPolicy policy{
      .max_attempts = 20, .initial_backoff_ms = 1'000, .max_backoff_ms = 5'000, .multiplier = 2};
  const auto wait = [&](std::int64_t ended, std::uint64_t jitter) {
    return to_millis(*next_attempt_after(policy, FailureReason::kAgentExit, ended, jitter));
  };
  EXPECT_EQ(wait(1, 0), 1'000);
  EXPECT_EQ(wait(2, 0), 2'000);
  EXPECT_EQ(wait(10, 0), 5'000);
  for (std::uint64_t jitter = 0; jitter < 10'000; jitter += 37) {
    EXPECT_GE(wait(3, jitter), 4'000);
    EXPECT_LE(wait(3, jitter), 6'000);
  }
}

}  // namespace
}  // namespace personas::execution
