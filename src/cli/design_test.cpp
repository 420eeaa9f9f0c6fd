#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_world.hpp"

namespace personas::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kDraft = R"("id":"draft_1","executionId":"exe_1","personaId":null,
  "revises":null,"description":"Watch it","createdAt":"2027-01-15T08:00:00Z",
  "updatedAt":"2027-01-15T08:00:00Z")";

class NewFromWords : public testing::Test {
 protected:
  NewFromWords() {
    world.server.answer("POST /api/personas/compile",
                        {.status = 202, .body = R"({"executionId":"exe_1","draftId":"draft_1"})"});
    world.server.answer("GET /api/executions/exe_1?output=none", execution_json("running"));
    world.server.answer("GET /api/personas/drafts/draft_1", draft("running", "null"));
    world.server.answer("POST /api/personas/drafts/draft_1/apply",
                        R"({"id":"per_9","name":"Watcher","createdAt":"2027-01-15T08:00:00Z"})");
  }
  static std::string draft(std::string_view status, std::string_view json,
                           std::string_view more = R"("problems":[])") {
    return fmt::format(R"({{{},"status":"{}","draft":{},{}}})", kDraft, status, json, more);
  }
  void ready() {
    world.server.answer(
        "GET /api/personas/drafts/draft_1",
        draft("ready",
              R"({"persona":{"name":"Watcher"},"triggers":[{"type":"schedule",
                  "config":{"cron":"@daily"},"why":"each day"}],
                  "feasibility":{"score":35,"risks":["It may miss some"]}})",
              R"("problems":[],"changes":[{"field":"name","before":"","after":"Watcher"}],
                 "missingConnectors":[{"serviceType":"jira","fields":["token"],"why":"to read"}],
                 "conflicts":[{"path":"/persona/name","message":"the name is taken"}])"));
  }

  World world;
};

TEST_F(NewFromWords, ShowsTheDraftAndWhatIsMissingAndAppliesItOnConsent) {
  ready();
  world.terminal.answers = {"y"};
  EXPECT_EQ(world.run({"new", "Watch it", "--backend", "demo"}), kExitDone);
  EXPECT_EQ(world.server.body_of("POST /api/personas/compile"),
            R"({"description":"Watch it","backend":"demo"})");
  EXPECT_THAT(world.terminal.errors, HasSubstr("apply?"));
  const auto& out = world.terminal.output;
  EXPECT_THAT(out, HasSubstr("+ Watcher"));
  EXPECT_THAT(out, HasSubstr("trigger schedule {\"cron\":\"@daily\"} each day"));
  EXPECT_THAT(out, HasSubstr("feasibility 35 of 100"));
  EXPECT_THAT(out, HasSubstr("risk: It may miss some"));
  EXPECT_THAT(out, HasSubstr("missing: a jira credential to read"));
  EXPECT_THAT(out, HasSubstr("personas connector show jira"));
  EXPECT_THAT(out, HasSubstr("in the way: the name is taken"));
  EXPECT_THAT(out, HasSubstr("created persona Watcher (per_9)"));
  EXPECT_THAT(world.terminal.errors, HasSubstr("running"));
}

TEST_F(NewFromWords, ChangesNothingWithoutAYes) {
  ready();
  world.terminal.answers = {"n"};
  EXPECT_EQ(world.run({"new", "Watch it"}), kExitDone);
  EXPECT_EQ(world.server.body_of("POST /api/personas/drafts/draft_1/apply"), "(none)");
  EXPECT_THAT(world.terminal.errors, HasSubstr("the draft is kept as draft_1"));
  EXPECT_THAT(world.terminal.output, Not(HasSubstr("created")));
}

TEST_F(NewFromWords, NobodyIsAskedInAPipeAndYesNeedsNoAnswer) {
  ready();
  EXPECT_EQ(world.run({"new", "Watch it"}), kExitDone);
  EXPECT_EQ(world.server.body_of("POST /api/personas/drafts/draft_1/apply"), "(none)");
  EXPECT_EQ(world.run({"new", "Watch it", "--yes", "--name", "Mine"}), kExitDone);
  EXPECT_EQ(world.server.body_of("POST /api/personas/drafts/draft_1/apply"), R"({"name":"Mine"})");
}

TEST_F(NewFromWords, ADraftThatCannotBeUsedSaysWhy) {
  world.server.answer("GET /api/personas/drafts/draft_1",
                      draft("invalid", R"({"persona":{}})",
                            R"("problems":[{"path":"/persona/name","message":"is missing"}])"));
  EXPECT_NE(world.run({"new", "Watch it", "--yes"}), kExitDone);
  EXPECT_THAT(world.terminal.errors, HasSubstr("The draft cannot be used"));
  EXPECT_THAT(world.terminal.errors, HasSubstr("/persona/name: is missing"));
  EXPECT_THAT(world.terminal.errors, HasSubstr("personas logs exe_1"));
}

TEST_F(NewFromWords, EditNamesThePersonaToBeChanged) {
  ready();
  world.server.answer("GET /api/personas?limit=500", std::string(kDemoPersonas));
  EXPECT_EQ(world.run({"edit", "Reviewer", "Make it stricter", "-y"}), kExitDone);
  EXPECT_EQ(world.server.body_of("POST /api/personas/compile"),
            R"({"description":"Make it stricter","personaId":"per_2"})");
  EXPECT_THAT(world.terminal.output, HasSubstr("updated persona"));
}

TEST_F(NewFromWords, WordsAndATemplateDoNotGoTogether) {
  EXPECT_NE(world.run({"new", "Watch it", "--template", "x"}), kExitDone);
  EXPECT_THAT(world.terminal.errors, HasSubstr("either a description or --template"));
}

}  // namespace
}  // namespace personas::cli
