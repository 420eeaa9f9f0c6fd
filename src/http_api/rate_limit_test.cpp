#include "rate_limit.hpp"

#include <gtest/gtest.h>

namespace personas::http_api {
namespace {

using Kind = RateLimiter::Verdict::Kind;

TEST(RateLimiter, HoldsAMinutesWorthAndRefillsSteadily) {
  RateLimiter limiter(60);
  Instant now{0};
  for (int i = 0; i < 60; ++i) EXPECT_EQ(limiter.take("k", now).kind, Kind::kAllowed);
  const auto refused = limiter.take("k", now);
  EXPECT_EQ(refused.kind, Kind::kRefused);
  EXPECT_EQ(refused.retry_after, 1);
  now = now + milliseconds(1'000);
  EXPECT_EQ(limiter.take("k", now).kind, Kind::kAllowed);
  EXPECT_EQ(limiter.take("k", now).kind, Kind::kRefused);
  now = now + hours(1);
  EXPECT_EQ(limiter.take("k", now).remaining, 59);
}

TEST(RateLimiter, KeysDoNotShareABucketAndTimeNeverGoesBack) {
  RateLimiter limiter(1);
  EXPECT_EQ(limiter.take("a", {1'000'000}).kind, Kind::kAllowed);
  EXPECT_EQ(limiter.take("b", {1'000'000}).kind, Kind::kAllowed);
  EXPECT_EQ(limiter.take("a", {0}).kind, Kind::kRefused);
}

TEST(RateLimiter, ZeroIsNoLimit) {
  RateLimiter limiter(0);
  const auto verdict = limiter.take("k", {0});
  EXPECT_EQ(verdict.kind, Kind::kUnlimited);
  net::Response response;
  add_rate_headers(verdict, response);
  EXPECT_TRUE(response.headers.all().empty());
}

}  // namespace
}  // namespace personas::http_api
