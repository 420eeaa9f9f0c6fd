// The runs: assignment, leases, the spool, cancel, reconnects.
#include <string>

#include "session_fixture.hpp"

namespace personas::worker_agent {
namespace {

// ---- assignment
// ----------------------------------------------------------------------------------

TEST_F(WorkerMachine, AnAssignmentStartsOnceHoweverOftenItComes) {
  begin();
  assign("e1");
  assign("e1");
  ASSERT_EQ(all<StartRun>().size(), 1u);
  EXPECT_EQ(all<StartRun>()[0].assign.prompt, "p");
  finish(key("e1", 1));
  assign("e1");
  received("e1", 1, 1, true);
  assign("e1");
  EXPECT_EQ(all<StartRun>().size(), 1u) << "not after its end either";
}

TEST_F(WorkerMachine, WithoutAFreeSlotItIsBusy) {
  begin();
  assign("e1");
  assign("e2");
  assign("e3");
  EXPECT_EQ(all<StartRun>().size(), 2u);
  EXPECT_EQ(times(R"({"type":"busy","executionId":"e3","reason":"no free slot","attempt":1})"), 1u);
  EXPECT_EQ(times(R"({"type":"ready","availableSlots":0,"maxSlots":2})"), 1u);
  finish(key("e1", 1));
  EXPECT_EQ(times(R"({"type":"ready","availableSlots":1,"maxSlots":2})"), 1u);
  assign("e3");
  EXPECT_EQ(all<StartRun>().size(), 2u) << "a refused attempt does not come back";
}

TEST_F(WorkerMachine, ANewerAttemptWaitsForTheDeathOfTheOlder) {
  begin();
  assign("e1", 1);
  assign("e2", 1);
  assign("e1", 2);
  ASSERT_EQ(all<KillRun>().size(), 1u);
  EXPECT_EQ(all<KillRun>()[0].run, key("e1", 1));
  EXPECT_EQ(all<StartRun>().size(), 2u);
  forget_outputs();
  finish(key("e1", 1));
  ASSERT_EQ(all<StartRun>().size(), 1u);
  EXPECT_EQ(all<StartRun>()[0].run, key("e1", 2));
  EXPECT_EQ(times("complete"), 0u) << "nobody wants the older one's";
  assign("e1", 1);
  EXPECT_EQ(all<StartRun>().size(), 1u);
}

// ---- leases
// --------------------------------------------------------------------------------------

TEST_F(WorkerMachine, ALeaseCountsFromWhatTheOrchestratorIsKnownToHaveHeard) {
  const Instant hello = now;
  session.start(now);
  session.connected(now);
  now = now + seconds(3);
  ack();
  now = now + seconds(2);
  assign("e1");
  ASSERT_EQ(all<StartRun>().size(), 1u);
  EXPECT_EQ(all<StartRun>()[0].kill_at, hello + seconds(18) - wire::kKillMargin);
}

TEST_F(WorkerMachine, AnEchoRenewsFromWhenTheHeartbeatWasSent) {
  begin();
  assign("e1");
  pass(seconds(4));
  const Instant sent = now;
  now = now + seconds(3);
  session.tick(now);
  echo();
  ASSERT_EQ(all<RenewLease>().size(), 1u);
  EXPECT_EQ(all<RenewLease>()[0].kill_at, sent + seconds(16));
  hear(R"({"type":"heartbeat","timestamp":99999999999999})");
  hear(R"({"type":"heartbeat"})");
  EXPECT_EQ(all<RenewLease>().size(), 1u) << "not from what it never sent";
}

TEST_F(WorkerMachine, AnUnrenewedRunIsKilledBeforeItsLeaseEnds) {
  begin();
  const Instant basis = now;
  assign("e1");
  session.disconnected(now);
  while (all<KillRun>().empty() && now < basis + minutes(1)) {
    now = session.next_deadline();
    session.tick(now);
    if (all<Dial>().size() > 1) session.connect_failed(now);
  }
  ASSERT_EQ(all<KillRun>().size(), 1u);
  EXPECT_EQ(all<KillRun>()[0].reason, KillReason::kLeaseEnded);
  EXPECT_EQ(now, basis + seconds(18) - wire::kKillMargin);
}

TEST_F(WorkerMachine, ARenewalThatComesAfterTheEndSavesNothing) {
  begin();
  assign("e1");
  now = now + seconds(20);  // the process stood still
  echo();
  EXPECT_TRUE(all<RenewLease>().empty());
  ASSERT_EQ(all<KillRun>().size(), 1u);
}

TEST_F(WorkerMachine, ARunWhoseLeaseEndedIsListedUntilItIsDeadAndReportedAsFailed) {
  begin();
  assign("e1");
  session.disconnected(now);
  pass(seconds(17));
  forget_outputs();
  session.connect_failed(now);
  pass(seconds(15));
  connect(R"({"executionId":"e1","attempt":1,"seq":0})");
  EXPECT_EQ(times(R"("runs":[{"executionId":"e1","attempt":1,"lastSeq":0,"state":"running"}])"),
            1u);
  finish(key("e1", 1), "failed");
  EXPECT_EQ(times(R"("failureReason":"lease_expired")"), 1u);
}

TEST_F(WorkerMachine, AnAssignmentOlderThanItsLeaseDoesNotStart) {
  begin();
  for (int i = 0; i < 16; ++i) {  // alive, but no heartbeat of ours is answered
    now = now + seconds(1);
    hear(R"({"type":"heartbeat"})");
  }
  assign("e1");
  EXPECT_TRUE(all<StartRun>().empty());
  EXPECT_EQ(times("busy"), 1u);
}

// ---- the spool
// -----------------------------------------------------------------------------------

TEST_F(WorkerMachine, FramesOfARunAreNumberedFromOne) {
  begin();
  assign("e1");
  assign("e2");
  session.run_stdout(key("e1", 1), "a", now);
  session.run_stdout(key("e2", 1), "b", now);
  session.run_stderr(key("e1", 1), "c", now);
  session.run_event(key("e1", 1), "user_message", codec::RawJson{R"({"x":1})"}, now);
  session.run_review_request(key("e1", 1), "r1", codec::RawJson{"{}"}, now);
  finish(key("e1", 1));
  EXPECT_EQ(times(R"({"type":"stdout","executionId":"e1","chunk":"a","attempt":1,"seq":1})"), 1u);
  EXPECT_EQ(times(R"({"type":"stdout","executionId":"e2","chunk":"b","attempt":1,"seq":1})"), 1u);
  EXPECT_EQ(times(R"({"type":"stderr","executionId":"e1","chunk":"c","attempt":1,"seq":2})"), 1u);
  EXPECT_EQ(times(R"("eventType":"user_message","payload":{"x":1},"attempt":1,"seq":3)"), 1u);
  EXPECT_EQ(times(R"("reviewId":"r1","payload":{},"attempt":1,"seq":4)"), 1u);
  EXPECT_EQ(times(R"("status":"completed","attempt":1,"seq":5)"), 1u);
}

TEST_F(WorkerMachine, ACutCodePointIsPutTogetherAgain) {
  begin();
  assign("e1");
  session.run_stdout(key("e1", 1), "a\xe2\x82", now);
  session.run_stdout(key("e1", 1), "\xac!\xf0\x9f", now);
  session.run_stdout(key("e1", 1), "\xff", now);
  session.run_stdout(key("e1", 1), "z\xc3", now);
  finish(key("e1", 1));
  EXPECT_EQ(times("\"chunk\":\"a\""), 1u);
  EXPECT_EQ(times("\"chunk\":\"\xe2\x82\xac!\""), 1u);
  EXPECT_EQ(times("\"chunk\":\"\xef\xbf\xbd"), 2u) << "broken ones are replaced, not lost";
}

TEST_F(WorkerMachine, AfterAReconnectFramesAreSentAgainUnchangedFromWhereTheDiskEnds) {
  begin();
  assign("e1");
  for (const auto* chunk : {"one", "two", "three"}) session.run_stdout(key("e1", 1), chunk, now);
  const auto before = texts("stdout");
  received("e1", 1, 1, false);
  session.disconnected(now);
  session.run_stdout(key("e1", 1), "four", now);
  forget_outputs();
  pass(seconds(1));
  connect(R"({"executionId":"e1","attempt":1,"seq":2})");
  const auto sent = texts();
  const auto again = texts("stdout");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0], before[2]);
  EXPECT_NE(again[1].find("four"), std::string::npos);
  EXPECT_NE(sent[1].find("active_executions"), std::string::npos);
  EXPECT_NE(sent[2].find("ready"), std::string::npos);
}

