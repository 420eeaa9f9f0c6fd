#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_world.hpp"

namespace personas::cli {
namespace {

using testing::HasSubstr;

constexpr std::string_view kRun = R"("id":"test_1","personaId":"per_2","personaVersion":3,
  "repeat":1,"total":2,"createdAt":"2027-01-15T08:00:00Z")";

std::string result(std::string_view id, std::string_view name, std::string_view verdict,
                   std::string_view more = "") {
  return fmt::format(R"({{"id":"{}","runId":"test_1","scenarioId":"scn","scenarioName":"{}",
      "repetition":1,"scenario":{{}},"executionId":"exe_{}","verdict":"{}","durationMs":1500,
      "createdAt":"2027-01-15T08:00:00Z","checks":[]{}}})",
                     id, name, id, verdict, more);
}

class TestCommand : public testing::Test {
 protected:
  TestCommand() {
    world.server.answer("GET /api/personas?limit=500", std::string(kDemoPersonas));
    world.server.answer("GET /api/personas/per_2/scenarios",
                        R"([{"id":"scn_1","expectations":[],"name":"works","prompt":"p"},
                            {"id":"scn_2","expectations":[],"name":"fails","prompt":"p"}])");
    world.server.answer("POST /api/personas/per_2/tests",
                        {.status = 202, .body = fmt::format(R"({{{},"status":"running"}})", kRun)});
  }
  void report(std::string_view status, std::string_view more, const std::string& results) {
    world.server.answer(
        "GET /api/tests/test_1",
        fmt::format(R"({{{},"status":"{}"{},"results":[{}]}})", kRun, status, more, results));
  }

  World world;
};

TEST_F(TestCommand, ShowsEachResultOnceWithWhatWasSeenAndFailsIfOneFailed) {
  report("running", R"(,"passed":1)",
         result("1", "works", "passed") + "," + result("2", "fails", "running"));
  report(
      "failed",
      R"(,"passed":1,"failed":1,"costUsd":0.5,"previousRunId":"test_0","previousVersion":2,
            "comparison":[{"scenarioName":"fails","passed":0,"total":1,"passedBefore":1,
            "totalBefore":1,"change":"broken"}])",
      result("1", "works", "passed") + "," + result("2", "fails", "failed", R"(,"costUsd":0.25)"));
  EXPECT_EQ(world.run({"test", "Reviewer"}), kExitFailed);
  const auto& out = world.terminal.output;
  EXPECT_THAT(out, HasSubstr("passed  works  1.5 s\n"));
  EXPECT_EQ(out.find("works"), out.rfind("works"));
  EXPECT_THAT(out, HasSubstr("failed  fails"));
  EXPECT_THAT(out, HasSubstr("personas logs exe_2"));
  EXPECT_THAT(out, HasSubstr("worse fails: 0 of 1, with version 2 it was 1 of 1"));
  EXPECT_THAT(out, HasSubstr("1 of 2 passed, 1 failed"));
  EXPECT_EQ(world.server.body_of("POST /api/personas/per_2/tests"), R"({"repeat":1})");
}

TEST_F(TestCommand, ShowsTheRuleThatWasBroken) {
  std::string failed = result("1", "works", "failed");
  const std::string empty = R"("checks":[])";
  failed.replace(failed.find(empty), empty.size(),
                 R"("checks":[{"rule":"toolCalled","expected":"Bash","passed":false,
                     "seen":"none"},{"rule":"maxTurns","expected":"3","passed":true,"seen":"2"}])");
  report("failed", R"(,"failed":1)", failed);
  EXPECT_EQ(world.run({"test", "Reviewer"}), kExitFailed);
  EXPECT_THAT(world.terminal.output, HasSubstr("toolCalled Bash\n        seen: none"));
  EXPECT_THAT(world.terminal.output, testing::Not(HasSubstr("maxTurns")));
}

TEST_F(TestCommand, NamesScenariosAndPassesWhenAllPass) {
  report("passed", R"(,"passed":2)", result("1", "works", "passed"));
  EXPECT_EQ(world.run({"test", "Reviewer", "--scenario", "works", "--repeat", "2"}), kExitDone);
  EXPECT_EQ(world.server.body_of("POST /api/personas/per_2/tests"),
            R"({"repeat":2,"scenarioIds":["scn_1"]})");
}

TEST_F(TestCommand, AnUnknownScenarioSuggestsTheNearest) {
  EXPECT_NE(world.run({"test", "Reviewer", "--scenario", "work"}), kExitDone);
  EXPECT_THAT(world.terminal.errors, HasSubstr("did you mean \"works\"?"));
}

}  // namespace
}  // namespace personas::cli
