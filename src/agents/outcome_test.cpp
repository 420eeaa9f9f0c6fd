#include "personas/agents/outcome.hpp"

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace personas::agents {
namespace {

Final recorded_end(std::string_view name) {
  std::ifstream file(fmt::format("{}/{}.jsonl", PERSONAS_AGENTS_TESTDATA, name));
  std::ostringstream text;
  text << file.rdbuf();
  AgentStream stream(OutputFormat::kClaudeStreamJson);
  std::vector<AgentItem> items;
  stream.feed(text.str(), items);
  stream.finish(items);
  if (!items.empty()) {
    if (const auto* final = std::get_if<Final>(&items.back())) return *final;
  }
  ADD_FAILURE() << name << " has no end";
  return {};
}

TEST(Classify, RecordedEndsOfTheRealCli) {
  struct Case {
    std::string_view recording;
    int exit_code;
    std::optional<FailureReason> reason;
  };
  for (const auto& [recording, exit_code, reason] : {
           Case{"plain", 0, std::nullopt},
           Case{"all_protocols", 0, std::nullopt},
           Case{"error_401", 1, FailureReason::kAgentNotAuthenticated},
           Case{"error_429", 1, FailureReason::kProviderQuota},
           Case{"error_500", 1, FailureReason::kProviderError},
           Case{"error_529", 1, FailureReason::kProviderError},
           Case{"max_turns", 1, FailureReason::kTurnLimit},
           Case{"max_budget", 1, FailureReason::kBudgetExceeded},
       }) {
    const Final final = recorded_end(recording);
    EXPECT_EQ(classify({.final = &final, .exit_code = exit_code}), reason) << recording;
  }
}

TEST(Classify, WordsDecideWhenThereIsNoStatus) {
  Final final{.subtype = "error_during_execution", .is_error = true};
  final.result = "Claude usage limit reached";
  EXPECT_EQ(classify({.final = &final, .exit_code = 1}), FailureReason::kProviderQuota);
  final.result = "Prompt is too long";
  EXPECT_EQ(classify({.final = &final, .exit_code = 1}), FailureReason::kPromptTooLarge);
  final.result = "something else";
  EXPECT_EQ(classify({.final = &final, .exit_code = 1}), FailureReason::kAgentExit);
  // An agent that writes about limits, and succeeds, has not failed.
  final = Final{.subtype = "success", .result = "The usage limit is documented"};
  EXPECT_EQ(classify({.final = &final}), std::nullopt);
}

TEST(Classify, WithoutAFinalLine) {
  EXPECT_EQ(classify({}), FailureReason::kProtocolError);
  EXPECT_EQ(classify({.exit_code = 1, .stderr_tail = "Invalid API key"}),
            FailureReason::kAgentNotAuthenticated);
  EXPECT_EQ(classify({.exit_code = 1, .stderr_tail = "Segmentation"}), FailureReason::kAgentExit);
  EXPECT_EQ(classify({.signal = 9}), FailureReason::kAgentSignal);
}

TEST(Classify, ACommandsWordsAreItsOwn) {
  EXPECT_EQ(classify({.format = OutputFormat::kPlain}), std::nullopt);
  EXPECT_EQ(classify({.format = OutputFormat::kPlain, .exit_code = 2, .stderr_tail = "rate limit"}),
            FailureReason::kAgentExit);
}

}  // namespace
}  // namespace personas::agents
