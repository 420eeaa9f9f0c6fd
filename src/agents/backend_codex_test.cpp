#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/backends.hpp"

namespace personas::agents {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(BackendCodex, SkipsItsOwnSandboxInOursByDefault) {
  const auto launch = launch_plan({.backend = "codex", .prompt = "Do it"});
  ASSERT_TRUE(launch) << launch.error().describe();
  EXPECT_THAT(launch->argv, ElementsAre("codex", "exec", "--json", "--skip-git-repo-check",
                                        "--dangerously-bypass-approvals-and-sandbox", "-"));
  EXPECT_EQ(launch->stdin_text, "Do it");
  ASSERT_EQ(launch->home_files.size(), 1U);
  EXPECT_EQ(launch->home_files[0].path, ".codex/config.toml");
  EXPECT_THAT(launch->home_files[0].content, Not(HasSubstr("base_url")));
  EXPECT_TRUE(is_removed(*launch, "CODEX_HOME"));
  EXPECT_FALSE(is_removed(*launch, "CODEX_API_KEY"));
  EXPECT_EQ(token_variable("codex", "sk-x"), "CODEX_API_KEY");
}

TEST(BackendCodex, AnotherEndpointIsQuotedIntoItsConfiguration) {
  const auto launch =
      launch_plan({.backend = "codex", .provider_url = "http://127.0.0.1:1/v1\"\nx = 1"});
  ASSERT_TRUE(launch);
  EXPECT_THAT(launch->home_files[0].content,
              HasSubstr("base_url = \"http://127.0.0.1:1/v1\\\"\\nx = 1\"\n"));
}

TEST(BackendCodex, OptionsStandBeforeTheSessionAndThePrompt) {
  LaunchRequest request{.backend = "codex",
                        .model = "gpt-6.1-sol",
                        .permission_policy = R"({"mode": "skip"})",
                        .resume_session_id = "00000000-0000-4000-8000-000000000001"};
  request.programs.codex = "/opt/codex";
  const auto launch = launch_plan(request);
  ASSERT_TRUE(launch) << launch.error().describe();
  EXPECT_THAT(launch->argv,
              ElementsAre("/opt/codex", "exec", "resume", "--json", "--skip-git-repo-check",
                          "--dangerously-bypass-approvals-and-sandbox", "-m", "gpt-6.1-sol",
                          "00000000-0000-4000-8000-000000000001", "-"));
}

TEST(BackendCodex, WhatItCannotKeepIsRefused) {
  const LaunchRequest wrong[] = {
      {.backend = "codex", .max_turns = 3},
      {.backend = "codex", .max_budget_usd = 1.0},
      {.backend = "codex", .permission_policy = R"({"allowedTools": ["shell"]})"},
      {.backend = "codex", .permission_policy = R"({"mode": "all"})"},
      {.backend = "codex", .permission_policy = R"({"mode": 1})"},
      {.backend = "codex", .model = "--help"},
      {.backend = "codex", .resume_session_id = "-x"}};
  for (const auto& request : wrong) {
    const auto launch = launch_plan(request);
    ASSERT_FALSE(launch);
    EXPECT_EQ(launch.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST(BackendCodex, ItsConversationIsTheRollout) {
  EXPECT_TRUE(kCodexSession.wanted("2026/11/21/rollout-2026-11-21T13-42-44-0-1.jsonl"));
  EXPECT_FALSE(kCodexSession.wanted("2026/11/21/other.jsonl"));
  EXPECT_EQ(kCodexSession.placed("2026/11/21/rollout-a.jsonl", "/run/workspace"),
            "2026/11/21/rollout-a.jsonl");
}

}  // namespace
}  // namespace personas::agents
