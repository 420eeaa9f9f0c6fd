// Reviews, messages, memories, and one run whole.
#include "test_world.hpp"

namespace personas::cli {
namespace {

constexpr std::string_view kPending = "GET /api/reviews/pending?limit=500";
constexpr std::string_view kOneReview =
    R"([{"id":"rev_1x","executionId":"exe_9","title":"Delete?","description":"All of it",)"
    R"("severity":"high","suggestedActions":["Keep one"],"createdAt":"2027-01-15T08:00:00Z"}])";
const std::string kRespond = "POST /api/executions/exe_9/reviews/rev_1x/respond";

TEST(Reviews, OneIsShownWithAllThatHelpsToDecide) {
  World world;
  world.server.answer(std::string(kPending), std::string(kOneReview));
  EXPECT_EQ(world.run({"reviews", "last"}), 0) << world.terminal.errors;
  for (const auto* words : {"Delete?", "All of it", "Keep one", "personas approve rev_1x"}) {
    EXPECT_NE(world.terminal.output.find(words), std::string::npos) << words;
  }
}

TEST(Reviews, APersonIsAskedForAWordBeforeTheAnswerGoesOut) {
  World world;
  world.server.answer(std::string(kPending), std::string(kOneReview));
  world.server.answer(kRespond, "{}");
  world.terminal.answers = {"but keep one"};
  EXPECT_EQ(world.run({"approve", "last"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.errors.find("All of it"), std::string::npos);
  EXPECT_EQ(world.server.body_of(kRespond), R"({"decision":"approved","message":"but keep one"})");
}

TEST(Messages, WhatIsReadWholeIsMarkedAsRead) {
  World world;
  world.server.answer("GET /api/messages?limit=500",
                      R"([{"id":"msg_1","title":"T","content":"Line one\nLine two"}])");
  world.server.answer("PATCH /api/messages/msg_1", "{}");
  EXPECT_EQ(world.run({"messages", "1"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("Line one\nLine two\n"), std::string::npos);
  EXPECT_EQ(world.server.body_of("PATCH /api/messages/msg_1"), R"({"read":true})");
}

TEST(Messages, OnlyUnreadOnesAreMarked) {
  World world;
  world.server.answer("GET /api/messages?limit=50",
                      R"([{"id":"msg_1","content":"a","read":true},{"id":"msg_2","content":"b"}])");
  world.server.answer("PATCH /api/messages/msg_2", "{}");
  EXPECT_EQ(world.run({"messages", "--mark-read"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.server.requests.size(), 2U);
}

TEST(MemoryCommand, AddsChangesAndForgets) {
  World world;
  const std::string memory = R"({"id":"mem_1","title":"When","content":"At 9"})";
  world.server.answer("GET /api/personas?limit=500", std::string(kDemoPersonas));
  world.server.answer("POST /api/memories", memory);
  EXPECT_EQ(world.run({"memory", "add", "When", "At 9", "--persona", "demo", "--importance", "8"}),
            0)
      << world.terminal.errors;
  EXPECT_EQ(world.server.body_of("POST /api/memories"),
            R"({"title":"When","content":"At 9","importance":8,"personaId":"per_1"})");
  world.server.answer("GET /api/memories?limit=500", "[" + memory + "]");
  world.server.answer("PATCH /api/memories/mem_1", memory);
  EXPECT_EQ(world.run({"memory", "edit", "1", "--content", "At 10"}), 0) << world.terminal.errors;
  EXPECT_EQ(world.server.body_of("PATCH /api/memories/mem_1"), R"({"content":"At 10"})");
  world.server.answer("DELETE /api/memories/mem_1", CannedServer::Answer{.status = 204});
  EXPECT_EQ(world.run({"memory", "forget", "last"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("forgotten: When\n"), std::string::npos);
}

TEST(MemoryCommand, SaysWhatIsMissing) {
  World world;
  EXPECT_EQ(world.run({"memory", "add", "When", "At 9"}), 64);
  EXPECT_NE(world.terminal.errors.find("--persona"), std::string::npos);
  world.server.answer("GET /api/memories?limit=500",
                      R"([{"id":"mem_1","title":"t","content":"c"}])");
  EXPECT_EQ(world.run({"memory", "edit", "1"}), 64);
  EXPECT_NE(world.terminal.errors.find("--content"), std::string::npos);
  EXPECT_EQ(world.run({"memory", "show", "nothing"}), 66);
}

TEST(MemoryCommand, SearchesOnTheServer) {
  World world;
  world.server.answer("GET /api/memories?limit=50&shared=true&q=a%20b",
                      R"([{"id":"mem_1","title":"When","content":"At 9"}])");
  world.server.answer("GET /api/personas?limit=500", "[]");
  EXPECT_EQ(world.run({"memory", "ls", "--shared", "--query", "a b"}), 0) << world.terminal.errors;
  EXPECT_NE(world.terminal.output.find("(all)"), std::string::npos);
}

TEST(Show, HasEverythingOfARun) {
  World world;
  const std::string path = "GET /api/executions/" + kExecutionId;
  world.server.answer(
      path, execution_json("failed", R"(,"failureReason":"timeout","attempts":[{"attempt":1,)"
                                     R"("status":"failed","turns":2,"costUsd":0.5,)"
                                     R"("failureReason":"timeout"}])"));
  world.server.answer(path + "/turns?limit=500",
                      R"([{"attempt":1,"turn":1,"text":"I look","tools":[{"id":"t","name":"Bash",)"
                      R"("state":"failed","durationMs":1200}],"usage":{"inputTokens":1500}}])");
  world.server.answer(path + "/reviews", std::string(kOneReview));
  world.server.answer("GET /api/messages?executionId=" + kExecutionId + "&limit=500",
                      R"([{"id":"msg_1","content":"Said so"}])");
  EXPECT_EQ(world.run({"show", kExecutionId}), 0) << world.terminal.errors;
  for (const auto* words : {"reason: timeout", "task: Say hello", "$0.5000", "Bash 1.2 s (failed)",
                            "1.5k", "I look", "Delete?", "Said so"}) {
    EXPECT_NE(world.terminal.output.find(words), std::string::npos) << words;
  }
  world.terminal.output.clear();
  EXPECT_EQ(world.run({"show", kExecutionId, "--json"}), 0);
  const auto whole = boost::json::parse(world.terminal.output).as_object();
  EXPECT_EQ(whole.at("turns").as_array().size(), 1U);
  EXPECT_TRUE(whole.at("diagnosis").is_null());
}

TEST(Quiet, SaysResultsAndErrorsOnly) {
  World world;
  world.server.answer("GET /api/executions?limit=50", "[]");
  world.server.answer("GET /api/personas?limit=500", "[]");
  EXPECT_EQ(world.run({"ls", "--quiet"}), 0);
  EXPECT_EQ(world.terminal.both, "");
  EXPECT_EQ(world.run({"show", "../x", "--quiet"}), 64);
  EXPECT_NE(world.terminal.errors, "");
}

}  // namespace
}  // namespace personas::cli
