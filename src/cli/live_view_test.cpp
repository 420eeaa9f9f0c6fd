#include "live_view.hpp"

#include "personas/codec/json.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

constexpr std::string_view kCall =
    R"({"type":"assistant","message":{"model":"opus","content":[{"type":"text","text":"I look"},)"
    R"({"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}]}})"
    "\n";
constexpr std::string_view kResult =
    R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1",)"
    R"("content":"a.cpp"}]}})"
    "\n";
constexpr std::string_view kUnknown = "{\"type\":\"mystery\",\"id\":\"x\"}\n";

class LiveViewTest : public ::testing::Test {
 protected:
  void take(std::string_view type, const std::string& data) {
    view_.take(type, boost::json::parse(data).as_object());
  }
  void output(std::string_view chunk, int second = 0, int attempt = 1) {
    std::string text;
    codec::append_json_string(chunk, text);
    take("execution.output",
         fmt::format(R"({{"at":"2027-01-15T08:00:{:02}.000Z","attempt":{},"stream":"stdout",)"
                     R"("chunk":{}}})",
                     second, attempt, text));
  }
  void turn(std::string_view text, std::string_view state, int number = 1,
            std::string_view parent = "null") {
    take("execution.turn",
         fmt::format(
             R"({{"executionId":"exe_1","attempt":1,"turn":{},"parentToolId":{},"text":"{}",)"
             R"("tools":[{{"id":"t{}","name":"Bash","input":"ls","state":"{}","result":"a.cpp",)"
             R"("resultBytes":5,"startedAt":"2027-01-15T08:00:00Z","durationMs":1200}}],)"
             R"("usage":{{"inputTokens":10}},"startedAt":"2027-01-15T08:00:00Z"}})",
             number, parent, text, number, state));
  }

  World world_;
  LiveView view_{world_.terminal, world_.clock, {}};
};

TEST_F(LiveViewTest, ToolCallsAreTimedByTheirOutput) {
  output(kCall, 1);
  EXPECT_EQ(view_.state().tools.size(), 1U);
  output(kResult, 4);
  EXPECT_EQ(world_.terminal.both, "I look\n→ Bash: ls\n← Bash: 3.0 s, 5 bytes\n");
  EXPECT_TRUE(view_.state().tools.empty());
}

TEST_F(LiveViewTest, TurnsOfUnderstoodOutputAreNotShownTwice) {
  turn("I look", "running");
  output(kCall);
  turn("I look", "running");
  output(kResult);
  turn("I look", "done");
  view_.finish();
  EXPECT_EQ(world_.terminal.both, "I look\n→ Bash: ls\n← Bash: 0 ms, 5 bytes\n");
  EXPECT_EQ(view_.state().turn_count(), 1);
}

TEST_F(LiveViewTest, TurnsStandInForOutputThatIsNotUnderstood) {
  output(kUnknown);
  turn("I look", "running");
  turn("I look around", "denied");
  turn("Sub", "done", 2, "\"t1\"");
  turn("Sub", "done", 2, "\"t1\"");
  view_.finish();
  EXPECT_EQ(world_.terminal.both,
            "I look\n→ Bash: ls\n around\n← Bash was denied after 1.2 s: a.cpp\n"
            "  Sub\n  → Bash: ls\n  ← Bash: 1.2 s, 5 bytes\n");
}

TEST_F(LiveViewTest, TurnsAreShownWhenTheOutputIsGone) {
  turn("One", "done", 1);
  turn("Two", "done", 2);
  EXPECT_EQ(world_.terminal.both, "");
  turn("Three", "done", 3);
  EXPECT_NE(world_.terminal.output.find("One\nTwo\nThree\n"), std::string::npos);
}

TEST_F(LiveViewTest, ANewAttemptDecidesAnew) {
  output(kUnknown);
  turn("One", "done");
  output("plain words\n", 1, 2);
  EXPECT_EQ(world_.terminal.output, "One\nplain words\n");
}

TEST_F(LiveViewTest, SaysWhatAParkedRunWaitsForAndWhenItGoesOn) {
  take("execution.status", R"({"status":"running","attempt":1})");
  take("review.requested", R"({"reviewId":"rev_1","title":"Delete?","severity":"high"})");
  take("execution.status", R"({"status":"running","attempt":1,"parked":"review"})");
  EXPECT_EQ(view_.state().parked, Parked::kReview);
  take("review.answered", R"({"reviewId":"rev_1","title":"Delete?","status":"approved"})");
  take("execution.status", R"({"status":"queued","attempt":1})");
  EXPECT_EQ(view_.state().parked, std::nullopt);
  take("execution.status", R"({"status":"running","attempt":2})");
  EXPECT_EQ(world_.terminal.errors,
            "running\n"
            "review (high): Delete?\n"
            "  answer with: personas approve rev_1   or: personas reject rev_1\n"
            "waiting for your answer: Delete?\n  personas approve rev_1   or: personas reject "
            "rev_1\n"
            "review approved: Delete?\nit goes on\nrunning, attempt 2\n");
}

TEST_F(LiveViewTest, SaysUntilWhenTheProviderRefuses) {
  const std::string until = to_rfc3339(world_.clock.wall() + minutes(72));
  take("execution.status",
       R"({"status":"queued","attempt":1,"parked":"quota","parkedUntil":")" + until + "\"}");
  EXPECT_NE(world_.terminal.errors.find("waiting for the provider until"), std::string::npos);
  EXPECT_NE(world_.terminal.errors.find("(in 1 h 12 m); it goes on by itself\n"), std::string::npos)
      << world_.terminal.errors;
}

TEST_F(LiveViewTest, TextOfTheAgentCannotCommandTheTerminal) {
  output(kUnknown);
  turn("a\\u001b[2Jb", "running");
  take("review.requested",
       R"({"reviewId":"rev_1\u001b[2J","title":"x\u001b]0;y\u0007","severity":""})");
  EXPECT_EQ(world_.terminal.both.find('\x1b'), std::string::npos) << world_.terminal.both;
}

}  // namespace
}  // namespace personas::cli
