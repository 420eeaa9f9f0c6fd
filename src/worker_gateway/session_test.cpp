#include "personas/worker_gateway/session.hpp"

#include <set>

#include "personas/base/clock.hpp"

#include "session_fixture.hpp"

namespace personas::worker_gateway {
namespace {

// ---- before anything
// -----------------------------------------------------------------------------

TEST_F(SessionMachine, AWrongBearerTokenClosesAtOnce) {
  session.opened("bad", now);
  EXPECT_EQ(closed(), wire::CloseCode::kUnauthorized);
  say(kSeedHello);
  EXPECT_TRUE(all<HelloReceived>().empty());
}

TEST_F(SessionMachine, ATokenInHelloWillDoAndIsNotPassedOn) {
  session.opened(std::nullopt, now);
  say(R"({"type":"hello","workerId":"w","capabilities":[],"token":"good"})");
  ASSERT_EQ(all<HelloReceived>().size(), 1u);
  EXPECT_FALSE(all<HelloReceived>()[0].hello.token);
  EXPECT_EQ(all<HelloReceived>()[0].kind, WorkerKind::kSeed);
}

TEST_F(SessionMachine, WithoutAnyTokenItCloses) {
  session.opened(std::nullopt, now);
  say(kSeedHello);
  EXPECT_EQ(closed(), wire::CloseCode::kUnauthorized);
}

TEST_F(SessionMachine, NothingButHelloIsAcceptedFirst) {
  session.opened("good", now);
  say(R"({"type":"ready"})");
  EXPECT_EQ(closed(), wire::CloseCode::kPolicyViolation);
  EXPECT_TRUE(all<ReadyReceived>().empty());
}

TEST_F(SessionMachine, AHelloMustComeInTime) {
  session.opened("good", now);
  session.tick(now + seconds(9));
  EXPECT_FALSE(closed());
  session.tick(now + seconds(10));
  EXPECT_EQ(closed(), wire::CloseCode::kTimedOut);
}

TEST_F(SessionMachine, AWorkerWithAVersionNeedsAnInstance) {
  hello(R"({"type":"hello","workerId":"w","capabilities":[],"version":"1"})");
  EXPECT_EQ(closed(), wire::CloseCode::kPolicyViolation);
}

TEST_F(SessionMachine, MalformedFramesCloseWithAReason) {
  seed();
  say(R"({"type":"stdout","executionId":"e","chunk":5})");
  ASSERT_EQ(closed(), wire::CloseCode::kPolicyViolation);
  EXPECT_NE(all<Close>()[0].reason.find("/chunk"), std::string::npos) << all<Close>()[0].reason;
  EXPECT_LE(all<Close>()[0].reason.size(), kMaxCloseReason);
}

TEST_F(SessionMachine, AHugeFrameCloses) {
  seed();
  say(std::string(wire::kMaxFrameBytes + 1, ' '));
  EXPECT_EQ(closed(), wire::CloseCode::kTooBig);
}

TEST_F(SessionMachine, UnknownTypesAreCounted) {
  seed();
  say(R"({"type":"telepathy"})");
  EXPECT_FALSE(closed());
  EXPECT_EQ(session.counters().unknown_types, 1u);
}

TEST_F(SessionMachine, FramesBeforeTheAckWaitWithinLimits) {
  hello(kSeedHello);
  say(R"({"type":"ready"})");
  EXPECT_TRUE(all<ReadyReceived>().empty());
  session.accept({"s", "n", {}}, now);
  EXPECT_EQ(all<ReadyReceived>().size(), 1u);
}

TEST_F(SessionMachine, TooManyFramesBeforeTheAckClose) {
  hello(kSeedHello);
  for (std::size_t i = 0; i <= kMaxEarlyFrames; ++i) say(R"({"type":"ready"})");
  EXPECT_EQ(closed(), wire::CloseCode::kPolicyViolation);
}

// ---- life
// ----------------------------------------------------------------------------------------

TEST_F(SessionMachine, ItPingsAndAPongIsLife) {
  seed();
  Instant dead_at = now + seconds(11);
  while (now < dead_at) {
    now = session.next_deadline();
    session.tick(now);
    ASSERT_FALSE(session.closed());
    if (all<Ping>().size() == 2) break;
  }
  EXPECT_LE(now, Instant{1'000'000} + seconds(9));
  session.on_pong(now);
  session.tick(now + seconds(11) - milliseconds(1));
  EXPECT_FALSE(closed());
  session.tick(now + seconds(11));
  EXPECT_EQ(closed(), wire::CloseCode::kTimedOut);
}

TEST(SessionPings, ComeAtDifferentTimesForDifferentConnections) {
  std::set<std::int64_t> times;
  for (std::uint64_t phase = 0; phase < 100; ++phase) {
    SessionOptions options;
    options.ping_phase = phase * 0x9E3779B97F4A7C15;
    GatewaySession session(options, [](std::string_view) { return WorkerGrant{}; });
    session.opened("x", Instant{});
    times.insert(session.next_deadline().micros);
  }
  EXPECT_GT(times.size(), 90u);
}

TEST_F(SessionMachine, AHeartbeatIsEchoedTogetherWithItsEvent) {
  full();
  outputs.clear();
  say(R"({"type":"heartbeat","timestamp":123.5,"metrics":{"cpu":1}})");
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<HeartbeatReceived>(outputs[0])) << "the lease first";
  EXPECT_EQ(std::get<Send>(outputs[1]).text, R"({"type":"heartbeat","timestamp":123.5})");
}

// ---- seed workers
// --------------------------------------------------------------------------------

TEST_F(SessionMachine, ASeedWorkerGetsOneAssignmentForEachReady) {
  hello(kSeedHello);
  session.accept({"s", "n", {}}, now);
  EXPECT_EQ(session.assign(assignment("e1", 1)), AssignOutcome::kNotReady);
  say(R"({"type":"ready"})");
  EXPECT_EQ(session.assign(assignment("e1", 1)), AssignOutcome::kSent);
  EXPECT_EQ(session.assign(assignment("e2", 1)), AssignOutcome::kNotReady);
}

TEST_F(SessionMachine, FramesOfASeedWorkerGetTheirAttemptAndSeqHere) {
  seed();
  session.assign(assignment("e1", 3));
  say(R"({"type":"stdout","executionId":"e1","chunk":"a","attempt":9,"seq":77})");
  say(R"({"type":"event","executionId":"e1","event":{"x":1}})");
  say(R"({"type":"complete","executionId":"e1","status":"completed","meta":{}})");
  const auto frames = all<RunFrame>();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].run, key("e1", 3));
  EXPECT_EQ(frames[0].seq, 1);
  EXPECT_EQ(frames[1].seq, 2);
  ASSERT_EQ(all<CompleteReceived>().size(), 1u);
  EXPECT_EQ(all<CompleteReceived>()[0].seq, 3);
  session.committed(key("e1", 3), 3, Final::kYes);
  EXPECT_EQ(sent("received"), 0u) << "seed workers do not know it";
}

