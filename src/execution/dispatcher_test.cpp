#include "personas/execution/dispatcher.hpp"

#include <gtest/gtest.h>

namespace personas::execution {
namespace {

class DispatcherTest : public testing::Test {
 protected:
  Now now() const { return {clock.now(), clock.wall()}; }

  QueuedExecution entry(std::string id, std::string persona = "p", std::int64_t limit = 0) {
    QueuedExecution e;
    e.tenant = TenantId("t");
    e.id = ExecutionId(std::move(id));
    e.persona = PersonaId(std::move(persona));
    e.queued_at = clock.wall();
    e.not_before = clock.wall();
    e.max_concurrent = limit;
    e.backend = "claude";
    return e;
  }

  void join(std::string id, std::int64_t slots = 1, WorkerKind kind = WorkerKind::kFull,
            std::string instance = "i1") {
    WorkerInfo info;
    info.id = WorkerId(std::move(id));
    info.instance = kind == WorkerKind::kFull ? std::move(instance) : "";
    info.kind = kind;
    info.slots = slots;
    info.capabilities = {"claude"};
    const WorkerId worker = info.id;
    dispatcher.worker_joined(std::move(info), now());
    dispatcher.worker_ready(worker, slots, now());
  }

  template <class E>
  std::vector<E> effects() {
    std::vector<E> found;
    for (auto& one : dispatcher.take_effects()) {
      if (auto* e = std::get_if<E>(&one)) found.push_back(std::move(*e));
    }
    return found;
  }

  // Claims and wins what was proposed.
  std::size_t win_all(AttemptLimits limits = {}) {
    const auto claims = effects<effect::Claim>();
    for (const auto& claim : claims) dispatcher.claim_won(claim.entry.id, limits, now());
    return claims.size();
  }

  QueuedExecution gated(std::string id, std::string account) {
    auto e = entry(std::move(id));
    e.gate = std::move(account);
    return e;
  }
  void close(std::string account, Duration wait) {
    dispatcher.gate_changed({.tenant = TenantId("t"),
                             .account = std::move(account),
                             .until = clock.wall() + wait,
                             .closed_at = clock.wall(),
                             .closings = 1,
                             .reason = {}},
                            now());
  }

  void pass(Duration d) {
    clock.advance(d);
    dispatcher.tick(now());
  }

  ManualClock clock;
  Dispatcher dispatcher{DispatcherOptions{}};
};

TEST_F(DispatcherTest, ProposesAClaimWhenThereIsWorkAndAWorker) {
  dispatcher.enqueue(entry("e1"), now());
  EXPECT_TRUE(effects<effect::Claim>().empty());
  EXPECT_NE(dispatcher.why_waiting(ExecutionId("e1"), clock.wall()).find("No worker"),
            std::string::npos);
  join("w1");
  const auto claims = effects<effect::Claim>();
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].attempt, 1);
  EXPECT_EQ(claims[0].worker, WorkerId("w1"));
}

TEST_F(DispatcherTest, ALostClaimFreesTheSlotForTheNext) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  dispatcher.enqueue(entry("e2"), now());
  ASSERT_EQ(effects<effect::Claim>().size(), 1u);
  dispatcher.claim_lost(ExecutionId("e1"), now());
  const auto next = effects<effect::Claim>();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0].entry.id, ExecutionId("e2"));
}

TEST_F(DispatcherTest, AnUnansweredClaimIsTriedAgain) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  ASSERT_EQ(effects<effect::Claim>().size(), 1u);
  dispatcher.claim_failed(ExecutionId("e1"), now());
  EXPECT_TRUE(effects<effect::Claim>().empty());
  pass(seconds(1));
  EXPECT_EQ(effects<effect::Claim>().size(), 1u);
}

TEST_F(DispatcherTest, SlotsAndPersonaLimitsAreKept) {
  join("w1", 10);
  for (int i = 0; i < 5; ++i) dispatcher.enqueue(entry("e" + std::to_string(i), "p", 2), now());
  EXPECT_EQ(win_all(), 2u);
  EXPECT_NE(dispatcher.why_waiting(ExecutionId("e4"), clock.wall()).find("maxConcurrent"),
            std::string::npos);
  dispatcher.ended(ExecutionId("e0"), 1, now());
  EXPECT_EQ(win_all(), 1u);
}

