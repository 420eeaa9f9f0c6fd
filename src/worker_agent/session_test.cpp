// The connection: dialling, hello and ack, life, heartbeats, signatures, the end.
#include "personas/worker_agent/session.hpp"

#include "session_fixture.hpp"

namespace personas::worker_agent {
namespace {

TEST_F(WorkerMachine, SaysWhoItIsAndThenWhatItRunsBeforeReady) {
  session.start(now);
  EXPECT_EQ(all<Dial>().size(), 1u);
  session.connected(now);
  ASSERT_EQ(texts().size(), 1u);
  EXPECT_EQ(texts()[0],
            R"({"type":"hello","workerId":"w","capabilities":[],"version":"1.0","instanceId":"i1",)"
            R"("slots":2,"labels":{},"agentVersions":{}})");
  ack();
  const auto sent = texts();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_EQ(sent[1], R"({"type":"active_executions","executionIds":[],"runs":[]})");
  EXPECT_EQ(sent[2], R"({"type":"ready","availableSlots":2,"maxSlots":2})");
  EXPECT_NE(sent[3].find("heartbeat"), std::string::npos);
}

class TokenInHello : public WorkerMachine {
 protected:
  static WorkerOptions with_token() {
    auto result = options();
    result.send_token = SendToken::kInHello;
    return result;
  }
  TokenInHello() : WorkerMachine(with_token()) {}
};

TEST_F(TokenInHello, SendsItOnlyIfAskedTo) {
  session.start(now);
  session.connected(now);
  EXPECT_EQ(times(R"("token":"tok")"), 1u);
}

TEST_F(WorkerMachine, BringsItsSessionTokenWhenItComesBack) {
  begin();
  session.disconnected(now);
  pass(seconds(1));
  session.connected(now);
  EXPECT_EQ(times(R"("sessionToken":"st")"), 1u);
}

TEST_F(WorkerMachine, DialsAgainLaterAndLater) {
  session.start(now);
  Duration last{};
  for (int i = 0; i < 12; ++i) {
    session.connect_failed(now);
    const Instant due = session.next_deadline();
    const Duration wait = due - now;
    EXPECT_GE(wait, kMinBackOff / 2);
    EXPECT_LE(wait, kMaxBackOff);
    now = due;
    session.tick(now);
    EXPECT_EQ(all<Dial>().size(), static_cast<std::size_t>(i + 2));
    last = wait;
  }
  EXPECT_GE(last, kMaxBackOff / 2);
}

TEST_F(WorkerMachine, AProvenConnectionStartsTheBackOffAnew) {
  session.start(now);
  for (int i = 0; i < 10; ++i) {
    session.connect_failed(now);
    now = session.next_deadline();
    session.tick(now);
  }
  connect();
  echo();
  session.disconnected(now);
  EXPECT_LE(session.next_deadline() - now, kMinBackOff);
}

TEST_F(WorkerMachine, GivesUpAConnectionWithoutAnAck) {
  session.start(now);
  session.connected(now);
  pass(seconds(9));
  EXPECT_TRUE(all<CloseConnection>().empty());
  pass(seconds(1));
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
}

TEST_F(WorkerMachine, GivesUpASilentConnection) {
  begin();
  pass(milliseconds(11'999));
  EXPECT_TRUE(all<CloseConnection>().empty());
  EXPECT_EQ(times("heartbeat"), 3u) << "at 0, 4 and 8 s";
  pass(seconds(17));
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
  EXPECT_EQ(all<Dial>().size(), 2u);
}

TEST_F(WorkerMachine, AMalformedFrameEndsTheConnection) {
  begin();
  hear(R"({"type":"assign"})");
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
}

TEST_F(WorkerMachine, FramesBeforeTheAckAndUnknownOnesHaveNoEffect) {
  session.start(now);
  session.connected(now);
  assign("e1");
  EXPECT_TRUE(all<StartRun>().empty());
  ack();
  hear(R"({"type":"poem"})");
  ack();
  EXPECT_EQ(session.counters().unknown_types, 1u);
  EXPECT_EQ(session.counters().ignored, 2u);
  EXPECT_TRUE(all<CloseConnection>().empty());
}

TEST_F(WorkerMachine, RefusesLeasesItCannotKeep) {
  session.start(now);
  session.connected(now);
  hear(R"({"type":"ack","workerId":"w","token":"s","heartbeatMs":4000,"leaseMs":5000})");
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
}

// ---- signed frames
// -------------------------------------------------------------------------------

class Signing : public WorkerMachine {
 protected:
  static WorkerOptions signing() {
    auto result = options();
    result.signing = worker_agent::Signing::kAlways;
    return result;
  }
  Signing() : WorkerMachine(signing()) {}
};

TEST_F(Signing, AsksForSignaturesAndAcceptsNothingElse) {
  session.start(now);
  session.connected(now);
  EXPECT_EQ(times(R"("signedFrames":true)"), 1u);
  hear(R"({"type":"ack","workerId":"w","token":"s","nonce":"n","signedFrames":true})");
  wire::FrameSigner signer(wire::derive_frame_key(Secret("tok"), "n", wire::Direction::kToWorker));
  wire::FrameVerifier verifier(
      wire::derive_frame_key(Secret("tok"), "n", wire::Direction::kToOrchestrator));
  const auto sent = texts();
  for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_TRUE(verifier.verify(sent[i])) << sent[i];
  hear(signer.sign(R"({"type":"poem"})"));
  EXPECT_EQ(session.counters().unknown_types, 1u);
  assign("e1");
  EXPECT_TRUE(all<StartRun>().empty());
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
}

TEST_F(Signing, AnAckThatDropsThemEndsTheConnection) {
  session.start(now);
  connect();
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
  EXPECT_EQ(times("ready"), 0u);
}

// ---- stopping
// ------------------------------------------------------------------------------------

TEST_F(WorkerMachine, AnIdleWorkerStopsAtOnce) {
  begin();
  session.stop(seconds(30), now);
  EXPECT_EQ(all<CloseConnection>().size(), 1u);
  EXPECT_EQ(all<Stopped>().size(), 1u);
  pass(minutes(1));
  EXPECT_EQ(all<Dial>().size(), 1u);
}

TEST_F(WorkerMachine, StoppingTakesNoWorkAndWaitsForRunsAndTheirConfirmation) {
  begin();
  assign("e1");
  forget_outputs();
  hear(R"({"type":"shutdown","reason":"update","gracePeriodMs":3000})");
  EXPECT_EQ(times(R"("availableSlots":0)"), 1u);
  assign("e2");
  EXPECT_EQ(times(R"({"type":"busy","executionId":"e2")"), 1u);
  pass(seconds(2));
  EXPECT_TRUE(all<KillRun>().empty());
  pass(seconds(1));
  ASSERT_EQ(all<KillRun>().size(), 1u);
  EXPECT_EQ(all<KillRun>()[0].reason, KillReason::kShutdown);
  finish(key("e1", 1), "failed");
  EXPECT_EQ(times(R"("failureReason":"worker_shutdown")"), 1u);
  EXPECT_TRUE(all<Stopped>().empty());
  received("e1", 1, 1, true);
  EXPECT_EQ(all<Stopped>().size(), 1u);
}

TEST_F(WorkerMachine, AnUnconfirmedCompletionDoesNotHoldUpTheStopForEver) {
  begin();
  assign("e1");
  session.stop(seconds(0), now);
  finish(key("e1", 1));
  pass(kFlushTime - milliseconds(1));
  EXPECT_TRUE(all<Stopped>().empty());
  pass(milliseconds(1));
  EXPECT_EQ(all<Stopped>().size(), 1u);
}

}  // namespace
}  // namespace personas::worker_agent