TEST_F(SessionMachine, FramesOfRunsThatWereNotAssignedOnThisSocketAreDropped) {
  seed();
  say(R"({"type":"stdout","executionId":"e1","chunk":"a"})");
  say(R"({"type":"complete","executionId":"e1","status":"completed"})");
  EXPECT_TRUE(all<RunFrame>().empty());
  EXPECT_TRUE(all<CompleteReceived>().empty());
  EXPECT_EQ(session.counters().not_leased, 2u);
  EXPECT_EQ(sent("cancel"), 0u);
}

TEST_F(SessionMachine, AfterACancelWhateverASeedWorkerSaysIsCancelled) {
  seed();
  session.assign(assignment("e1", 1));
  session.cancel(key("e1", 1), "no");
  say(R"({"type":"complete","executionId":"e1","status":"completed"})");
  ASSERT_EQ(all<CompleteReceived>().size(), 1u);
  EXPECT_EQ(all<CompleteReceived>()[0].complete.status, "cancelled");
}

// ---- full workers
// --------------------------------------------------------------------------------

TEST_F(SessionMachine, TheAckNamesWhatIsOnDisk) {
  hello(kFullHello);
  session.accept({"st", "n", {{key("e1", 2), 5, 8, Final::kNo}}}, now);
  EXPECT_EQ(sent(R"("resumeFrom":[{"executionId":"e1","attempt":2,"seq":5}])"), 1u);
  EXPECT_EQ(sent(R"("sessionToken":"st")"), 1u);
  EXPECT_EQ(sent(R"("leaseMs":18000)"), 1u);
}