TEST_F(DispatcherTest, AFullWorkersRunOutlivesItsConnectionUntilTheLeaseEnds) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  dispatcher.worker_left(WorkerId("w1"), now());
  pass(seconds(17));
  EXPECT_TRUE(effects<effect::Lose>().empty());
  pass(seconds(2));
  const auto lost = effects<effect::Lose>();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].reason, FailureReason::kWorkerLost);
  EXPECT_EQ(lost[0].silence, DispatcherOptions{}.lease);
  pass(seconds(60));
  EXPECT_TRUE(effects<effect::Lose>().empty());  // said once
}

TEST_F(DispatcherTest, AConnectedWorkerThatSaysNothingLosesItsLease) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  pass(seconds(19));
  const auto lost = effects<effect::Lose>();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].reason, FailureReason::kLeaseExpired);
}

TEST_F(DispatcherTest, ALeaseEndsOnTimeAmongThousandsOfShortRuns) {
  join("w1", 2);
  dispatcher.enqueue(entry("long"), now());
  win_all();
  for (int i = 0; i < 5'000; ++i) {
    const std::string id = "short" + std::to_string(i);
    dispatcher.enqueue(entry(id), now());
    ASSERT_EQ(win_all(), 1u);
    dispatcher.ended(ExecutionId(id), 1, now());
  }
  pass(seconds(19));
  const auto lost = effects<effect::Lose>();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].entry.id, ExecutionId("long"));
}

TEST_F(DispatcherTest, HeartbeatsRenewTheLease) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  for (int i = 0; i < 20; ++i) {
    pass(seconds(4));
    dispatcher.worker_alive(WorkerId("w1"), now());
  }
  EXPECT_TRUE(effects<effect::Lose>().empty());
}

TEST_F(DispatcherTest, ASeedWorkersRunIsLostWithItsSocket) {
  join("w1", 1, WorkerKind::kSeed);
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  dispatcher.worker_left(WorkerId("w1"), now());
  const auto lost = effects<effect::Lose>();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].reason, FailureReason::kWorkerLost);
}

TEST_F(DispatcherTest, ANewInstanceLosesTheOlderRunsAtOnceTheSameKeepsThem) {
  join("w1", 2);
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  dispatcher.worker_left(WorkerId("w1"), now());
  join("w1", 2, WorkerKind::kFull, "i1");
  EXPECT_TRUE(effects<effect::Lose>().empty());
  dispatcher.worker_left(WorkerId("w1"), now());
  join("w1", 2, WorkerKind::kFull, "i2");
  EXPECT_EQ(effects<effect::Lose>().size(), 1u);
}

TEST_F(DispatcherTest, CancelOfARunningOneIsToldAndEndsWithItsLease) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  dispatcher.cancel(ExecutionId("e1"), now());
  ASSERT_EQ(effects<effect::Cancel>().size(), 1u);
  for (int i = 0; i < 10; ++i) {  // it goes on living, and does not answer
    pass(seconds(4));
    dispatcher.worker_alive(WorkerId("w1"), now());
  }
  const auto lost = effects<effect::Lose>();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].reason, FailureReason::kCancelled);
}

TEST_F(DispatcherTest, ACancelDuringTheClaimReachesTheWorkerAfterIt) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  const auto claims = effects<effect::Claim>();
  dispatcher.cancel(ExecutionId("e1"), now());
  EXPECT_TRUE(effects<effect::Cancel>().empty());
  dispatcher.claim_won(claims[0].entry.id, {}, now());
  EXPECT_EQ(effects<effect::Cancel>().size(), 1u);
}

TEST_F(DispatcherTest, WallAndIdleLimitsAreKeptForSeedWorkers) {
  join("w1", 1, WorkerKind::kSeed);
  dispatcher.enqueue(entry("e1"), now());
  win_all({.wall = seconds(60), .idle = seconds(5)});
  pass(seconds(4));
  dispatcher.worker_alive(WorkerId("w1"), now());
  dispatcher.activity(ExecutionId("e1"), 1, now());
  pass(seconds(4));
  dispatcher.worker_alive(WorkerId("w1"), now());
  EXPECT_TRUE(effects<effect::Cancel>().empty());
  pass(seconds(2));
  ASSERT_EQ(effects<effect::Cancel>().size(), 1u);
  EXPECT_EQ(dispatcher.lease(ExecutionId("e1"))->stopped_for, FailureReason::kIdleTimeout);
}

