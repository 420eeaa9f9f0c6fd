#include "personas/agents/backends.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::agents {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Key;
using testing::Not;
using testing::Pair;

std::vector<std::string> argv(const LaunchRequest& request) {
  const auto launch = launch_plan(request);
  EXPECT_TRUE(launch) << launch.error().describe();
  return launch ? launch->argv : std::vector<std::string>{};
}

TEST(Backends, ATokenGoesIntoTheVariableOfItsKind) {
  EXPECT_EQ(token_variable("claude", "sk-ant-oat01-x"), "CLAUDE_CODE_OAUTH_TOKEN");
  EXPECT_EQ(token_variable("claude", "sk-ant-api03-x"), "ANTHROPIC_API_KEY");
  EXPECT_EQ(token_variable("demo", "sk-ant-api03-x"), "");
  EXPECT_EQ(token_variable("none", "sk-ant-api03-x"), "");
}

TEST(Backends, ClaudeSkipsPermissionsInTheSandboxByDefault) {
  const auto launch = launch_plan({.prompt = "Do it"});
  ASSERT_TRUE(launch);
  EXPECT_THAT(launch->argv, ElementsAre("claude", "-p", "--output-format", "stream-json",
                                        "--verbose", "--dangerously-skip-permissions"));
  EXPECT_EQ(launch->stdin_text, "Do it");
  EXPECT_THAT(launch->environment,
              AllOf(Contains(Pair("IS_SANDBOX", "1")), Contains(Pair("DISABLE_TELEMETRY", "1"))));
  ASSERT_EQ(launch->home_files.size(), 1U);
  EXPECT_EQ(launch->home_files[0].path, ".claude.json");
  EXPECT_EQ(launch->home_files[0].content, R"({"hasCompletedOnboarding":true})");
  EXPECT_THAT(launch->pass_through, Contains("CLAUDE_CODE_OAUTH_TOKEN"));
  EXPECT_TRUE(is_removed(*launch, "CLAUDECODE"));
  EXPECT_TRUE(is_removed(*launch, "CLAUDECODE_X"));
  EXPECT_FALSE(is_removed(*launch, "CLAUDE_CODE_OAUTH_TOKEN"));
}

TEST(Backends, ClaudeTakesAListOfAllowedToolsAndOptions) {
  LaunchRequest request{.model = "claude-opus-4-8",
                        .max_turns = 5,
                        .max_budget_usd = 1.5,
                        .permission_policy = R"j({"allowedTools": ["Read", "Bash(git log:*)"]})j",
                        .resume_session_id = "00000000-0000-4000-8000-000000000001"};
  request.programs.claude = "/opt/claude";
  EXPECT_THAT(argv(request),
              ElementsAre("/opt/claude", "-p", "--output-format", "stream-json", "--verbose",
                          "--allowedTools", "Read", "Bash(git log:*)", "--model", "claude-opus-4-8",
                          "--max-turns", "5", "--max-budget-usd", "1.5", "--resume",
                          "00000000-0000-4000-8000-000000000001"));
  EXPECT_THAT(launch_plan(request)->environment, Not(Contains(Key("IS_SANDBOX"))));
}