TEST_F(SessionMachine, ReadyWaitsForTheRunList) {
  hello(kFullHello);
  session.accept({"s", "n", {}}, now);
  say(R"({"type":"ready","availableSlots":1,"maxSlots":1})");
  EXPECT_TRUE(all<ReadyReceived>().empty());
  EXPECT_EQ(session.assign(assignment("e1", 1)), AssignOutcome::kNotReady);
  say(R"({"type":"active_executions","executionIds":[],"runs":[]})");
  EXPECT_EQ(all<ReadyReceived>().size(), 1u);
}

TEST_F(SessionMachine, ARunListMustComeInTime) {
  hello(kFullHello);
  session.accept({"s", "n", {}}, now);
  for (int i = 0; i < 9; ++i) session.on_pong(now + seconds(i));
  session.tick(now + seconds(10));
  EXPECT_EQ(closed(), wire::CloseCode::kTimedOut);
}

TEST_F(SessionMachine, NotesAreComparedOnce) {
  full({{key("e1", 1), 0, 0, Final::kNo}, {key("e2", 1), 0, 0, Final::kNo}},
       R"({"executionId":"e2","attempt":1,"lastSeq":3,"state":"running"},)"
       R"({"executionId":"e3","attempt":1,"lastSeq":3,"state":"running"})");
  ASSERT_EQ(all<ActiveRuns>().size(), 1u);
  EXPECT_EQ(all<ActiveRuns>()[0].missing, std::vector{key("e1", 1)});
  EXPECT_EQ(sent(R"({"type":"cancel","executionId":"e3","attempt":1,"reason":"not_leased"})"), 1u);
  session.assign(assignment("e4", 1));
  say(R"({"type":"active_executions","executionIds":[],"runs":[]})");
  EXPECT_EQ(all<ActiveRuns>().size(), 1u) << "a late list must not deny e4";
}

TEST_F(SessionMachine, AListedRunWhoseCompletionIsOnDiskIsConfirmed) {
  full({{key("e1", 1), 4, 4, Final::kYes}},
       R"({"executionId":"e1","attempt":1,"lastSeq":4,"state":"finished"})");
  EXPECT_EQ(sent(R"("attempt":1,"seq":4,"final":true)"), 1u);
  EXPECT_TRUE(all<ActiveRuns>()[0].missing.empty());
}

TEST_F(SessionMachine, FramesComeOnceAndInOrder) {
  full();
  session.assign(assignment("e1", 1));
  say(out("e1", 1, 1));
  say(out("e1", 1, 2));
  for (int i = 0; i < 1000; ++i) say(out("e1", 1, 1));
  EXPECT_EQ(all<RunFrame>().size(), 2u);
  EXPECT_EQ(session.counters().duplicates, 1000u);
  session.committed(key("e1", 1), 2, Final::kNo);
  say(out("e1", 1, 2));
  EXPECT_EQ(sent(R"({"type":"received","executionId":"e1","attempt":1,"seq":2})"), 2u)
      << "once for the commit, once for the repetition";
}

TEST_F(SessionMachine, AGapClosesAndNothingFollows) {
  full();
  session.assign(assignment("e1", 1));
  say(out("e1", 1, 1));
  say(out("e1", 1, 3));
  EXPECT_EQ(closed(), wire::CloseCode::kConflict);
  say(out("e1", 1, 2));
  EXPECT_EQ(all<RunFrame>().size(), 1u);
}

TEST_F(SessionMachine, FramesTakenFromAnEarlierConnectionAreNotTakenAgain) {
  full({{key("e1", 1), 2, 4, Final::kNo}},
       R"({"executionId":"e1","attempt":1,"lastSeq":5,"state":"running"})");
  for (int seq = 3; seq <= 5; ++seq) say(out("e1", 1, seq));
  ASSERT_EQ(all<RunFrame>().size(), 1u);
  EXPECT_EQ(all<RunFrame>()[0].seq, 5);
}

TEST_F(SessionMachine, AStaleAttemptIsDroppedAndCancelledOnce) {
  full();
  session.assign(assignment("e1", 2));
  say(out("e1", 1, 1));
  say(out("e1", 1, 2));
  EXPECT_TRUE(all<RunFrame>().empty());
  EXPECT_EQ(session.counters().not_leased, 2u);
  EXPECT_EQ(sent(R"("attempt":1,"reason":"not_leased")"), 1u);
  say(out("e1", 2, 1));
  EXPECT_EQ(all<RunFrame>().size(), 1u);
}

