#include "personas/schedule/due.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::schedule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Timestamp kNoon{1'800'014'400'000'000};

Schedule every(Duration interval, std::optional<Timestamp> end = {}) {
  return *parse_schedule(
      {.interval_seconds = duration_cast<seconds>(interval).count(), .end = end, .anchor = kNoon});
}
Timestamp slot(int number, Duration interval) {
  return kNoon + interval * number;
}

TEST(Due, APunctualSlotIsFiredUnderEveryPolicy) {
  for (const auto runs : {MissedRuns::kSkip, MissedRuns::kOnce, MissedRuns::kAll}) {
    const auto plan = plan_due(every(hours(1)), kNoon, kNoon + seconds(59),
                               {.runs = runs, .window = hours(1)}, {});
    EXPECT_THAT(plan.fire, ElementsAre(kNoon));
    EXPECT_EQ(plan.next, kNoon + hours(1));
    EXPECT_EQ(plan.passed_over, 0);
  }
}

TEST(Due, NothingIsDueBeforeItsSlot) {
  const auto plan = plan_due(every(hours(1)), kNoon, kNoon - Duration(1), {}, {});
  EXPECT_THAT(plan.fire, IsEmpty());
  EXPECT_EQ(plan.next, kNoon);
}

TEST(Due, AHundredMissedSlotsUnderEachPolicy) {
  const auto schedule = every(minutes(10));
  const Timestamp now = slot(99, minutes(10)) + minutes(5);
  const auto plan_with = [&](MissedRuns runs, Duration window) {
    return plan_due(schedule, kNoon, now, {.runs = runs, .window = window}, {});
  };
  const auto none = plan_with(MissedRuns::kSkip, hours(24));
  EXPECT_THAT(none.fire, IsEmpty());
  const auto one = plan_with(MissedRuns::kOnce, hours(24));
  EXPECT_THAT(one.fire, ElementsAre(slot(99, minutes(10))));
  EXPECT_EQ(one.passed_over, 99);
  const auto all = plan_with(MissedRuns::kAll, hours(24));
  EXPECT_EQ(all.fire.size(), 100U);
  EXPECT_EQ(all.fire.front(), kNoon);
  const auto within = plan_with(MissedRuns::kAll, minutes(30));
  EXPECT_THAT(within.fire,
              ElementsAre(slot(97, minutes(10)), slot(98, minutes(10)), slot(99, minutes(10))));
  for (const auto& plan : {none, one, all, within}) EXPECT_EQ(plan.next, slot(100, minutes(10)));
}

TEST(Due, OnceStandsBesideThePunctualSlot) {
  const Timestamp now = slot(5, minutes(10)) + seconds(1);
  const auto plan = plan_due(every(minutes(10)), kNoon, now, {}, {});
  EXPECT_THAT(plan.fire, ElementsAre(slot(4, minutes(10)), slot(5, minutes(10))));
  EXPECT_EQ(plan.passed_over, 4);
}

TEST(Due, CatchingUpIsBoundedAndGoesOnWhereItStopped) {
  const auto schedule = every(seconds(10));
  const Timestamp now = slot(5000, seconds(10)) + minutes(2);
  const MissedPolicy policy{.runs = MissedRuns::kAll, .window = hours(24)};
  std::vector<Timestamp> fired;
  std::optional<Timestamp> next = kNoon;
  std::int64_t passed_over = 0;
  int plans = 0;
  while (next && *next <= now) {
    const auto plan = plan_due(schedule, *next, now, policy, {});
    ASSERT_LE(plan.fire.size(), kMaxTogether);
    ASSERT_FALSE(plan.fire.empty());
    fired.insert(fired.end(), plan.fire.begin(), plan.fire.end());
    passed_over += plan.passed_over;
    next = plan.next;
    ++plans;
  }
  // Twelve more were due within the last two minutes, seven of them punctual or nearly so.
  EXPECT_GE(fired.size(), kMaxCatchUp);
  EXPECT_EQ(fired.size() + static_cast<std::size_t>(passed_over), 5013U);
  EXPECT_EQ(fired.back(), slot(5012, seconds(10)));
  EXPECT_TRUE(std::ranges::is_sorted(fired));
  EXPECT_EQ(std::set(fired.begin(), fired.end()).size(), fired.size());
  EXPECT_EQ(plans, 11);
}

TEST(Due, TheEndOfTheScheduleEndsThePlan) {
  const auto plan =
      plan_due(every(hours(1), kNoon + hours(1)), kNoon + hours(1), kNoon + hours(1), {}, {});
  EXPECT_THAT(plan.fire, ElementsAre(kNoon + hours(1)));
  EXPECT_EQ(plan.next, std::nullopt);
}

TEST(Due, ALongStopIsNotWalkedOver) {
  const auto schedule = every(seconds(1));
  const Timestamp now = kNoon + hours(24 * 3650);
  const auto plan = plan_due(schedule, kNoon, now, {.runs = MissedRuns::kSkip}, {});
  EXPECT_EQ(plan.fire.size(), 60U) << "those of the last minute";
  EXPECT_EQ(plan.next, now + seconds(1));
}

TEST(Due, JitterDependsOnKeyAndSlotAloneAndStaysBeforeTheNextSlot) {
  const auto schedule = every(minutes(1));
  std::set<std::int64_t> delays;
  for (int i = 0; i < 200; ++i) {
    const Timestamp at = slot(i, minutes(1));
    const Timestamp due = due_at(schedule, at, {"trg_1", hours(1)});
    EXPECT_GE(due, at);
    EXPECT_LT(due, slot(i + 1, minutes(1)));
    EXPECT_EQ(due, due_at(schedule, at, {"trg_1", hours(1)}));
    delays.insert((due - at).count());
  }
  EXPECT_GT(delays.size(), 190U);
  EXPECT_EQ(due_at(schedule, kNoon, {"trg_1", {}}), kNoon);
  EXPECT_NE(due_at(schedule, kNoon, {"trg_1", hours(1)}),
            due_at(schedule, kNoon, {"trg_2", hours(1)}));
  // Kept from version to version.
  EXPECT_EQ((due_at(schedule, kNoon, {"trg_1", seconds(30)}) - kNoon).count(), 3'745'642);
}

TEST(Due, ASlotThatWaitsForItsJitterIsNotFired) {
  const auto schedule = every(hours(1));
  const Jitter jitter{"trg_1", minutes(30)};
  const Timestamp due = due_at(schedule, kNoon, jitter);
  ASSERT_GT(due, kNoon);
  EXPECT_THAT(plan_due(schedule, kNoon, due - Duration(1), {}, jitter).fire, IsEmpty());
  EXPECT_THAT(plan_due(schedule, kNoon, due, {}, jitter).fire, ElementsAre(kNoon));
}

}  // namespace
}  // namespace personas::schedule
