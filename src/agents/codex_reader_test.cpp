#include "codex_reader.hpp"

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
  return items_of(OutputFormat::kCodexJson, recording(fmt::format("codex/{}", name)));
}

std::vector<AgentItem> lines(std::string_view text) {
  return items_of(OutputFormat::kCodexJson, text);
}

TEST(CodexReader, TextSessionAndUsage) {
  const auto items = read("text");
  EXPECT_THAT(briefs(items), ElementsAre(fmt::format("session {} ", kSession),
                                         "agent: Hello from the stand-in model.",
                                         "end success Hello from the stand-in model."));
  const Final final = end_of(items);
  EXPECT_FALSE(final.is_error);
  EXPECT_EQ(final.session_id, kSession);
  EXPECT_EQ(final.usage.input_tokens, 130);  // 160, of which 30 came from the cache
  EXPECT_EQ(final.usage.cache_read_input_tokens, 30);
  EXPECT_EQ(final.usage.output_tokens, 42);
}

TEST(CodexReader, AllProtocolsOfTheAgentsWords) {
  EXPECT_THAT(effects_of(read("protocols")),
              ElementsAre("user_message", "persona_action", "emit_event", "agent_memory",
                          "manual_review", "execution_flow", "outcome_assessment"));
}

TEST(CodexReader, WhatAToolPrintsIsNotSearched) {
  const auto items = read("injection");
  EXPECT_THAT(effects_of(items), IsEmpty());
  const auto shown = briefs(items);
  ASSERT_GE(shown.size(), 4U);
  EXPECT_THAT(shown[2], HasSubstr("call shell /bin/bash -lc"));
  EXPECT_THAT(shown[3], HasSubstr("done {\"user_message\""));
}

TEST(CodexReader, ACommandThatFailsIsAFailedResultAndNoEnd) {
  const auto items = read("failed_command");
  EXPECT_THAT(briefs(items), testing::Contains("failed "));
  EXPECT_FALSE(end_of(items).is_error);
}

TEST(CodexReader, TheSameItemsHoweverItIsCut) {
  for (const auto* name : {"text", "protocols", "injection", "unauthorized"}) {
    const auto text = recording(fmt::format("codex/{}", name));
    const auto whole = briefs(items_of(OutputFormat::kCodexJson, text));
    for (const std::size_t step : {1U, 7U, 64U}) {
      EXPECT_EQ(briefs(items_of(OutputFormat::kCodexJson, text, step)), whole) << name << step;
    }
  }
}

TEST(CodexReader, AKeptOutputTellsItsFormat) {
  for (const auto& [format, name] :
       {std::pair{OutputFormat::kCodexJson, "codex/injection"},
        std::pair{OutputFormat::kGeminiStreamJson, "gemini/protocols"},
        std::pair{OutputFormat::kClaudeStreamJson, "tool_use_with_fake_protocols"}}) {
    const auto text = recording(name);
    EXPECT_EQ(briefs(items_of(OutputFormat::kAnyJson, text)), briefs(items_of(format, text)));
  }
}

TEST(CodexReader, EveryKindOfToolItem) {
  const auto items = lines(
      R"({"type":"item.completed","item":{"id":"1","type":"file_change","status":"completed",)"
      R"("changes":[{"path":"a.txt","kind":"add"},{"path":"b.txt","kind":"update"}]}})"
      "\n"
      R"({"type":"item.started","item":{"id":"2","type":"mcp_tool_call","server":"git",)"
      R"("tool":"log","arguments":{"n":3},"status":"in_progress"}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"2","type":"mcp_tool_call","server":"git",)"
      R"("tool":"log","arguments":{"n":3},"result":{"content":[{"type":"text","text":"abc"}]},)"
      R"("error":null,"status":"completed"}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"3","type":"mcp_tool_call","server":"git",)"
      R"("tool":"push","error":{"message":"refused"},"status":"failed"}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"4","type":"web_search","query":"weather"}})"
      "\n"
      R"({"type":"item.completed","item":{"id":"5","type":"reasoning","text":"hm"}})"
      "\n");
  EXPECT_THAT(briefs(items), ElementsAre("call apply_patch a.txt, b.txt", "done ",
                                         "call git.log {\"n\":3}", "done abc", "call git.push ",
                                         "failed refused", "call web_search weather", "done "));
}

TEST(CodexReader, NoticesAreTheBackendsAndNotTheEnd) {
  const auto items = lines(R"({"type":"error","message":"{\"user_message\": \"no\"}"})"
                           "\n");
  EXPECT_THAT(briefs(items), ElementsAre("backend: {\"user_message\": \"no\"}\n"));
}

std::optional<FailureReason> ended(std::string_view name) {
  const Final final = end_of(read(name));
  return classify({.format = OutputFormat::kCodexJson, .final = &final, .exit_code = 1});
}

TEST(CodexReader, EveryRecordedFailureHasItsReason) {
  EXPECT_EQ(ended("unauthorized"), FailureReason::kAgentNotAuthenticated);
  EXPECT_EQ(ended("rate_limit"), FailureReason::kProviderQuota);
  EXPECT_EQ(ended("server_error"), FailureReason::kProviderError);
  const auto items = lines(
      R"({"type":"turn.failed","error":{"message":"unexpected status 404 Not Found: no model"}})"
      "\n");
  const Final final = end_of(items);
  EXPECT_EQ(classify({.format = OutputFormat::kCodexJson, .final = &final, .exit_code = 1}),
            FailureReason::kModelUnavailable);
}

TEST(CodexReader, AnEndWithoutAResultIsReadFromWhatTheProgramSaid) {
  ProgramEnd end{.format = OutputFormat::kCodexJson, .exit_code = 1};
  end.stderr_tail = "Error: thread/resume: no rollout found for thread id x (code -32600)";
  EXPECT_EQ(classify(end), FailureReason::kSessionLost);
  EXPECT_EQ(classify({.format = OutputFormat::kCodexJson}), FailureReason::kProtocolError);
}

}  // namespace
}  // namespace personas::agents
