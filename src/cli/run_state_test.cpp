#include "run_state.hpp"

#include "test_world.hpp"

namespace personas::cli {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};  // 2027-01-15T08:00:00Z

std::string line(const RunState& state) {
  std::string text;
  for (const auto& part : status_parts(state, kNow, 0, {})) text += part.text;
  return text;
}

RunState running() {
  RunState state;
  state.status = ExecutionStatus::kRunning;
  state.begun = kNow - seconds(64);
  state.attempt = 1;
  return state;
}

Turn first_turn() {
  Turn turn;
  turn.attempt = 1;
  turn.turn = 1;
  return turn;
}

TEST(RunState, SaysWhatTheAgentDoesForHowLongAndAtWhichCost) {
  RunState state = running();
  EXPECT_EQ(line(state), "⠋ working · 1m 04s");
  state.take(agents::ToolCall{.name = "Bash", .id = "t1", .input = "ls"}, kNow - seconds(12));
  Turn turn = first_turn();
  turn.usage = {.input_tokens = 12'000, .output_tokens = 345};
  state.take(turn);
  EXPECT_EQ(line(state), "⠋ Bash 12s · 1m 04s · turn 1 · 12.3k tokens");
  state.take(agents::ToolResult{.id = "t1", .summary = {}}, kNow);
  state.take(agents::Final{.num_turns = 3, .total_cost_usd = 0.0123}, kNow);
  EXPECT_EQ(line(state), "⠋ working · 1m 04s · turn 3 · 12.3k tokens · $0.0123");
}

TEST(RunState, ATurnThatComesAgainIsNotCountedTwice) {
  RunState state = running();
  Turn turn = first_turn();
  turn.usage.input_tokens = 10;
  ToolUse tool;
  tool.id = "t1";
  tool.name = "Bash";
  turn.tools.push_back(tool);
  state.take(turn);
  EXPECT_EQ(state.tools.size(), 1U);
  turn.tools[0].state = ToolState::kDone;
  turn.usage.output_tokens = 5;
  state.take(turn);
  EXPECT_EQ(state.tokens(), 15);
  EXPECT_TRUE(state.tools.empty());
}

TEST(RunState, SaysWhatIsWaitedFor) {
  RunState state = running();
  state.parked = Parked::kReview;
  EXPECT_EQ(line(state), "⏸ waiting for your answer · 1m 04s");
  state.questions.push_back({"rev_1", "Delete?"});
  EXPECT_EQ(line(state), "⏸ waiting for your answer: personas approve rev_1 · 1m 04s");
  state.parked = Parked::kQuota;
  state.parked_until = kNow + minutes(72);
  EXPECT_EQ(line(state), "⏸ waiting for the provider until 09:12 UTC (in 1 h 12 m) · 1m 04s");
  state.parked.reset();
  state.status = ExecutionStatus::kQueued;
  EXPECT_EQ(line(state), "⠋ queued · 1m 04s");
  state.waiting_for = "a worker";
  EXPECT_EQ(line(state), "⠋ queued, waiting for: a worker · 1m 04s");
}

TEST(RunState, ATimeOnAnotherDayComesWithItsDay) {
  EXPECT_EQ(until_text(kNow + minutes(5), kNow, {}), "until 08:05 UTC (in 5 m)");
  EXPECT_EQ(until_text(kNow + hours(30), kNow, {}), "until 2027-01-16 14:00 UTC (in 30 h 0 m)");
  EXPECT_EQ(until_text(kNow, kNow, {}), "until now");
  EXPECT_EQ(until_text(kNow + seconds(1), kNow, [](Timestamp) { return "noon"; }),
            "until noon (in 1 m)");
}

TEST(RunState, CountsAreShort) {
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(1'000), "1.0k");
  EXPECT_EQ(short_count(999'949), "999.9k");
  EXPECT_EQ(short_count(999'950), "1.0M");
}

}  // namespace
}  // namespace personas::cli
