#include "personas/delivery/retry.hpp"

#include <gtest/gtest.h>

namespace personas::delivery {
namespace {

constexpr Timestamp kStart{1'800'000'000'000'000};

TEST(Retry, FollowsTheScheduleWithinTenPercent) {
  for (std::int64_t attempt = 0; attempt < std::ssize(kWaits); ++attempt) {
    const Duration planned = kWaits.at(static_cast<std::size_t>(attempt));
    Duration least = Duration::max();
    Duration most{0};
    for (std::uint64_t dice = 0; dice < 1'000; ++dice) {
      const auto wait = wait_after(attempt, dice, {});
      ASSERT_TRUE(wait);
      least = std::min(least, *wait);
      most = std::max(most, *wait);
    }
    EXPECT_EQ(least, planned * 9 / 10);
    EXPECT_EQ(most, planned * 11 / 10);
  }
  EXPECT_FALSE(wait_after(10, 0, {}));
  EXPECT_FALSE(wait_after(10, 0, Duration(seconds(1))));
}

TEST(Retry, HonoursRetryAfterWithinADay) {
  EXPECT_EQ(wait_after(1, 100, Duration(seconds(90))), Duration(seconds(90)));
  EXPECT_EQ(wait_after(1, 100, Duration(seconds(1))), Duration(seconds(5)));
  EXPECT_EQ(wait_after(1, 100, Duration(hours(1'000))), Duration(hours(24)));
  EXPECT_EQ(wait_after(1, 100, Duration(seconds(-5))), Duration(seconds(5)));
}

TEST(Retry, ReadsRetryAfter) {
  EXPECT_EQ(read_retry_after("120", kStart), Duration(seconds(120)));
  EXPECT_EQ(read_retry_after("0", kStart), Duration(0));
  EXPECT_EQ(read_retry_after("99999999", kStart), Duration(hours(24)));
  EXPECT_EQ(read_retry_after("99999999999999999999999", kStart), Duration(hours(24)));
  const Timestamp now = *parse_rfc3339("1994-11-06T08:49:00Z");
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Duration(seconds(37)));
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 1994 08:48:37 GMT", now), Duration(0));
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 2094 08:48:37 GMT", now), Duration(hours(24)));
  for (const char* text : {"", "-1", "1.5", "soon", "Sun, 06 Nox 1994 08:49:37 GMT",
                           "Sun, 36 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 28:49:37 GMT",
                           "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 ovD 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(read_retry_after(text, now)) << text;
  }
}

TEST(Retry, OnlyTwoHundredsAreSuccess) {
  for (const int status : {200, 201, 202, 204, 299}) {
    EXPECT_TRUE(outcome_of(status, {}, kStart).error.empty()) << status;
  }
  for (const int status : {101, 301, 302, 307, 400, 401, 404, 410, 429, 500, 503}) {
    const auto outcome = outcome_of(status, "7", kStart);
    EXPECT_FALSE(outcome.error.empty()) << status;
    EXPECT_EQ(outcome.then == Outcome::Then::kGone, status == 410) << status;
    EXPECT_EQ(outcome.retry_after, Duration(seconds(7)));
  }
}

Outcome failure() {
  return outcome_of(500, {}, kStart);
}

// All of it on virtual time: ten attempts, each no earlier than 90 % of its wait.
TEST(Settle, GivesUpAfterTheWholeSchedule) {
  Endpoint endpoint;
  Delivery delivery;
  delivery.next_attempt_at = kStart;
  Timestamp now = kStart;
  std::uint64_t dice = 0;
  for (std::size_t attempt = 1; attempt <= kWaits.size(); ++attempt) {
    ASSERT_TRUE(delivery.next_attempt_at);
    now = *delivery.next_attempt_at;
    EXPECT_EQ(settle(endpoint, delivery, failure(), now, dice += 37), Verdict::kGoesOn);
    EXPECT_EQ(delivery.attempts, static_cast<std::int64_t>(attempt));
    if (attempt == kWaits.size()) break;
    const Duration wait = *delivery.next_attempt_at - now;
    EXPECT_GE(wait, kWaits.at(attempt) * 9 / 10);
    EXPECT_LE(wait, kWaits.at(attempt) * 11 / 10);
  }
  EXPECT_EQ(delivery.status, DeliveryStatus::kDead);
  EXPECT_FALSE(delivery.next_attempt_at);
  EXPECT_EQ(endpoint.dead_in_row, 1);
  EXPECT_TRUE(endpoint.enabled);
  EXPECT_GT(now - kStart, Duration(hours(67)));
}

Verdict give_up(Endpoint& endpoint, Timestamp now) {
  Delivery last;
  last.attempts = std::ssize(kWaits) - 1;
  return settle(endpoint, last, failure(), now, 0);
}

TEST(Settle, DisablesAnEndpointAfterManyGivenUpInARow) {
  Endpoint endpoint;
  for (int i = 1; i < kMaxDeadInRow; ++i) EXPECT_EQ(give_up(endpoint, kStart), Verdict::kGoesOn);
  Delivery good;
  settle(endpoint, good, Outcome{.status = 200}, kStart, 0);
  EXPECT_EQ(endpoint.dead_in_row, 0);
  EXPECT_FALSE(endpoint.failing_since);
  for (int i = 1; i < kMaxDeadInRow; ++i) EXPECT_EQ(give_up(endpoint, kStart), Verdict::kGoesOn);
  EXPECT_EQ(give_up(endpoint, kStart), Verdict::kDisabled);
  EXPECT_FALSE(endpoint.enabled);
  EXPECT_NE(endpoint.disabled_reason->find("10 deliveries"), std::string::npos);
}

TEST(Settle, DisablesAnEndpointThatHasFailedForFiveDays) {
  Endpoint endpoint;
  EXPECT_EQ(give_up(endpoint, kStart), Verdict::kGoesOn);
  EXPECT_EQ(give_up(endpoint, kStart + kMaxFailing - seconds(1)), Verdict::kGoesOn);
  EXPECT_EQ(give_up(endpoint, kStart + kMaxFailing), Verdict::kDisabled);
}

TEST(Settle, DisablesAnEndpointThatIsGone) {
  Endpoint endpoint;
  Delivery delivery;
  EXPECT_EQ(settle(endpoint, delivery, outcome_of(410, {}, kStart), kStart, 0), Verdict::kDisabled);
  EXPECT_EQ(delivery.status, DeliveryStatus::kDead);
  EXPECT_FALSE(endpoint.enabled);
}

TEST(Settle, KeepsWhatTheLastAttemptSaw) {
  Endpoint endpoint;
  Delivery delivery;
  settle(endpoint, delivery, failure(), kStart, 0);
  EXPECT_EQ(delivery.last_status, 500);
  EXPECT_EQ(delivery.last_error, "It answered 500.");
  EXPECT_EQ(endpoint.failing_since, kStart);
  settle(endpoint, delivery, Outcome{.status = 204, .took = milliseconds(12)}, kStart, 0);
  EXPECT_EQ(delivery.status, DeliveryStatus::kDelivered);
  EXPECT_FALSE(delivery.last_error);
  EXPECT_EQ(delivery.last_duration_ms, 12);
  EXPECT_EQ(delivery.completed_at, kStart);
}

TEST(Retry, ReadsTheRepliesOfMailServers) {
  using Then = Outcome::Then;
  EXPECT_TRUE(outcome_of_smtp(250, "ok", SmtpStep::kMessage).error.empty());
  EXPECT_EQ(outcome_of_smtp(450, "later", SmtpStep::kMessage).then, Then::kAgain);
  EXPECT_EQ(outcome_of_smtp(454, "later", SmtpStep::kLogin).then, Then::kAgain);
  EXPECT_EQ(outcome_of_smtp(550, "no", SmtpStep::kMessage).then, Then::kGiveUp);
  EXPECT_EQ(outcome_of_smtp(535, "no", SmtpStep::kLogin).then, Then::kDisable);
  EXPECT_EQ(outcome_of_smtp(535, "no", SmtpStep::kLogin).error,
            "The server refused the login: 535 no");
}

TEST(Retry, ARefusalForGoodEndsADeliveryAndARefusedLoginHoldsIt) {
  Endpoint endpoint;
  Delivery given_up;
  const Timestamp now{1'800'000'000'000'000};
  EXPECT_EQ(settle(endpoint, given_up, outcome_of_smtp(554, "spam", SmtpStep::kMessage), now, 0),
            Verdict::kGoesOn);
  EXPECT_EQ(given_up.status, DeliveryStatus::kDead);
  EXPECT_EQ(given_up.attempts, 1);
  EXPECT_TRUE(endpoint.enabled);
  Delivery held;
  EXPECT_EQ(settle(endpoint, held, outcome_of_smtp(535, "no", SmtpStep::kLogin), now, 0),
            Verdict::kDisabled);
  EXPECT_EQ(held.status, DeliveryStatus::kHeld);
  EXPECT_FALSE(held.next_attempt_at);
  EXPECT_FALSE(held.completed_at);
  EXPECT_FALSE(endpoint.enabled);
  Delivery noted;
  const Outcome some{.note = "Not to ann@example.com."};
  EXPECT_EQ(settle(endpoint, noted, some, now, 0), Verdict::kGoesOn);
  EXPECT_EQ(noted.status, DeliveryStatus::kDelivered);
  EXPECT_EQ(noted.last_error, "Not to ann@example.com.");
}

}  // namespace
}  // namespace personas::delivery