TEST_F(WorkerMachine, FramesOfRunsThatAreNotLeasedWait) {
  begin();
  assign("e1");
  session.run_stdout(key("e1", 1), "one", now);
  session.disconnected(now);
  pass(seconds(1));
  forget_outputs();
  connect();
  session.run_stdout(key("e1", 1), "two", now);
  EXPECT_EQ(times("stdout"), 0u);
  EXPECT_EQ(times(R"("lastSeq":1)"), 1u);
  cancel("e1", 1, wire::kNotLeasedReason);
  EXPECT_EQ(all<KillRun>().size(), 1u);
  finish(key("e1", 1));
  EXPECT_EQ(times("complete"), 0u);
  EXPECT_EQ(session.spooled_bytes(), 0u);
}

TEST_F(WorkerMachine, HistoryThatDoesNotFitEndsTheRunAndTheConnection) {
  begin();
  assign("e1");
  for (const auto* chunk : {"one", "two"}) session.run_stdout(key("e1", 1), chunk, now);
  received("e1", 1, 2, false);
  session.disconnected(now);
  pass(seconds(1));
  connect(R"({"executionId":"e1","attempt":1,"seq":1})");
  EXPECT_EQ(all<KillRun>().size(), 1u);
  EXPECT_TRUE(all<CloseConnection>().empty()) << "not before it is dead";
  finish(key("e1", 1));
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
  EXPECT_EQ(session.live_runs(), 0u);
}

