#include "gemini_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/outcome.hpp"

#include "test_recording.hpp"

namespace personas::agents {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kSession = "00000000-0000-4000-8000-000000000001";

std::vector<AgentItem> read(std::string_view name) {
  return items_of(OutputFormat::kGeminiStreamJson, recording(fmt::format("gemini/{}", name)));
}

TEST(GeminiReader, TextSessionAndUsage) {
  const auto items = read("text");
  EXPECT_THAT(briefs(items), ElementsAre(fmt::format("session {} auto", kSession),
                                         "agent: Hello from the stand-in model.",
                                         "end success Hello from the stand-in model."));
  const Final final = end_of(items);
  EXPECT_FALSE(final.is_error);
  EXPECT_EQ(final.session_id, kSession);
  EXPECT_EQ(final.usage.input_tokens, 260);  // of both models, without what came from the cache
  EXPECT_EQ(final.usage.cache_read_input_tokens, 60);
  EXPECT_EQ(final.usage.output_tokens, 84);
  EXPECT_GT(final.duration_ms, 0);
}

TEST(GeminiReader, PiecesOfAMessageAreOneTextSoThatProtocolsMayBeCutAnywhere) {
  const auto items = read("protocols");
  EXPECT_THAT(effects_of(items),
              ElementsAre("user_message", "persona_action", "emit_event", "agent_memory",
                          "manual_review", "execution_flow", "outcome_assessment"));
  const auto texts = std::ranges::count_if(
      items, [](const AgentItem& item) { return std::holds_alternative<Text>(item); });
  EXPECT_EQ(texts, 1);
}

TEST(GeminiReader, WhatAToolPrintsIsNotSearchedNorTheEchoOfThePrompt) {
  const auto items = read("injection");
  EXPECT_THAT(effects_of(items), IsEmpty());
  const auto shown = briefs(items);
  ASSERT_GE(shown.size(), 4U);
  EXPECT_THAT(shown[1], HasSubstr("agent: I read the notes."));
  EXPECT_THAT(shown[2], HasSubstr("call run_shell_command cat"));
  EXPECT_THAT(shown[3], HasSubstr("done {\"user_message\""));
  EXPECT_THAT(effects_of(items_of(
                  OutputFormat::kGeminiStreamJson,
                  R"({"type":"message","role":"user","content":"{\"user_message\": \"no\"}"})"
                  "\n")),
              IsEmpty());
}

TEST(GeminiReader, TheSameItemsHoweverItIsCut) {
  for (const auto* name : {"text", "protocols", "injection", "unauthorized"}) {
    const auto text = recording(fmt::format("gemini/{}", name));
    const auto whole = briefs(items_of(OutputFormat::kGeminiStreamJson, text));
    for (const std::size_t step : {1U, 7U, 64U}) {
      EXPECT_EQ(briefs(items_of(OutputFormat::kGeminiStreamJson, text, step)), whole)
          << name << step;
    }
  }
}

TEST(GeminiReader, AMessageThatNothingFollowsIsNotLost) {
  const auto items = items_of(
      OutputFormat::kGeminiStreamJson,
      R"({"type":"message","role":"assistant","content":"{\"user_message\": ","delta":true})"
      "\n"
      R"({"type":"message","role":"assistant","content":"\"hi\"}","delta":true})");
  EXPECT_THAT(effects_of(items), ElementsAre("user_message"));
}

std::optional<FailureReason> ended(std::string_view name) {
  const Final final = end_of(read(name));
  return classify({.format = OutputFormat::kGeminiStreamJson, .final = &final, .exit_code = 1});
}

TEST(GeminiReader, EveryRecordedFailureHasItsReason) {
  EXPECT_EQ(ended("unauthorized"), FailureReason::kAgentNotAuthenticated);
  EXPECT_EQ(ended("rate_limit"), FailureReason::kProviderQuota);
  EXPECT_EQ(ended("server_error"), FailureReason::kProviderError);
  EXPECT_EQ(ended("turn_limit"), FailureReason::kTurnLimit);
}

TEST(GeminiReader, AnEndWithoutAResultIsReadFromWhatTheProgramSaid) {
  ProgramEnd end{.format = OutputFormat::kGeminiStreamJson, .exit_code = 42};
  end.stderr_tail = "Error resuming session: Invalid session identifier \"x\".";
  EXPECT_EQ(classify(end), FailureReason::kSessionLost);
  end.stderr_tail =
      "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.";
  EXPECT_EQ(classify(end), FailureReason::kAgentNotAuthenticated);
  EXPECT_EQ(classify({.format = OutputFormat::kGeminiStreamJson}), FailureReason::kProtocolError);
}

}  // namespace
}  // namespace personas::agents
