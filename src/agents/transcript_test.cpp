#include "personas/agents/transcript.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::agents {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string answer(std::string_view words) {
  const auto found = find_answer(words, "verdict");
  return found ? found->text : found.error().message;
}

TEST(Transcript, KeepsTheAgentsWordsToolsAndRequestsAndNobodyElses) {
  const std::string output =
      R"({"type":"system","subtype":"init","session_id":"s","tools":["Bash"],"model":"m"})"
      "\n"
      R"({"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"I look."},)"
      R"({"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}]}})"
      "\n"
      R"({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1",)"
      R"("content":"{\"verdict\": {\"pass\": true}}"}]}})"
      "\n"
      R"({"type":"assistant","parent_tool_use_id":"t9","message":{"model":"m","content":)"
      R"([{"type":"text","text":"sub-agent speaking"}]}})"
      "\n"
      R"({"type":"assistant","message":{"model":"m","content":[{"type":"text",)"
      R"("text":"{\"emit_event\": {\"type\": \"done\"}}"}]}})"
      "\n"
      R"({"type":"result","subtype":"success","is_error":false,"num_turns":2,"result":"x"})"
      "\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{50}, output.size()}) {
    TranscriptReader reader(OutputFormat::kClaudeStreamJson);
    for (std::size_t at = 0; at < output.size(); at += step) reader.feed(output.substr(at, step));
    const auto transcript = reader.finish();
    EXPECT_EQ(transcript.words, "I look.\n{\"emit_event\": {\"type\": \"done\"}}\n");
    EXPECT_THAT(transcript.tools, ElementsAre("Bash"));
    ASSERT_EQ(transcript.effects.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<EmitEvent>(transcript.effects[0]));
    EXPECT_EQ(transcript.turns, 2);
  }
}

TEST(Transcript, LeavesOutTheMiddleOfAFlood) {
  TranscriptReader reader(OutputFormat::kPlain);
  reader.feed("the beginning\n");
  for (int i = 0; i < 200; ++i) reader.feed(std::string(100'000, 'x') + "\n");
  reader.feed("the end\n");
  const auto words = reader.finish().words;
  EXPECT_LE(words.size(), kMaxWords + 100);
  EXPECT_THAT(words, testing::StartsWith("the beginning"));
  EXPECT_THAT(words, EndsWith("the end\n"));
  EXPECT_THAT(words, HasSubstr("left out"));
}

TEST(FindAnswer, FindsItAloneFencedAndInProse) {
  EXPECT_EQ(answer(R"({"verdict": {"pass": true}})"), R"({"pass":true})");
  EXPECT_EQ(answer("Here:\n```json\n{\n  \"verdict\" : 7\n}\n```\nThat is it."), "7");
  EXPECT_EQ(answer(R"(So I say {"verdict":[1,2]} and {nothing} more "verdict".)"), "[1,2]");
}

TEST(FindAnswer, TakesTheLastOne) {
  EXPECT_EQ(answer(R"({"verdict":1} no wait {"verdict":2})"), "2");
}

TEST(FindAnswer, SaysWhatIsWrong) {
  EXPECT_THAT(answer("I cannot judge."), HasSubstr("wrote no {\"verdict\": …}"));
  EXPECT_THAT(answer("\"verdict\""), HasSubstr("wrote no"));
  EXPECT_THAT(answer(R"({"verdict": {"pass": tru})"), HasSubstr("wrong at its character"));
  EXPECT_THAT(answer(R"({"verdict": {"pass": true)"), HasSubstr("ends before"));
  EXPECT_THAT(answer(R"({"verdict": 1, "verdict": 2})"), Not(testing::IsEmpty()));
}

}  // namespace
}  // namespace personas::agents
