#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/agents/backends.hpp"

namespace personas::agents {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

boost::json::value settings_of(const Launch& launch) {
  EXPECT_EQ(launch.home_files.size(), 1U);
  EXPECT_EQ(launch.home_files[0].path, ".gemini/settings.json");
  return boost::json::parse(launch.home_files[0].content);
}

TEST(BackendGemini, ApprovesEverythingInOurSandboxByDefault) {
  const auto launch = launch_plan({.backend = "gemini", .prompt = "Do it"});
  ASSERT_TRUE(launch) << launch.error().describe();
  EXPECT_THAT(launch->argv,
              ElementsAre("gemini", "--output-format", "stream-json", "--skip-trust", "--yolo"));
  EXPECT_EQ(launch->stdin_text, "Do it");
  EXPECT_THAT(launch->environment, Contains(Pair("GEMINI_CLI_NO_RELAUNCH", "1")));
  const auto settings = settings_of(*launch);
  EXPECT_EQ(settings.at_pointer("/security/auth/selectedType"), "gemini-api-key");
  EXPECT_EQ(settings.at_pointer("/telemetry/enabled"), false);
  EXPECT_FALSE(settings.as_object().contains("model"));
  EXPECT_TRUE(is_removed(*launch, "GEMINI_SYSTEM_MD"));
  EXPECT_FALSE(is_removed(*launch, "GEMINI_API_KEY"));
  EXPECT_EQ(token_variable("gemini", "AIza-x"), "GEMINI_API_KEY");
}

TEST(BackendGemini, OptionsAndLimits) {
  LaunchRequest request{.backend = "gemini",
                        .model = "gemini-3.8-flash",
                        .max_turns = 7,
                        .permission_policy = R"({"allowedTools": ["read_file"]})",
                        .resume_session_id = "00000000-0000-4000-8000-000000000001"};
  request.programs.gemini = "/opt/gemini";
  const auto launch = launch_plan(request);
  ASSERT_TRUE(launch) << launch.error().describe();
  EXPECT_THAT(launch->argv,
              ElementsAre("/opt/gemini", "--output-format", "stream-json", "--skip-trust",
                          "--approval-mode", "default", "--model", "gemini-3.8-flash", "--resume",
                          "00000000-0000-4000-8000-000000000001"));
  const auto settings = settings_of(*launch);
  EXPECT_EQ(settings.at_pointer("/model/maxSessionTurns"), 7);
  EXPECT_EQ(settings.at_pointer("/tools/allowed"), boost::json::array{"read_file"});
}

TEST(BackendGemini, WhatItCannotKeepIsRefused) {
  const LaunchRequest wrong[] = {
      {.backend = "gemini", .max_turns = 0},
      {.backend = "gemini", .max_budget_usd = 1.0},
      {.backend = "gemini", .permission_policy = R"({"mode": "all"})"},
      {.backend = "gemini", .permission_policy = R"({"allowedTools": "x"})"},
      {.backend = "gemini", .model = "--yolo"},
      {.backend = "gemini", .resume_session_id = "-x"}};
  for (const auto& request : wrong) {
    const auto launch = launch_plan(request);
    ASSERT_FALSE(launch);
    EXPECT_EQ(launch.error().code, ErrorCode::kInvalidRequest);
  }
}

TEST(BackendGemini, ItsConversationMovesWithTheWorkingFolder) {
  EXPECT_TRUE(kGeminiSession.wanted("workspace/chats/session-2026-11-21T13-47-15a456eb.jsonl"));
  EXPECT_FALSE(kGeminiSession.wanted("workspace/logs.jsonl"));
  EXPECT_FALSE(kGeminiSession.wanted("/chats/session-a.jsonl"));
  EXPECT_FALSE(kGeminiSession.wanted("a/b/chats/session-a.jsonl"));
  EXPECT_EQ(kGeminiSession.placed("old/chats/session-a.jsonl", "/runs/1/My Work_"),
            "my-work/chats/session-a.jsonl");
  EXPECT_EQ(kGeminiSession.placed("old/chats/session-a.jsonl", "/"),
            "project/chats/session-a.jsonl");
}

}  // namespace
}  // namespace personas::agents