TEST(Backends, ModesOfClaude) {
  EXPECT_THAT(argv({.permission_policy = R"({"mode": "skip"})"}),
              Contains("--dangerously-skip-permissions"));
  const auto strict = argv({.permission_policy = R"({"mode": "allow"})"});
  EXPECT_THAT(strict, Not(Contains("--dangerously-skip-permissions")));
  EXPECT_THAT(strict, Not(Contains("--allowedTools")));
  EXPECT_THAT(argv({.permission_policy = "null"}), Contains("--dangerously-skip-permissions"));
  for (const auto* policy : {R"({"mode": "all"})", R"({"mode": 1})", R"({"allowedTools": "Bash"})",
                             R"({"allowedTools": ["--model"]})", R"({"allowedTools": [""]})",
                             R"({"allowedTools": [1]})", "[]", "{"}) {
    const auto launch = launch_plan({.permission_policy = policy});
    ASSERT_FALSE(launch) << policy;
    EXPECT_EQ(launch.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST(Backends, DisallowedToolsHoldInBothModes) {
  EXPECT_THAT(argv({.permission_policy = R"j({"disallowedTools": ["WebFetch", "Bash(rm *)"]})j",
                    .resume_session_id = "s"}),
              ElementsAre("claude", "-p", "--output-format", "stream-json", "--verbose",
                          "--dangerously-skip-permissions", "--disallowedTools", "WebFetch",
                          "Bash(rm *)", "--resume", "s"));
  EXPECT_THAT(
      argv({.permission_policy = R"({"allowedTools": ["Read"], "disallowedTools": ["WebFetch"]})"}),
      ElementsAre("claude", "-p", "--output-format", "stream-json", "--verbose", "--allowedTools",
                  "Read", "--disallowedTools", "WebFetch"));
  EXPECT_FALSE(launch_plan({.permission_policy = R"({"disallowedTools": ["-p"]})"}));
  EXPECT_FALSE(launch_plan({.permission_policy = R"({"disallowedTools": "Bash"})"}));
}

TEST(Backends, TheConversationOfClaudeIsBelowItsHome) {
  const auto launch = launch_plan({.prompt = "x"});
  ASSERT_TRUE(launch && launch->session);
  EXPECT_EQ(launch->session->root, ".claude/projects");
  EXPECT_FALSE(
      launch_plan({.backend = "command", .permission_policy = R"({"command": "cat"})"})->session);
}

TEST(Backends, ValuesCannotBecomeOptions) {
  EXPECT_FALSE(launch_plan({.model = "--dangerously-skip-permissions"}));
  EXPECT_FALSE(launch_plan({.model = "a b"}));
  EXPECT_FALSE(launch_plan({.model = ""}));
  EXPECT_FALSE(launch_plan({.resume_session_id = "-x"}));
  EXPECT_FALSE(launch_plan({.max_turns = 0}));
  EXPECT_FALSE(launch_plan({.max_budget_usd = 0.0}));
}

TEST(Backends, ACommandIsAListOrAShellLine) {
  EXPECT_THAT(argv({.backend = "command", .permission_policy = R"({"command": ["cat", "-n"]})"}),
              ElementsAre("cat", "-n"));
  EXPECT_THAT(argv({.backend = "command", .permission_policy = R"({"command": "wc -w"})"}),
              ElementsAre("/bin/sh", "-c", "wc -w"));
  EXPECT_FALSE(launch_plan({.backend = "command"}));
  EXPECT_FALSE(launch_plan({.backend = "command", .permission_policy = R"({"command": []})"}));
  EXPECT_FALSE(launch_plan({.backend = "command", .permission_policy = R"({"command": ""})"}));
  const auto resumed = launch_plan({.backend = "command",
                                    .permission_policy = R"({"command": "cat"})",
                                    .resume_session_id = "s"});
  EXPECT_FALSE(resumed);
}

TEST(Backends, TheDemoIsThisProgram) {
  LaunchRequest request{.backend = "demo"};
  EXPECT_FALSE(launch_plan(request));
  request.programs.self = "/usr/bin/personas";
  EXPECT_THAT(argv(request), ElementsAre("/usr/bin/personas", "demo-agent"));
}

TEST(Backends, TheTableIsComplete) {
  std::set<std::string_view> names;
  for (const auto& backend : backends()) {
    names.insert(backend.name);
    EXPECT_FALSE(backend.description.empty());
    EXPECT_FALSE(backend.capability.empty());
    EXPECT_EQ(find_backend(backend.name), &backend);
  }
  EXPECT_THAT(names, ElementsAre("claude", "codex", "command", "demo", "gemini"));
  EXPECT_EQ(launch_plan({.backend = "none"}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace personas::agents
