// Drafts of personas over the API; what their executions bring about is tested in reactions.
#include "personas/design/draft_store.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class DraftsApi : public ApiTest {
 protected:
  std::string compile(std::string body = R"({"description":"Watch our issues"})") {
    const auto answer = post("/api/personas/compile", std::move(body));
    EXPECT_EQ(answer.status, 202) << answer.text;
    return answer.at("draftId");
  }
  // As its execution would leave it.
  void settle(const std::string& id, design::DraftStatus status, std::string json) {
    write([&](store::Transaction& tx) -> Result<void> {
      TRY(auto draft, design::find_draft(tx, default_tenant(), DraftId(id)));
      draft->status = status;
      draft->draft = codec::RawJson{std::move(json)};
      return design::update_draft(tx, default_tenant(), *draft);
    });
  }
  std::string ready(std::string json, std::string body = R"({"description":"Watch"})") {
    const auto id = compile(std::move(body));
    settle(id, design::DraftStatus::kReady, std::move(json));
    return "/api/personas/drafts/" + id;
  }
};

TEST_F(DraftsApi, ADescriptionStartsAnExecutionOfItsOwnKind) {
  const auto started = post("/api/personas/compile",
                            R"({"description":"Watch our issues","backend":"demo","model":"m"})");
  ASSERT_EQ(started.status, 202) << started.text;
  const auto execution = get("/api/executions/" + started.at("executionId"));
  EXPECT_EQ(execution.at("source"), "design");
  EXPECT_THAT(execution.at("prompt"), HasSubstr("## What the user wants\n\nWatch our issues"));
  EXPECT_EQ(std::string(execution.object().at("config").at("model").as_string()), "m");
  ASSERT_THAT(executions_.queued, SizeIs(1));
  EXPECT_EQ(executions_.queued[0].backend, "demo");
  const auto draft = get("/api/personas/drafts/" + started.at("draftId"));
  EXPECT_EQ(draft.at("status"), "running");
  const auto listed = get("/api/personas/drafts");
  EXPECT_THAT(listed.json.as_array(), SizeIs(1));
}

TEST_F(DraftsApi, WrongRequestsSayWhatIsWrong) {
  EXPECT_EQ(post("/api/personas/compile", R"({"description":""})").status, 400);
  EXPECT_EQ(post("/api/personas/compile", R"({"description":"x","personaId":"per_9"})").status,
            404);
  EXPECT_EQ(get("/api/personas/drafts/draft_9").status, 404);
  EXPECT_EQ(send("POST", "/api/personas/compile", R"({"description":"x"})", {}, kViewerKey).status,
            403);
  const auto id = compile();
  EXPECT_EQ(send("GET", "/api/personas/drafts/" + id, {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(post("/api/personas/drafts/" + id + "/apply", "{}").status, 422);
  EXPECT_EQ(post("/api/personas/drafts/" + id + "/revise", "{}").status, 409);
}

TEST_F(DraftsApi, AReadyDraftShowsItsChangesAndIsAppliedOnce) {
  const auto draft = ready(
      R"({"persona":{"name":"Watcher","maxTurns":7},"tools":[{"library":"github"},
          {"name":"board","description":"The board","implementationGuide":"Use curl."}],
          "connectors":[{"serviceType":"jira"}],"feasibility":{"score":90}})");
  const auto shown = get(draft);
  EXPECT_THAT(shown.at("changes"), HasSubstr(R"("field":"maxTurns")"));
  EXPECT_THAT(shown.at("changes"), HasSubstr(R"("field":"tool board.implementationGuide")"));
  EXPECT_THAT(shown.at("changes"), testing::Not(HasSubstr("designContext")));
  EXPECT_THAT(shown.at("missingConnectors"), HasSubstr("jira"));
  EXPECT_EQ(shown.at("conflicts"), "[]");
  EXPECT_EQ(get("/api/personas").json.as_array().size(), 0U) << "showing changes nothing";

  const auto persona = post(draft + "/apply", "{}");
  ASSERT_EQ(persona.status, 200) << persona.text;
  EXPECT_EQ(persona.at("maxTurns"), "7");
  const auto tools = get("/api/personas/" + persona.at("id") + "/tools");
  EXPECT_THAT(tools.json.as_array(), SizeIs(2));
  EXPECT_EQ(get(draft).at("status"), "applied");
  EXPECT_EQ(get(draft).at("personaId"), persona.at("id"));
  EXPECT_EQ(post(draft + "/apply", "{}").status, 409);
}

TEST_F(DraftsApi, NamesThatAreTakenAreToldAndCanBeGivenWayTo) {
  make_persona("Watcher");
  post("/api/tool-definitions", R"({"name":"board","implementationGuide":"Theirs."})");
  const auto draft = ready(R"({"persona":{"name":"Watcher"},"tools":[{"name":"board",
      "implementationGuide":"Mine."}],"feasibility":{"score":90}})");
  const auto shown = get(draft);
  EXPECT_EQ(shown.object().at("conflicts").as_array().size(), 2U) << shown.text;
  const auto refused = post(draft + "/apply", "{}");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.at("detail"), HasSubstr("reuseTools"));
  const auto applied = post(draft + "/apply", R"({"name":"Watcher 2","reuseTools":true})");
  ASSERT_EQ(applied.status, 200) << applied.text;
  const auto tools = get("/api/personas/" + applied.at("id") + "/tools");
  EXPECT_THAT(tools.text, HasSubstr("Theirs."));
}

TEST_F(DraftsApi, AChangeMakesANewVersionOfThePersona) {
  const auto persona = make_persona("Watcher");
  const auto draft = ready(R"({"persona":{"maxTurns":7},"feasibility":{"score":90}})",
                           R"({"description":"Stricter","personaId":")" + persona + R"("})");
  EXPECT_THAT(get(draft).at("changes"),
              HasSubstr(R"([{"field":"maxTurns","before":null,"after":7)"));
  ASSERT_EQ(post(draft + "/apply", "{}").status, 200);
  const auto versions = get("/api/personas/" + persona + "/versions");
  EXPECT_THAT(versions.text, HasSubstr("designed: Stricter"));
  EXPECT_EQ(get("/api/personas/" + persona).at("version"), "2");
}

TEST_F(DraftsApi, ARevisionIsToldTheDraftAndItsProblems) {
  const auto id = compile();
  settle(id, design::DraftStatus::kInvalid, R"({"persona":{"nam":"W"}})");
  const auto revised = post("/api/personas/drafts/" + id + "/revise", R"({"feedback":"Shorter"})");
  ASSERT_EQ(revised.status, 202) << revised.text;
  const auto prompt = get("/api/executions/" + revised.at("executionId")).at("prompt");
  EXPECT_THAT(prompt, HasSubstr(R"({"persona":{"nam":"W"}})"));
  EXPECT_THAT(prompt, HasSubstr("Shorter"));
  EXPECT_EQ(get("/api/personas/drafts/" + revised.at("draftId")).at("revises"), id);
}

TEST_F(DraftsApi, DeletingOneThatIsBeingWrittenCancelsItsExecution) {
  const auto started = post("/api/personas/compile", R"({"description":"x"})");
  EXPECT_EQ(send("DELETE", "/api/personas/drafts/" + started.at("draftId")).status, 204);
  EXPECT_EQ(get("/api/executions/" + started.at("executionId")).at("status"), "cancelled");
  EXPECT_THAT(executions_.cancelled, testing::ElementsAre(started.at("executionId")));
  EXPECT_EQ(get("/api/personas/drafts/" + started.at("draftId")).status, 404);
}

}  // namespace
}  // namespace personas::http_api