TEST_F(DispatcherTest, ABusyWorkerIsPassedOverForAWhile) {
  join("w1");
  join("w2");
  dispatcher.enqueue(entry("e1"), now());
  const auto first = effects<effect::Claim>();
  dispatcher.claim_won(ExecutionId("e1"), {}, now());
  dispatcher.busy(ExecutionId("e1"), 1, now());
  dispatcher.ended(ExecutionId("e1"), 1, now());
  auto again = entry("e1");
  again.attempt = 1;
  dispatcher.enqueue(again, now());
  const auto second = effects<effect::Claim>();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second[0].worker, first[0].worker);
  EXPECT_EQ(second[0].attempt, 2);
}

TEST_F(DispatcherTest, AWorkerThatRefusesIsOfferedNothingUntilItIsReadyAgain) {
  join("w1", 2);
  for (const char* id : {"e1", "e2", "e3", "e4"}) dispatcher.enqueue(entry(id), now());
  ASSERT_EQ(effects<effect::Claim>().size(), 2u);
  dispatcher.claim_won(ExecutionId("e1"), {}, now());
  dispatcher.claim_won(ExecutionId("e2"), {}, now());
  dispatcher.busy(ExecutionId("e2"), 1, now());
  dispatcher.ended(ExecutionId("e2"), 1, now());
  EXPECT_TRUE(effects<effect::Claim>().empty()) << "the slot given back is not one it offers";
  dispatcher.worker_ready(WorkerId("w1"), 0, now());
  dispatcher.ended(ExecutionId("e1"), 1, now());
  EXPECT_TRUE(effects<effect::Claim>().empty()) << "it drains";
  dispatcher.worker_ready(WorkerId("w1"), 2, now());
  EXPECT_EQ(effects<effect::Claim>().size(), 2u);
}

TEST_F(DispatcherTest, AfterARestartALeaseHasOneFreshTerm) {
  dispatcher.adopt(entry("e1"), 1, WorkerId("w1"), "i1", WorkerKind::kFull, {}, seconds(3), now());
  EXPECT_TRUE(effects<effect::Lose>().empty());
  pass(seconds(17));
  EXPECT_TRUE(effects<effect::Lose>().empty());
  pass(seconds(2));
  EXPECT_EQ(effects<effect::Lose>().size(), 1u);
}

TEST_F(DispatcherTest, AnAdoptedRunGoesOnWhenItsWorkerComesBack) {
  dispatcher.adopt(entry("e1"), 1, WorkerId("w1"), "i1", WorkerKind::kFull, {}, seconds(3), now());
  join("w1", 2);
  for (int i = 0; i < 10; ++i) {
    pass(seconds(4));
    dispatcher.worker_alive(WorkerId("w1"), now());
  }
  EXPECT_TRUE(effects<effect::Lose>().empty());
  dispatcher.run_missing(ExecutionId("e1"), 1, now());
  EXPECT_EQ(effects<effect::Lose>().size(), 1u);
}

TEST_F(DispatcherTest, ThoseOfOneKeyTakeTurnsAndSayWhatTheyWaitFor) {
  const auto keyed = [this](std::string id) {
    auto e = entry(std::move(id));
    e.concurrency = ConcurrencyKey{"sub_1:repo", 1};
    return e;
  };
  join("w1", 10);
  // One that ran when the process before ended.
  dispatcher.adopt(keyed("e0"), 1, WorkerId("w1"), "i1", WorkerKind::kFull, {}, {}, now());
  dispatcher.enqueue(keyed("e1"), now());
  dispatcher.enqueue(keyed("e2"), now());
  EXPECT_EQ(win_all(), 0u);
  const auto why = dispatcher.why_waiting(ExecutionId("e1"), clock.wall());
  EXPECT_NE(why.find("1 of 1 at once with the concurrency key 'sub_1:repo'"), std::string::npos)
      << why;
  dispatcher.ended(ExecutionId("e0"), 1, now());
  EXPECT_EQ(win_all(), 1u);
  EXPECT_NE(dispatcher.lease(ExecutionId("e1")), nullptr);
  dispatcher.ended(ExecutionId("e1"), 1, now());
  EXPECT_EQ(win_all(), 1u);
}

TEST_F(DispatcherTest, SaysWhichCapabilityIsMissing) {
  join("w1");
  auto special = entry("e1");
  special.backend = "codex";
  dispatcher.enqueue(special, now());
  EXPECT_NE(dispatcher.why_waiting(ExecutionId("e1"), clock.wall()).find("'codex'"),
            std::string::npos);
}

// ---- gates -------------------------------------------------------------------------------------

