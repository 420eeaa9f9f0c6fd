#include "personas/agents/turns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_recording.hpp"

namespace personas::agents {
namespace {

using testing::EndsWith;
using testing::IsEmpty;

constexpr Timestamp kStart{1'800'000'000'000'000};

Timestamp after(std::int64_t ms) {
  return kStart + milliseconds(ms);
}

ModelMessage message(std::string id, std::string parent = {}) {
  ModelMessage message;
  message.id = std::move(id);
  message.parent_tool_id = std::move(parent);
  message.model = "m";
  message.usage.input_tokens = 10;
  return message;
}
Text said(std::string text) {
  return {std::move(text), Speaker::kAgent};
}
ToolCall call(std::string id, std::string name = "Bash") {
  return {std::move(name), std::move(id), "input", Speaker::kAgent};
}
ToolResult result(std::string id, ToolStatus status = ToolStatus::kDone) {
  return {std::move(id), status, "output", 6};
}

TEST(TurnTracker, GathersTheLinesOfOneMessage) {
  TurnTracker tracker(3);
  tracker.take(message("a"), after(0));
  tracker.take(said("First."), after(0));
  auto second = message("a");
  second.usage.output_tokens = 7;
  second.stop_reason = "tool_use";
  tracker.take(second, after(5));
  tracker.take(call("t1"), after(5));
  tracker.take(result("t1"), after(25));
  tracker.take(message("b"), after(30));
  tracker.take(said("Second."), after(30));
  const auto turns = tracker.take_changed();
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0].attempt, 3);
  EXPECT_EQ(turns[0].turn, 1);
  EXPECT_EQ(turns[0].text, "First.");
  EXPECT_EQ(turns[0].model, "m");
  EXPECT_EQ(turns[0].usage.input_tokens, 10);
  EXPECT_EQ(turns[0].usage.output_tokens, 7);
  EXPECT_EQ(turns[0].stop_reason, "tool_use");
  EXPECT_EQ(turns[0].tools[0].state, ToolState::kDone);
  EXPECT_EQ(turns[0].tools[0].duration_ms, 20);
  EXPECT_EQ(turns[0].tools[0].result_bytes, 6);
  EXPECT_EQ(turns[0].completed_at, after(25));
  EXPECT_EQ(turns[1].turn, 2);
  EXPECT_FALSE(turns[1].completed_at);
  EXPECT_EQ(tracker.count(), 2);
}

TEST(TurnTracker, OnlyChangedTurnsAreTaken) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  tracker.take(call("t1"), after(0));
  EXPECT_EQ(tracker.take_changed().size(), 1U);
  EXPECT_THAT(tracker.take_changed(), IsEmpty());
  tracker.take(message("b"), after(1));
  tracker.take(result("t1"), after(2));
  const auto turns = tracker.take_changed();
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0].turn, 1);
  EXPECT_EQ(turns[0].tools[0].state, ToolState::kDone);
  tracker.take(result("t1"), after(3));
  tracker.take(result("unknown"), after(3));
  EXPECT_THAT(tracker.take_changed(), IsEmpty());
}

TEST(TurnTracker, SubAgentsInterleave) {
  TurnTracker tracker(1);
  tracker.take(message("main"), after(0));
  tracker.take(call("task1", "Task"), after(0));
  tracker.take(message("x1", "task1"), after(1));
  tracker.take(said("one"), after(1));
  tracker.take(message("main"), after(2));
  tracker.take(call("task2", "Task"), after(2));
  tracker.take(message("y1", "task2"), after(3));
  tracker.take(call("ty", "Read"), after(3));
  tracker.take(message("x1", "task1"), after(4));
  tracker.take(said("two"), after(4));
  tracker.take(result("ty"), after(5));
  tracker.take(message("y2", "task2"), after(6));
  tracker.take(result("task1"), after(7));
  tracker.take(result("task2"), after(8));
  tracker.take(message("end"), after(9));
  const auto turns = tracker.take_changed();
  ASSERT_EQ(turns.size(), 5U);
  EXPECT_EQ(turns[0].tools.size(), 2U);
  EXPECT_FALSE(turns[0].parent_tool_id);
  EXPECT_EQ(turns[1].parent_tool_id, "task1");
  EXPECT_EQ(turns[1].text, "one\ntwo");
  EXPECT_EQ(turns[1].completed_at, after(7));
  EXPECT_EQ(turns[2].parent_tool_id, "task2");
  EXPECT_EQ(turns[2].tools[0].name, "Read");
  EXPECT_EQ(turns[2].completed_at, after(5));
  EXPECT_EQ(turns[3].parent_tool_id, "task2");
  EXPECT_EQ(turns[0].completed_at, after(8));
  EXPECT_FALSE(turns[4].parent_tool_id);
}

TEST(TurnTracker, ATurnThatGoesOnIsOpenAgain) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  tracker.take(call("t1"), after(0));
  tracker.take(result("t1"), after(1));
  EXPECT_TRUE(tracker.take_changed()[0].completed_at);
  tracker.take(message("a"), after(2));
  tracker.take(call("t2"), after(2));
  EXPECT_FALSE(tracker.take_changed()[0].completed_at);
}

TEST(TurnTracker, TheEndClosesWhatRuns) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  tracker.take(call("t1"), after(0));
  tracker.finish(after(10));
  const auto turns = tracker.take_changed();
  ASSERT_EQ(turns.size(), 1U);
  EXPECT_EQ(turns[0].tools[0].state, ToolState::kFailed);
  EXPECT_EQ(turns[0].tools[0].duration_ms, 10);
  EXPECT_EQ(turns[0].completed_at, after(10));
}

