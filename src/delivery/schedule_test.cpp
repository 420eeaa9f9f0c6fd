#include "personas/delivery/schedule.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace personas::delivery {
namespace {

Lane lane(int number) {
  return {TenantId("ten_1"), EndpointId("whe_" + std::to_string(number))};
}
constexpr Timestamp at(std::int64_t second) {
  return {second * 1'000'000};
}

TEST(Schedule, HasNothingToDoWhenNothingIsDue) {
  Schedule schedule(32);
  EXPECT_FALSE(schedule.wake());
  EXPECT_FALSE(schedule.next(at(100)));
  schedule.due(lane(1), at(50));
  EXPECT_EQ(schedule.wake(), at(50));
  EXPECT_FALSE(schedule.next(at(49)));
  EXPECT_TRUE(schedule.next(at(50)));
  EXPECT_FALSE(schedule.wake());
}

TEST(Schedule, ServesWhoHasWaitedLongestAndOnlyOnceAtATime) {
  Schedule schedule(32);
  schedule.due(lane(1), at(30));
  schedule.due(lane(2), at(20));
  schedule.due(lane(1), at(10));  // the earlier word counts
  schedule.due(lane(2), at(40));
  const auto first = schedule.next(at(50));
  const auto second = schedule.next(at(50));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->lane, lane(1));
  EXPECT_EQ(second->lane, lane(2));
  EXPECT_FALSE(schedule.next(at(50)));
  schedule.due(lane(1), at(45));
  EXPECT_FALSE(schedule.next(at(50)));
  schedule.ended(*first, at(60));
  EXPECT_EQ(schedule.next(at(50))->lane, lane(1));
  schedule.ended(*second, {});
  EXPECT_EQ(schedule.lanes(), 1U);
}

// Random steps against what must hold at each: no lane twice, no more permits than there are,
// nothing early, nothing forgotten.
TEST(Schedule, KeepsItsPromisesOnEveryPath) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    constexpr std::size_t kPermits = 6;
    Schedule schedule(kPermits);
    std::map<Lane, Timestamp> waiting;  // earliest word per lane
    std::map<Lane, Schedule::Turn> turns;
    Timestamp now = at(1'000);
    for (int step = 0; step < 300; ++step) {
      const auto which = lane(static_cast<int>(random.below(8)));
      const auto when = now + seconds(static_cast<std::int64_t>(random.below(20)) - 10);
      switch (random.below(4)) {
        case 0: {
          schedule.due(which, when);
          const auto [entry, fresh] = waiting.try_emplace(which, when);
          if (!fresh) entry->second = std::min(entry->second, when);
          break;
        }
        case 1:
          now = now + seconds(3);
          break;
        case 2: {
          std::size_t used = 0;
          for (const auto& [ignored, turn] : turns) used += turn.permits;
          const auto turn = schedule.next(now);
          if (!turn) {
            for (const auto& [one, due] : waiting) {
              EXPECT_TRUE(due > now || turns.contains(one) || used == kPermits) << seed;
            }
            break;
          }
          ASSERT_FALSE(turns.contains(turn->lane)) << seed;
          ASSERT_TRUE(waiting.contains(turn->lane)) << seed;
          EXPECT_LE(waiting.at(turn->lane), now) << seed;
          EXPECT_GE(turn->permits, 1U);
          EXPECT_LE(used + turn->permits, kPermits) << seed;
          waiting.erase(turn->lane);
          turns.emplace(turn->lane, *turn);
          break;
        }
        default: {
          if (turns.empty()) break;
          const auto turn = turns.begin()->second;
          turns.erase(turns.begin());
          const bool more = random.below(2) == 0;
          schedule.ended(turn, more ? std::optional(when) : std::nullopt);
          if (more) {
            const auto [entry, fresh] = waiting.try_emplace(turn.lane, when);
            if (!fresh) entry->second = std::min(entry->second, when);
          }
        }
      }
    }
    for (const auto& [ignored, turn] : turns) schedule.ended(turn, {});
    std::set<Lane> served;
    while (const auto turn = schedule.next(now + hours(1))) {
      served.insert(turn->lane);
      schedule.ended(*turn, {});
    }
    EXPECT_EQ(served.size(), waiting.size()) << seed;
    EXPECT_EQ(schedule.lanes(), 0U);
  }
}

}  // namespace
}  // namespace personas::delivery
