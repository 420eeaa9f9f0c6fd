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

TEST(Classify, AnEndThatIsNoSuccessIsAFailureEvenWithoutTheFlag) {
  const Final turns{.subtype = "error_max_turns"};
  EXPECT_EQ(classify({.final = &turns}), FailureReason::kTurnLimit);
  const Final other{.subtype = "error_during_execution"};
  EXPECT_EQ(classify({.final = &other}), FailureReason::kAgentExit);
}

TEST(Classify, ADeniedToolIsTheReasonWhenNothingElseIs) {
  Final final{.subtype = "error_during_execution", .is_error = true, .result = "it stopped"};
  final.denials = {{.tool = "Bash", .id = "t1"}};
  EXPECT_EQ(classify({.final = &final, .exit_code = 1}), FailureReason::kToolDenied);
  final.api_error_status = 529;
  EXPECT_EQ(classify({.final = &final, .exit_code = 1}), FailureReason::kProviderError);
}

TEST(Classify, AQuotaResetsWhenItIsSaid) {
  const Timestamp now{1'795'290'000'000'000};
  Final final{.subtype = "success", .is_error = true, .result = "limit reached|1795300000"};
  final.error_kind = "rate_limit";
  const auto told = [&] { return failure_of({.final = &final, .exit_code = 1}, now); };
  EXPECT_EQ(told()->quota_resets_at, (Timestamp{1'795'300'000'000'000}));
  final.limit_resets_at = Timestamp{1'795'299'000'000'000};
  EXPECT_EQ(told()->quota_resets_at, final.limit_resets_at);
  // A number that cannot be meant is not believed.
  final.limit_resets_at = Timestamp{1'995'299'000'000'000};
  final.result = "API Error: Request rejected (429)";
  EXPECT_EQ(told()->reason, FailureReason::kProviderQuota);
  EXPECT_EQ(told()->quota_resets_at, std::nullopt);
  final.result = "Server is temporarily limiting requests (not your usage limit)";
  EXPECT_EQ(told()->reason, FailureReason::kProviderError);
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