class SmallSpool : public WorkerMachine {
 protected:
  static WorkerOptions small() {
    auto result = options();
    result.spool = {.pause_run = 1000, .pause_total = 1500};
    return result;
  }
  SmallSpool() : WorkerMachine(small()) {}
};

TEST_F(SmallSpool, AFullSpoolStopsTheReadingAndHalfOfItLetsItGoOn) {
  begin();
  assign("e1");
  int written = 0;
  while (all<PauseReading>().empty()) {
    session.run_stdout(key("e1", 1), std::string(100, 'x'), now);
    ++written;
  }
  EXPECT_GE(session.spooled_bytes(), 1000u);
  received("e1", 1, 1, false);
  EXPECT_TRUE(all<ResumeReading>().empty());
  session.run_stdout(key("e1", 1), "what was read already", now);
  received("e1", 1, written, false);
  EXPECT_EQ(all<ResumeReading>().size(), 1u);
  finish(key("e1", 1));
  EXPECT_EQ(times("stdout"), static_cast<std::size_t>(written) + 1) << "nothing was dropped";
}

TEST_F(SmallSpool, AllRunsTogetherAreBoundedToo) {
  begin();
  assign("e1");
  assign("e2");
  for (int i = 0; i < 4; ++i) {
    session.run_stdout(key("e1", 1), std::string(100, 'x'), now);
    session.run_stdout(key("e2", 1), std::string(100, 'x'), now);
  }
  ASSERT_FALSE(all<PauseReading>().empty());
  received("e1", 1, 4, false);
  received("e2", 1, 4, false);
  EXPECT_EQ(all<ResumeReading>().size(), all<PauseReading>().size());
  EXPECT_EQ(session.spooled_bytes(), 0u);
}