TEST(TurnTracker, TheFinalLineNamesDenialsAndTheLastStopReason) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  tracker.take(call("t1"), after(0));
  tracker.take(result("t1", ToolStatus::kFailed), after(1));
  tracker.take(message("b"), after(2));
  Final final;
  final.stop_reason = "end_turn";
  final.denials = {{.tool = "Bash", .id = "t1"}};
  tracker.take(final, after(3));
  const auto turns = tracker.take_changed();
  EXPECT_EQ(turns[0].tools[0].state, ToolState::kDenied);
  EXPECT_EQ(turns[0].tools[0].duration_ms, 1);
  EXPECT_EQ(turns[0].stop_reason, "tool_use");
  EXPECT_EQ(turns[1].stop_reason, "end_turn");
  EXPECT_EQ(turns[1].completed_at, after(3));
}

TEST(TurnTracker, AfterAFinalLineABackgroundAgentMayWakeItAgain) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  tracker.take(Final{}, after(1));
  tracker.take(message("a2"), after(2));
  tracker.take(said("again"), after(2));
  tracker.finish(after(3));
  EXPECT_EQ(tracker.take_changed().size(), 2U);
}

TEST(TurnTracker, TextIsCleanedAndCut) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  tracker.take(said("a\x1b[31mb"), after(0));
  tracker.take(said(std::string(kMaxTurnText - 4, 'x') + "ääää"), after(0));
  tracker.take(said("more"), after(0));
  const auto turns = tracker.take_changed();
  EXPECT_TRUE(turns[0].text.starts_with("ab\nxxx"));
  EXPECT_LE(turns[0].text.size(), kMaxTurnText + 3);
  EXPECT_THAT(turns[0].text, EndsWith("x…"));
}

TEST(TurnTracker, ToolsAndTurnsPastTheLimitsAreCounted) {
  TurnTracker tracker(1);
  tracker.take(message("a"), after(0));
  for (std::size_t i = 0; i < kMaxToolsPerTurn + 3; ++i) {
    tracker.take(call(std::to_string(i)), after(0));
  }
  const auto turns = tracker.take_changed();
  EXPECT_EQ(turns[0].tools.size(), kMaxToolsPerTurn);
  EXPECT_EQ(turns[0].tools_omitted, 3);
  for (std::int64_t i = 1; i < kMaxTurns + 2; ++i) {
    tracker.take(message("m" + std::to_string(i)), after(i));
    tracker.take(said("x"), after(i));
  }
  EXPECT_EQ(tracker.count(), kMaxTurns + 2);
  const auto rest = tracker.take_changed();
  EXPECT_EQ(rest.back().turn, kMaxTurns);
  EXPECT_EQ(rest.back().text, "x");
}

TEST(TurnTracker, WhatIsKeptIsBounded) {
  TurnTracker tracker(1);
  const std::string text(kMaxTurnText, 'x');
  const std::size_t many = 2 * kMaxKeptBytes / kMaxTurnText;
  tracker.take(message("first"), after(0));
  tracker.take(call("t0"), after(0));
  for (std::size_t i = 0; i < many; ++i) {
    tracker.take(message("m" + std::to_string(i)), after(1));
    tracker.take(said(text), after(1));
    EXPECT_LE(tracker.take_changed().size(), 3U);
  }
  // The oldest was let go: its result is not shown, and nothing else is lost.
  tracker.take(result("t0"), after(2));
  EXPECT_THAT(tracker.take_changed(), IsEmpty());
  EXPECT_EQ(tracker.count(), static_cast<std::int64_t>(many) + 1);
}

TEST(TurnTracker, PlainTextHasNoTurns) {
  TurnTracker tracker(1);
  tracker.take(said("hello"), after(0));
  tracker.take(Text{"notice", Speaker::kBackend}, after(0));
  tracker.finish(after(1));
  EXPECT_THAT(tracker.take_changed(), IsEmpty());
  EXPECT_EQ(tracker.count(), 0);
}

// Codex and Gemini CLI do not say where a message begins: words begin one, and a call after a
// result.
TEST(TurnTracker, OtherClisHaveTurnsToo) {
  for (const auto& [name, format] : {std::pair{"codex", OutputFormat::kCodexJson},
                                     std::pair{"gemini", OutputFormat::kGeminiStreamJson}}) {
    TurnTracker tracker(1);
    for (const auto& item : items_of(format, recording(std::string(name) + "/failed_command"))) {
      tracker.take(item, after(0));
    }
    const auto turns = tracker.take_changed();
    ASSERT_GE(turns.size(), 2U) << name;
    std::size_t tools = 0;
    for (const auto& turn : turns) {
      tools += turn.tools.size();
      EXPECT_TRUE(!turn.text.empty() || !turn.tools.empty()) << name;
      // Gemini CLI calls a command that fails a success.
      if (!turn.tools.empty()) EXPECT_NE(turn.tools[0].state, ToolState::kRunning) << name;
    }
    EXPECT_EQ(tools, 1U) << name;
  }
}

TEST(TurnTracker, MessagesWithoutAnIdAreTurnsOfTheirOwn) {
  TurnTracker tracker(1);
  tracker.take(message(""), after(0));
  tracker.take(message(""), after(1));
  EXPECT_EQ(tracker.count(), 2);
}

}  // namespace
}  // namespace personas::agents
