#include "personas/execution/fair_queue.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace personas::execution {
namespace {

constexpr Timestamp kNow{1'000'000};

QueuedExecution entry(std::string_view tenant, std::string_view persona, int n,
                      std::int64_t priority = 0, std::int64_t limit = 0) {
  QueuedExecution e;
  e.tenant = TenantId(std::string(tenant));
  e.persona = PersonaId(std::string(persona));
  e.id = ExecutionId(fmt::format("exe_{}_{}_{:05}", tenant, persona, n));
  e.priority = priority;
  e.queued_at = Timestamp{n};
  e.not_before = Timestamp{0};
  e.max_concurrent = limit;
  e.backend = "claude";
  return e;
}

std::string take(FairQueue& queue) {
  const auto taken = queue.take([](const auto&) { return true; });
  return taken ? taken->id.str() : "";
}

TEST(FairQueue, TenantsTakeTurnsHoweverMuchOneQueues) {
  FairQueue queue(0);
  for (int i = 0; i < 100; ++i) queue.insert(entry("a", "p", i), kNow);
  queue.insert(entry("b", "p", 1), kNow);
  queue.insert(entry("b", "p", 2), kNow);
  EXPECT_EQ(take(queue), "exe_a_p_00000");
  EXPECT_EQ(take(queue), "exe_b_p_00001");
  EXPECT_EQ(take(queue), "exe_a_p_00001");
  EXPECT_EQ(take(queue), "exe_b_p_00002");
}

TEST(FairQueue, PersonasOfATenantTakeTurnsThenPriorityThenAge) {
  FairQueue queue(0);
  queue.insert(entry("t", "p", 1), kNow);
  queue.insert(entry("t", "p", 2, 5), kNow);
  queue.insert(entry("t", "q", 3), kNow);
  EXPECT_EQ(take(queue), "exe_t_p_00002");
  EXPECT_EQ(take(queue), "exe_t_q_00003");
  EXPECT_EQ(take(queue), "exe_t_p_00001");
  EXPECT_EQ(take(queue), "");
}

TEST(FairQueue, ALaneAtItsLimitWaitsUntilOneFinishes) {
  FairQueue queue(0);
  queue.insert(entry("t", "p", 1, 0, 1), kNow);
  queue.insert(entry("t", "p", 2, 0, 1), kNow);
  EXPECT_EQ(take(queue), "exe_t_p_00001");
  EXPECT_EQ(take(queue), "");
  queue.finished(entry("t", "p", 1));
  EXPECT_EQ(take(queue), "exe_t_p_00002");
}

TEST(FairQueue, ATenantAtItsLimitDoesNotHoldUpOthers) {
  FairQueue queue(1);
  queue.insert(entry("a", "p", 1), kNow);
  queue.insert(entry("a", "q", 2), kNow);
  queue.insert(entry("b", "p", 3), kNow);
  EXPECT_EQ(take(queue), "exe_a_p_00001");
  EXPECT_EQ(take(queue), "exe_b_p_00003");
  EXPECT_EQ(take(queue), "");
  queue.finished(entry("a", "p", 1));
  EXPECT_EQ(take(queue), "exe_a_q_00002");
}

TEST(FairQueue, DelayedEntriesComeWhenTheyAreDue) {
  FairQueue queue(0);
  auto late = entry("t", "p", 1);
  late.not_before = kNow + seconds(5);
  queue.insert(late, kNow);
  EXPECT_EQ(take(queue), "");
  EXPECT_EQ(queue.next_due(), kNow + seconds(5));
  queue.release_due(kNow + seconds(5));
  EXPECT_EQ(take(queue), late.id.str());
}

TEST(FairQueue, TheWindowKeepsTheBestAndAsksForMore) {
  FairQueue queue(0);
  const int many = static_cast<int>(kLaneWindow) + 10;
  for (int i = 0; i < many; ++i) queue.insert(entry("t", "p", i), kNow);
  EXPECT_EQ(queue.size(), kLaneWindow);
  queue.insert(entry("t", "p", many, 9), kNow);  // better than the worst cached
  EXPECT_EQ(queue.size(), kLaneWindow);
  EXPECT_EQ(take(queue), fmt::format("exe_t_p_{:05}", many));

  EXPECT_TRUE(queue.take_refills().empty());
  while (queue.size() > kLaneWindow / 2) take(queue);
  const auto refills = queue.take_refills();
  ASSERT_EQ(refills.size(), 1u);

  // An entry left to the store while the answer is under way is not forgotten.
  queue.insert(entry("t", "p", many + 1), kNow);
  queue.refilled(refills[0], {}, false, std::nullopt, kNow);
  EXPECT_EQ(queue.take_refills().size(), 1u);
}

TEST(FairQueue, EveryEntryIsTakenExactlyOnceInRandomSchedules) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    FairQueue queue(static_cast<std::int64_t>(random.below(4)));
    std::set<std::string> expected, taken;
    std::vector<QueuedExecution> running;
    bool closed = false;
    const auto of_key = [&](const QueuedExecution& one) {
      return std::ranges::count_if(running, [&](const QueuedExecution& other) {
        return one.concurrency && other.concurrency && one.tenant == other.tenant &&
               one.concurrency->key == other.concurrency->key;
      });
    };
    for (int step = 0; step < 400; ++step) {
      const auto tenant = std::string(1, static_cast<char>('a' + random.below(3)));
      const auto persona = std::string(1, static_cast<char>('p' + random.below(3)));
      if (random.below(2) == 0) {
        auto e = entry(tenant, persona, step, static_cast<std::int64_t>(random.below(3)), 2);
        if (const auto key = random.below(4); key > 0)
          e.concurrency = ConcurrencyKey{fmt::format("k{}", key), 2};
        e.gate = random.below(3) == 0 ? "g" : "claude";
        expected.insert(e.id.str());
        queue.insert(std::move(e), kNow);
      } else if (random.below(2) == 0) {
        if (auto got = queue.take([](const auto&) { return true; })) {
          EXPECT_TRUE(taken.insert(got->id.str()).second) << seed;
          EXPECT_LE(queue.running({got->tenant, got->persona}), 2) << seed;
          EXPECT_FALSE(closed && got->gate == "g" && got->tenant == TenantId("a")) << seed;
          running.push_back(*got);
          EXPECT_LE(of_key(*got), 2) << seed;
        }
      } else if (random.below(8) == 0) {
        const GateKey gate{TenantId("a"), "g"};
        closed = !closed;
        closed ? queue.close_gate(gate) : queue.open_gate(gate);
      } else if (!running.empty()) {
        const auto i = random.below(running.size());
        queue.finished(running[i]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    queue.open_gate({TenantId("a"), "g"});
    for (;;) {
      auto got = queue.take([](const auto&) { return true; });
      if (got) {
        EXPECT_TRUE(taken.insert(got->id.str()).second) << seed;
        running.push_back(*got);
        EXPECT_LE(of_key(*got), 2) << seed;
      } else if (!running.empty()) {
        queue.finished(running.back());
        running.pop_back();
      } else {
        break;
      }
    }
    EXPECT_EQ(taken, expected) << seed;
  }
}

QueuedExecution keyed(int n, std::string key, std::int64_t limit = 1, std::int64_t priority = 0) {
  auto e = entry("t", "p", n, priority);
  e.concurrency = ConcurrencyKey{std::move(key), limit};
  return e;
}

TEST(FairQueue, ThoseOfOneKeyRunInOrderUpToItsLimitAndOthersPassBy) {
  FairQueue queue(0);
  // More than are tried at the head of a lane: what waits for its key is not among them.
  for (int i = 0; i < 40; ++i) queue.insert(keyed(i, "a"), kNow);
  queue.insert(keyed(50, "b"), kNow);
  queue.insert(entry("t", "p", 60), kNow);
  EXPECT_EQ(take(queue), "exe_t_p_00000");
  EXPECT_EQ(take(queue), "exe_t_p_00050");
  EXPECT_EQ(take(queue), "exe_t_p_00060");
  EXPECT_EQ(take(queue), "");
  EXPECT_EQ(queue.running_of_key(keyed(1, "a")), 1);
  for (int i = 0; i < 39; ++i) {
    queue.finished(keyed(i, "a"));
    EXPECT_EQ(take(queue), fmt::format("exe_t_p_{:05}", i + 1));
    EXPECT_EQ(take(queue), "");
  }
}

TEST(FairQueue, AKeyIsOfItsTenantAndHasItsOwnLimit) {
  FairQueue queue(0);
  for (int i = 0; i < 4; ++i) queue.insert(keyed(i, "a", 3), kNow);
  auto other = entry("u", "p", 9);
  other.concurrency = ConcurrencyKey{"a", 1};
  queue.insert(other, kNow);
  std::set<std::string> taken;
  while (auto got = queue.take([](const auto&) { return true; })) taken.insert(got->id.str());
  EXPECT_EQ(taken, (std::set<std::string>{"exe_t_p_00000", "exe_t_p_00001", "exe_t_p_00002",
                                          "exe_u_p_00009"}));
}

TEST(FairQueue, AHigherPriorityOfTheSameKeyGoesFirst) {
  FairQueue queue(0);
  queue.insert(keyed(1, "a"), kNow);
  queue.insert(keyed(2, "a", 1, 5), kNow);
  EXPECT_EQ(take(queue), "exe_t_p_00002");
  EXPECT_EQ(take(queue), "");
}

TEST(FairQueue, WhoWaitsForItsKeyIsNotOvertakenByAWiderLimit) {
  FairQueue queue(0);
  queue.insert(keyed(1, "a", 1), kNow);
  queue.insert(keyed(2, "a", 1), kNow);
  queue.insert(keyed(3, "a", 5), kNow);
  EXPECT_EQ(take(queue), "exe_t_p_00001");
  EXPECT_EQ(take(queue), "");
}

TEST(FairQueue, WhatRanBeforeARestartHoldsItsKey) {
  FairQueue queue(0);
  queue.count_running(keyed(1, "a"));
  queue.insert(keyed(2, "a"), kNow);
  EXPECT_EQ(take(queue), "");
  queue.finished(keyed(1, "a"));
  EXPECT_EQ(take(queue), "exe_t_p_00002");
}

TEST(FairQueue, ACancelledOneGivesItsPlaceToTheNextOfItsKey) {
  FairQueue queue(0);
  queue.insert(keyed(1, "a"), kNow);
  queue.insert(keyed(2, "a"), kNow);
  queue.erase(keyed(1, "a").id);
  EXPECT_EQ(take(queue), "exe_t_p_00002");
}

TEST(FairQueue, AnEntryBehindAClosedGateKeepsItsPlaceInItsKey) {
  FairQueue queue(0);
  const GateKey gate{TenantId("t"), "claude"};
  auto first = keyed(1, "a");
  first.gate = "claude";
  queue.insert(first, kNow);
  queue.insert(keyed(2, "a"), kNow);
  queue.close_gate(gate);
  EXPECT_EQ(take(queue), "");
  queue.open_gate(gate);
  EXPECT_EQ(take(queue), "exe_t_p_00001");
  EXPECT_EQ(take(queue), "");
}

}  // namespace
}  // namespace personas::execution