TEST_F(SmallSpool, ARunThatGoesOnThoughPausedIsKilled) {
  begin();
  assign("e1");
  for (std::size_t sent = 0; sent < 1000 + kSpoolReserve; sent += kMaxReadBytes) {
    session.run_stdout(key("e1", 1), std::string(kMaxReadBytes, 'x'), now);
  }
  ASSERT_EQ(all<KillRun>().size(), 1u);
  EXPECT_EQ(all<KillRun>()[0].reason, KillReason::kSpoolOverflow);
}

TEST_F(WorkerMachine, WhatTheDriverSaysOfRunsItDoesNotHoldIsIgnored) {
  begin();
  forget_outputs();
  session.run_stdout(key("e9", 1), "x", now);
  session.run_event(key("e9", 1), "t", codec::RawJson{"{}"}, now);
  finish(key("e9", 1));
  EXPECT_TRUE(all<SendText>().empty());
}

TEST_F(WorkerMachine, AnOversizedEventIsCountedAndTheSeqGoesOn) {
  begin();
  assign("e1");
  session.run_event(key("e1", 1), "t", codec::RawJson{std::string(kMaxEventBytes + 1, '1')}, now);
  session.run_stdout(key("e1", 1), "x", now);
  EXPECT_EQ(session.counters().oversized_events, 1u);
  EXPECT_EQ(times(R"("seq":1)"), 1u);
}

// ---- cancel, review, confirmation
// ----------------------------------------------------------------

TEST_F(WorkerMachine, ACancelledRunIsKilledAndReportedAsCancelled) {
  begin();
  assign("e1");
  cancel("e1", 2, "another attempt");
  EXPECT_TRUE(all<KillRun>().empty());
  cancel("e1", 1, "enough");
  cancel("e1", 1, "enough");
  ASSERT_EQ(all<KillRun>().size(), 1u);
  EXPECT_EQ(all<KillRun>()[0].text, "enough");
  finish(key("e1", 1), "completed");
  EXPECT_EQ(times(R"("status":"cancelled")"), 1u);
}

TEST_F(WorkerMachine, ACancelWithoutAnAttemptMeansTheNewest) {
  begin();
  assign("e1", 3);
  hear(R"({"type":"cancel","executionId":"e1"})");
  ASSERT_EQ(all<KillRun>().size(), 1u);
}

TEST_F(WorkerMachine, ACancelAfterTheEndChangesNothing) {
  begin();
  assign("e1");
  finish(key("e1", 1));
  cancel("e1", 1, "late");
  EXPECT_TRUE(all<KillRun>().empty());
  session.disconnected(now);
  pass(seconds(1));
  forget_outputs();
  connect(R"({"executionId":"e1","attempt":1,"seq":0})");
  EXPECT_EQ(times(R"("status":"completed")"), 1u) << "it is sent again until confirmed";
}

TEST_F(WorkerMachine, OnlyAFinalReceivedForgetsARun) {
  begin();
  assign("e1");
  session.run_stdout(key("e1", 1), "a", now);
  received("e1", 1, 1, true);
  EXPECT_EQ(session.live_runs(), 1u) << "it has not ended";
  finish(key("e1", 1));
  received("e1", 1, 1, true);
  EXPECT_GT(session.spooled_bytes(), 0u) << "its completion is not covered";
  received("e1", 1, 7, true);
  EXPECT_GT(session.spooled_bytes(), 0u) << "never written";
  received("e1", 1, 2, true);
  EXPECT_EQ(session.spooled_bytes(), 0u);
}

TEST_F(WorkerMachine, AnAnswerReachesItsRunOnce) {
  begin();
  assign("e1");
  for (int i = 0; i < 2; ++i) {
    hear(R"({"type":"review_response","executionId":"e1","reviewId":"r1","decision":"approved",)"
         R"("message":"ok","attempt":1})");
  }
  ASSERT_EQ(all<ReviewAnswered>().size(), 1u);
  EXPECT_EQ(all<ReviewAnswered>()[0].decision, "approved");
}

}  // namespace
}  // namespace personas::worker_agent