TEST_F(DispatcherTest, NothingBehindAClosedGateIsClaimedUntilItsTimeHasCome) {
  join("w1", 4);
  close("claude", minutes(5));
  dispatcher.enqueue(gated("e1", "claude"), now());
  dispatcher.enqueue(gated("e2", "demo"), now());
  const auto claims = effects<effect::Claim>();
  ASSERT_EQ(claims.size(), 1u);  // others of the lane pass by
  EXPECT_EQ(claims[0].entry.id, ExecutionId("e2"));
  const auto why = dispatcher.why_waiting(ExecutionId("e1"), clock.wall());
  EXPECT_EQ(why, "provider quota until " + to_rfc3339(clock.wall() + minutes(5)) + " (claude)");
  dispatcher.claim_lost(ExecutionId("e2"), now());
  EXPECT_EQ(dispatcher.next_deadline(now()), clock.now() + minutes(5));
  pass(minutes(5) - seconds(1));
  EXPECT_TRUE(effects<effect::Claim>().empty());
  pass(seconds(1));
  EXPECT_EQ(effects<effect::Claim>().size(), 1u);
}

TEST_F(DispatcherTest, AGateThatClosesHoldsWhatWaitsAndOtherTenantsGoOn) {
  dispatcher.enqueue(gated("e1", "claude"), now());
  auto other = gated("e2", "claude");
  other.tenant = TenantId("t2");
  dispatcher.enqueue(other, now());
  close("claude", minutes(5));
  join("w1", 4);
  const auto claims = effects<effect::Claim>();
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].entry.id, ExecutionId("e2"));
}

TEST_F(DispatcherTest, OpeningAGateTakesItsParkedRunsFromTheStoreAtOnce) {
  join("w1", 4);
  close("claude", minutes(5));
  dispatcher.enqueue(gated("waiting", "claude"), now());
  auto parked = gated("parked", "claude");
  parked.parked = Parked::kQuota;
  parked.not_before = clock.wall() + minutes(5);
  dispatcher.enqueue(parked, now());
  EXPECT_TRUE(dispatcher.take_effects().empty());
  EXPECT_TRUE(dispatcher.why_waiting(ExecutionId("parked"), clock.wall())
                  .starts_with("provider quota until"));
  dispatcher.gates_opened(TenantId("t"), "claude", now());
  const auto all = dispatcher.take_effects();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::get<effect::Claim>(all[0]).entry.id, ExecutionId("waiting"));
  const auto& lane = std::get<effect::Refill>(all[1]).lane;
  parked.not_before = clock.wall();
  dispatcher.refilled(lane, {parked}, false, std::nullopt, now());
  EXPECT_EQ(effects<effect::Claim>().size(), 1u);
}

TEST_F(DispatcherTest, AFallbackToAnotherModelHasAGateOfItsOwn) {
  join("w1", 4);
  close("claude", minutes(5));
  dispatcher.enqueue(gated("e1", "claude:small"), now());
  EXPECT_EQ(effects<effect::Claim>().size(), 1u);
  close("claude:small", minutes(5));
  dispatcher.enqueue(gated("e2", "claude:small"), now());
  EXPECT_TRUE(effects<effect::Claim>().empty());
  dispatcher.gates_opened(TenantId("t"), "claude", now());
  EXPECT_EQ(effects<effect::Claim>().size(), 1u);
}

TEST_F(DispatcherTest, AGateIsInDoubtUntilAnAttemptHasGoneWell) {
  EXPECT_FALSE(dispatcher.gate_in_doubt(TenantId("t"), "claude"));
  close("claude", minutes(5));
  EXPECT_TRUE(dispatcher.gate_in_doubt(TenantId("t"), "claude"));
  pass(minutes(6));
  EXPECT_TRUE(dispatcher.gate_in_doubt(TenantId("t"), "claude"));
  dispatcher.gate_proven(TenantId("t"), "claude");
  EXPECT_FALSE(dispatcher.gate_in_doubt(TenantId("t"), "claude"));
}

TEST_F(DispatcherTest, AnAnswerThatIsFasterThanTheNewsOfTheEndIsNotLost) {
  join("w1");
  dispatcher.enqueue(entry("e1"), now());
  win_all();
  auto old = entry("e1");
  dispatcher.enqueue(old, now());  // a snapshot from before the claim
  auto next = entry("e1");
  next.attempt = 1;
  dispatcher.enqueue(next, now());
  EXPECT_TRUE(effects<effect::Claim>().empty());
  dispatcher.ended(ExecutionId("e1"), 1, now());
  const auto claims = effects<effect::Claim>();
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].attempt, 2);
}

}  // namespace
}  // namespace personas::execution
