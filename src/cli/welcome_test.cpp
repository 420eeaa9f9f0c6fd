#include "test_world.hpp"

namespace personas::cli {
namespace {

// The question for the runs that failed within a day, by the clock of that world.
std::string failed_since_yesterday(const World& world) {
  std::string path = "GET /api/executions?limit=100&status=failed&since=";
  for (const char c : to_rfc3339(world.clock.wall() - hours(24))) {
    path += c == ':' ? std::string("%3A") : std::string(1, c);
  }
  return path;
}

class WelcomeTest : public ::testing::Test {
 protected:
  WelcomeTest() {
    status(true, 1);
    world_.server.answer("GET /api/personas?limit=100", std::string(kDemoPersonas));
    world_.server.answer("GET /api/reviews/pending?limit=100", "[]");
    world_.server.answer(failed_since_yesterday(world_), "[]");
  }
  void status(bool token, int workers) {
    std::string list;
    for (int i = 0; i < workers; ++i) list += list.empty() ? "{}" : ",{}";
    status_ = fmt::format(R"({{"token":{{"configured":{}}},"workers":[{}],"queue":{{"queued":1,)"
                          R"("running":2}}}})",
                          token, list);
  }
  std::string welcomed() {
    world_.server.answer("GET /api/status", status_);
    Context context = world_.context();
    EXPECT_EQ(world_.finish(welcome(context)), 0) << world_.terminal.errors;
    return world_.terminal.output;
  }
  bool says(std::string_view words) {
    return world_.terminal.output.find(words) != std::string::npos;
  }

  World world_;
  std::string status_;
};

TEST_F(WelcomeTest, WithoutAServerSaysHowToStartOne) {
  world_.server.is_down = true;
  welcomed();
  EXPECT_TRUE(says("  personas up\n"));
}

TEST_F(WelcomeTest, WhereAllIsWellItIsAShortOverview) {
  EXPECT_EQ(welcomed(),
            "2 personas, 2 running, 1 queued, 1 worker. http://server/docs\n"
            "  personas run demo \"…\" --follow              start a run and watch it\n"
            "  personas ls                                 what ran\n"
            "  personas messages --unread                  what agents have to say\n"
            "  personas --help                             everything else\n");
}

TEST_F(WelcomeTest, WithoutATokenSaysHowToConnect) {
  status(false, 0);
  welcomed();
  EXPECT_TRUE(says("personas connect claude"));
  EXPECT_TRUE(says("personas doctor"));
}

TEST_F(WelcomeTest, WhatWaitsAndWhatFailedComesFirst) {
  World fresh;
  fresh.server.answer("GET /api/status", status_);
  fresh.server.answer("GET /api/personas?limit=100", R"([{"id":"per_1","name":"demo"}])");
  fresh.server.answer("GET /api/reviews/pending?limit=100",
                      R"([{"id":"rev_1","title":"Delete?"}])");
  fresh.server.answer(failed_since_yesterday(fresh),
                      R"([{"id":"exe_1","status":"failed","failureReason":"timeout"}])");
  Context context = fresh.context();
  EXPECT_EQ(fresh.finish(welcome(context)), 0) << fresh.terminal.errors;
  const auto& out = fresh.terminal.output;
  EXPECT_TRUE(out.starts_with("A review waits for your answer:\n  personas reviews rev_1")) << out;
  EXPECT_NE(out.find("One run failed since yesterday:\n  personas show exe_1"), std::string::npos);
  EXPECT_NE(out.find("personas new"), std::string::npos) << "the demo is not a persona of theirs";
}

TEST_F(WelcomeTest, AWrongKeyIsAnErrorWithItsCure) {
  World fresh;
  fresh.server.answer("GET /api/status", CannedServer::Answer{.status = 401, .body = "{}"});
  Context context = fresh.context();
  EXPECT_EQ(fresh.finish(welcome(context)), 77);
  EXPECT_NE(fresh.terminal.errors.find("TEAM_API_KEY"), std::string::npos);
}

}  // namespace
}  // namespace personas::cli
