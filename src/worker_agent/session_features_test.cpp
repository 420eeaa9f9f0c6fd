// Turns and sessions: sent only to those who take them, and given back when they do not fit.
#include "session_fixture.hpp"

namespace personas::worker_agent {
namespace {

const auto kRun = key("e1", 1);

class Features : public WorkerMachine {
 protected:
  void turn() {
    session.run_turn(kRun, codec::RawJson{R"({"turn":1})"}, now);
    drain();
  }
  void bytes(std::int64_t offset = 0) {
    session.run_session(kRun, {"p/a.jsonl", offset, "abc"}, "s1", now);
    drain();
  }
  void part(std::string_view data = "YWJj", int attempt = 1) {
    hear(fmt::format(R"({{"type":"session_part","executionId":"e1","attempt":{},)"
                     R"("path":"p/a.jsonl","offset":0,"data":"{}"}})",
                     attempt, data));
  }
  void assign_with(int parts) {
    hear(fmt::format(R"({{"type":"assign","executionId":"e1","prompt":"p","env":{{}},)"
                     R"("config":{{}},"attempt":1,"leaseMs":18000,"sessionParts":{}}})",
                     parts));
  }
};

TEST_F(Features, GoToAnOrchestratorThatAnnouncedThem) {
  features = R"("turns","session")";
  begin();
  assign("e1");
  turn();
  bytes();
  EXPECT_EQ(times(R"("type":"turn","executionId":"e1","attempt":1,"seq":1,"turn":{"turn":1})"), 1U);
  EXPECT_EQ(times(R"("offset":0,"data":"YWJj","sessionId":"s1")"), 1U);
}

TEST_F(Features, AreLeftOutForOneThatDidNot) {
  begin();
  assign("e1");
  turn();
  bytes();
  session.run_stdout(kRun, "text", now);
  EXPECT_EQ(times(R"("type":"turn")"), 0U);
  EXPECT_EQ(times(R"("type":"session")"), 0U);
  EXPECT_EQ(times(R"("chunk":"text","attempt":1,"seq":1)"), 1U) << "the numbers have no gap";
}

TEST_F(Features, ARunThatUsedThemIsGivenUpBeforeAnOlderOrchestrator) {
  features = R"("turns","session")";
  begin();
  assign("e1");
  turn();
  session.disconnected(now);
  pass(seconds(1));
  features.clear();
  forget_outputs();
  connect(R"({"executionId":"e1","attempt":1,"seq":0})");
  EXPECT_EQ(all<KillRun>().size(), 1U);
  EXPECT_EQ(times(R"("type":"turn")"), 0U);
}

TEST_F(Features, AreSentAgainAfterABrokenConnection) {
  features = R"("turns","session")";
  begin();
  assign("e1");
  turn();
  bytes();
  session.disconnected(now);
  bytes(3);
  forget_outputs();
  pass(seconds(1));
  connect(R"({"executionId":"e1","attempt":1,"seq":1})");
  EXPECT_EQ(times(R"("type":"turn")"), 0U) << "it is confirmed";
  EXPECT_EQ(times(R"("type":"session")"), 2U);
  EXPECT_EQ(times(R"("offset":3)"), 1U);
}

TEST_F(Features, ASessionArrivesBeforeTheAssignThatNamesIt) {
  begin();
  part();
  assign_with(1);
  const auto started = all<StartRun>();
  ASSERT_EQ(started.size(), 1U);
  ASSERT_EQ(started[0].session.size(), 1U);
  EXPECT_EQ(started[0].session[0].path, "p/a.jsonl");
  EXPECT_EQ(started[0].session[0].data, "abc");
}

TEST_F(Features, ASessionThatIsNotWholeIsGivenBack) {
  begin();
  part();
  assign_with(2);
  EXPECT_TRUE(all<StartRun>().empty());
  EXPECT_EQ(times(R"("type":"busy")"), 1U);
}

TEST_F(Features, PartsOfABrokenConnectionAreForgotten) {
  begin();
  part();
  session.disconnected(now);
  pass(seconds(1));
  connect();
  assign_with(1);
  EXPECT_TRUE(all<StartRun>().empty());
  EXPECT_EQ(times(R"("type":"busy")"), 1U);
}

TEST_F(Features, PartsThatAreNoBase64OrTooManyAreNotKept) {
  begin();
  part("???");
  assign_with(1);
  EXPECT_EQ(times(R"("type":"busy")"), 1U);
  EXPECT_EQ(session.counters().ignored, 1U);
  const std::string large = to_base64(as_bytes(std::string(4 * 1024 * 1024, 'x')));
  for (int i = 0; i < 10; ++i) part(large, 2);
  EXPECT_GT(session.counters().ignored, 1U);
}

}  // namespace
}  // namespace personas::worker_agent
