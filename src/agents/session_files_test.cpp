#include "personas/agents/session_files.hpp"

#include <gtest/gtest.h>

namespace personas::agents {
namespace {

// The names are those that the real CLI made.
TEST(ClaudeSession, AProjectIsNamedAfterTheWorkingFolder) {
  EXPECT_EQ(claude_project("/tmp/cx/w1 dir_ä.x"), "-tmp-cx-w1-dir---x");
  EXPECT_EQ(claude_project("/workspace"), "-workspace");
  EXPECT_EQ(claude_project("/a/🙂"), "-a---");
}

TEST(ClaudeSession, ALongNameIsCutAndGetsAHash) {
  const std::string path = "/tmp/cx/" + std::string(120, 'a') + "/" + std::string(120, 'b');
  EXPECT_EQ(claude_project(path),
            "-tmp-cx-" + std::string(120, 'a') + "-" + std::string(71, 'b') + "-ngckvw");
}

TEST(ClaudeSession, OnlyTheConversationIsWanted) {
  const auto wanted = kClaudeSession.wanted;
  const std::string id = "9dfd2856-e578-42e8-8187-92e9c3345983";
  EXPECT_TRUE(wanted("-workspace/" + id + ".jsonl"));
  EXPECT_FALSE(wanted("-workspace/" + id + "/subagents/agent-a0293bebc69bb14a4.jsonl"));
  EXPECT_FALSE(wanted("-workspace/agent-a47c5e1.jsonl"));
  EXPECT_FALSE(wanted("-workspace/" + id + "/tool-results/1.txt"));
  EXPECT_FALSE(wanted(id + ".jsonl"));
}

TEST(ClaudeSession, AConversationMovesToTheProjectOfAnotherFolder) {
  EXPECT_EQ(kClaudeSession.placed("-tmp-a/s.jsonl", "/tmp/b"), "-tmp-b/s.jsonl");
}

}  // namespace
}  // namespace personas::agents