TEST_F(SessionMachine, AReleasedRunIsFencedAtOnce) {
  full();
  session.assign(assignment("e1", 1));
  session.release(key("e1", 1));
  say(out("e1", 1, 1));
  EXPECT_TRUE(all<RunFrame>().empty());
  EXPECT_EQ(sent("not_leased"), 1u);
}

TEST_F(SessionMachine, NothingIsTakenAfterACompletion) {
  full();
  session.assign(assignment("e1", 1));
  say(complete("e1", 1, 1));
  say(out("e1", 1, 2));
  say(complete("e1", 1, 2));
  EXPECT_EQ(all<CompleteReceived>().size(), 1u);
  EXPECT_TRUE(all<RunFrame>().empty());
  EXPECT_EQ(session.counters().out_of_place, 2u);
}

TEST_F(SessionMachine, FramesOfAFullWorkerNeedAttemptAndSeq) {
  full();
  session.assign(assignment("e1", 1));
  say(R"({"type":"stdout","executionId":"e1","chunk":"a"})");
  EXPECT_EQ(closed(), wire::CloseCode::kPolicyViolation);
}

TEST_F(SessionMachine, BusyReturnsTheRun) {
  full();
  session.assign(assignment("e1", 1));
  say(R"({"type":"busy","executionId":"e1","reason":"no slot","attempt":9})");
  EXPECT_TRUE(all<BusyReceived>().empty()) << "of another attempt";
  say(R"({"type":"busy","executionId":"e1","reason":"no slot","attempt":1})");
  ASSERT_EQ(all<BusyReceived>().size(), 1u);
  say(out("e1", 1, 1));
  EXPECT_TRUE(all<RunFrame>().empty());
}

TEST_F(SessionMachine, ASecondHelloHasNoEffect) {
  full();
  say(R"({"type":"hello","workerId":"other","capabilities":[]})");
  EXPECT_EQ(all<HelloReceived>().size(), 1u);
  EXPECT_EQ(session.counters().out_of_place, 1u);
}

TEST_F(SessionMachine, AfterAClosingNothingHappens) {
  full();
  session.assign(assignment("e1", 1));
  session.refuse(wire::CloseCode::kGoingAway, "replaced");
  outputs.clear();
  session.take();
  session.committed(key("e1", 1), 1, Final::kYes);
  session.cancel(key("e1", 1), "x");
  session.shutdown("x", seconds(1));
  EXPECT_EQ(session.assign(assignment("e2", 1)), AssignOutcome::kNotReady);
  say(out("e1", 1, 1));
  EXPECT_TRUE(outputs.empty());
  EXPECT_EQ(session.next_deadline(), Instant::never());
}

TEST_F(SessionMachine, TextOfAnAgentIsDataEvenIfItLooksLikeAFrame) {
  full();
  session.assign(assignment("e1", 1));
  say(R"({"type":"stdout","executionId":"e1","attempt":1,"seq":1,"chunk":)"
      R"("{\"type\":\"complete\",\"executionId\":\"e1\",\"status\":\"completed\"}\n"})");
  EXPECT_EQ(all<RunFrame>().size(), 1u);
  EXPECT_TRUE(all<CompleteReceived>().empty());
}

// ---- signed frames
TEST(SessionFuzz, DamagedFramesCauseNothingOrAClosing) {
  SeededRandom random(1);
  for (int round = 0; round < 3000; ++round) {
    GatewaySession session(SessionOptions{}, [](std::string_view) { return WorkerGrant{}; });
    session.opened("good", Instant{1});
    std::vector<std::string> script{std::string(kFullHello),
                                    R"({"type":"active_executions","executionIds":[],"runs":[]})",
                                    R"({"type":"ready","availableSlots":1,"maxSlots":1})",
                                    out("e1", 1, 1), complete("e1", 1, 2)};
    for (auto& text : script) {
      for (auto hits = random.below(3); hits > 0; --hits) {
        text[random.below(text.size())] = static_cast<char>(random.below(256));
      }
      session.on_text(text, Instant{2});
      session.accept({"s", "n", {}}, Instant{2});
      session.assign(assignment("e1", 1));
    }
    std::int64_t seq = 0;
    for (const auto& output : session.take()) {
      if (const auto* frame = std::get_if<RunFrame>(&output)) {
        EXPECT_EQ(frame->seq, ++seq);
      }
    }
  }
}

}  // namespace
}  // namespace personas::worker_gateway
