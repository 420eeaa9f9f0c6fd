// Groups, versions and what else makes personas a craft, over the API.
#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class CatalogApi : public ApiTest {
 protected:
  std::string make_tool(std::string_view name) {
    return post("/api/tool-definitions", R"({"name":")" + std::string(name) + R"("})").at("id");
  }
  std::string version(const std::string& persona) {
    return get("/api/personas/" + persona).at("version");
  }
  // "3 [model] why" per line, newest first.
  std::string history(const std::string& persona) {
    std::string out;
    const auto rows = get("/api/personas/" + persona + "/versions");
    for (const auto& row : rows.json.as_array()) {
      const auto& object = row.as_object();
      out += codec::serialize(object.at("version")) + " " + codec::serialize(object.at("changed")) +
             " " + std::string(object.at("note").as_string()) + "\n";
    }
    return out;
  }
};

TEST_F(CatalogApi, GroupsAreKeptInTheirOrder) {
  const auto later = post("/api/groups", R"({"name":"Ops","sortOrder":2,"color":"red"})");
  ASSERT_EQ(later.status, 201) << later.text;
  EXPECT_THAT(later.at("id"), testing::StartsWith("grp_"));
  const auto first = post("/api/groups", R"({"name":"Code","sortOrder":1})");
  const auto list = get("/api/groups");
  ASSERT_EQ(list.json.as_array().size(), 2U);
  EXPECT_EQ(list.json.as_array()[0].as_object().at("name").as_string(), "Code");
  EXPECT_EQ(get("/api/groups/" + later.at("id")).text, later.text);
  const auto patched = send("PATCH", "/api/groups/" + later.at("id"), R"({"sortOrder":0})");
  EXPECT_EQ(patched.at("color"), "red");
  EXPECT_EQ(get("/api/groups").json.as_array()[0].as_object().at("name").as_string(), "Ops");
  const auto taken = send("PATCH", "/api/groups/" + first.at("id"), R"({"name":"Ops"})");
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.at("error"), HasSubstr(later.at("id")));
  EXPECT_EQ(send("GET", "/api/groups/" + later.at("id"), "", {}, kOtherKey).status, 404);
}

TEST_F(CatalogApi, APersonaNamesAGroupOnceThereAreAny) {
  EXPECT_EQ(post("/api/personas", R"({"name":"old","groupId":"any words"})").status, 201);
  const auto group = post("/api/groups", R"({"name":"Code"})").at("id");
  const auto wrong = post("/api/personas", R"({"name":"new","groupId":"other"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.at("fields"), HasSubstr("/groupId"));
  const auto made = post("/api/personas", R"({"name":"new","groupId":")" + group + R"("})");
  EXPECT_EQ(made.status, 201);
  const auto members = get("/api/personas?groupId=" + group);
  ASSERT_EQ(members.json.as_array().size(), 1U);
  // What was there before may stay.
  const auto old = get("/api/personas").json.as_array()[0].as_object().at("id").as_string();
  EXPECT_EQ(send("PATCH", "/api/personas/" + std::string(old), R"({"description":"x"})").status,
            200);
  EXPECT_EQ(send("DELETE", "/api/groups/" + group).status, 204);
  EXPECT_EQ(get("/api/personas/" + made.at("id")).at("groupId"), "null");
}

TEST_F(CatalogApi, AChangeOfTheAgentMakesAVersion) {
  const auto id = make_persona("a");
  const auto path = "/api/personas/" + id;
  EXPECT_EQ(version(id), "1");
  EXPECT_EQ(
      send("PATCH", path + "?note=cheaper", R"({"model":"haiku","maxTurns":5})").at("version"),
      "2");
  EXPECT_EQ(send("PATCH", path, R"({"enabled":false,"icon":"x","color":"red"})").at("version"),
            "2");
  EXPECT_EQ(send("PATCH", path, R"({"model":"haiku","version":9})").at("version"), "2");
  const auto tool = make_tool("mail");
  EXPECT_EQ(post(path + "/tools", R"({"toolId":")" + tool + R"("})").status, 201);
  EXPECT_EQ(post(path + "/tools", R"({"toolId":")" + tool + R"("})").status, 201);
  EXPECT_EQ(version(id), "3");
  EXPECT_EQ(send("DELETE", path + "/tools/" + tool).status, 204);
  EXPECT_EQ(history(id),
            "4 [\"tools\"] \n3 [\"tools\"] \n2 [\"model\",\"maxTurns\"] cheaper\n1 [] \n");
  const auto page = get(path + "/versions?limit=3");
  EXPECT_EQ(page.json.as_array().size(), 3U);
  const auto rest =
      get(path + "/versions?limit=3&cursor=" + std::string(page.headers.get("X-Next-Cursor")));
  EXPECT_EQ(rest.json.as_array().size(), 1U);
}

TEST_F(CatalogApi, VersionsHoldNoSecretAndAreComparedByField) {
  const auto made = post("/api/personas", R"({"name":"a","webhookSecret":"hush-hush",
      "systemPrompt":"one\ntwo\nthree","structuredPrompt":{"identity":"You"}})");
  const auto path = "/api/personas/" + made.at("id");
  send("PATCH", path, R"({"systemPrompt":"one\n2\nthree","structuredPrompt":{"identity":"They"}})");
  const auto first = get(path + "/versions/1");
  EXPECT_THAT(first.at("snapshot"), HasSubstr("three"));
  EXPECT_THAT(first.at("snapshot"), HasSubstr(R"("tools":[])"));
  EXPECT_THAT(first.text, testing::Not(HasSubstr("hush")));
  EXPECT_THAT(first.text, testing::Not(HasSubstr("webhookSecret")));
  const auto diff = get(path + "/versions/1/diff/2");
  EXPECT_EQ(diff.at("changes"),
            R"([{"field":"systemPrompt","before":"one\ntwo\nthree","after":"one\n2\nthree",)"
            R"("lines":[{"op":"same","text":"one"},{"op":"removed","text":"two"},)"
            R"({"op":"added","text":"2"},{"op":"same","text":"three"}]},)"
            R"({"field":"structuredPrompt.identity","before":"You","after":"They","lines":null}])");
  EXPECT_EQ(get(path + "/versions/1/diff/7").status, 404);
  EXPECT_EQ(get(path + "/versions/x").status, 404);
  EXPECT_EQ(send("GET", path + "/versions/1", "", {}, kOtherKey).status, 404);
}

TEST_F(CatalogApi, RestoringMakesTheAgentWhatItWasAndANewVersion) {
  const auto id = make_persona("a");
  const auto path = "/api/personas/" + id;
  const auto tool = make_tool("mail");
  post(path + "/tools", R"({"toolId":")" + tool + R"("})");
  send("PATCH", path, R"({"name":"b","model":"m","enabled":false})");
  send("DELETE", path + "/tools/" + tool);
  const auto restored = post(path + "/versions/2/restore");
  ASSERT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(restored.at("version"), "5");
  EXPECT_EQ(restored.at("name"), "a");
  EXPECT_EQ(restored.at("model"), "null");
  EXPECT_EQ(restored.at("enabled"), "false");  // not what the agent is
  EXPECT_EQ(get(path + "/tools").json.as_array().size(), 1U);
  EXPECT_EQ(get(path + "/versions/2/diff/5").at("changes"), "[]");
  EXPECT_THAT(history(id), testing::StartsWith(R"(5 ["name","model","tools"] restored version 2)"));

  send("DELETE", "/api/tool-definitions/" + tool);
  const auto gone = post(path + "/versions/3/restore");
  EXPECT_EQ(gone.status, 422);
  EXPECT_THAT(gone.at("error"), HasSubstr("'mail'"));
}

TEST_F(CatalogApi, APersonaOfBeforeTheVersionsGetsItsFirstWhenItChanges) {
  const auto id = make_persona("a");
  static const store::Sql kForget("DELETE FROM persona_versions");
  write([](store::Transaction& tx) { return tx.execute(kForget, {}); });
  EXPECT_EQ(history(id), "1 [] \n");
  send("PATCH", "/api/personas/" + id, R"({"model":"m"})");
  EXPECT_EQ(history(id), "2 [\"model\"] \n1 [] \n");
  EXPECT_EQ(get("/api/personas/" + id + "/versions/1/diff/2")
                .json.as_object()
                .at("changes")
                .as_array()
                .size(),
            1U);
}

TEST_F(CatalogApi, ADeletedPersonasIdMayBeUsedAgain) {
  post("/api/personas", R"({"id":"mine","name":"a"})");
  EXPECT_EQ(send("DELETE", "/api/personas/mine").status, 204);
  EXPECT_EQ(post("/api/personas", R"({"id":"mine","name":"b"})").status, 201);
  EXPECT_EQ(history("mine"), "1 [] \n");
}

std::string things(const Answer& answer) {
  std::string out;
  if (!answer.json.is_object() || !answer.object().contains("things")) return answer.text;
  for (const auto& entry : answer.object().at("things").as_array()) {
    const auto& thing = entry.as_object();
    out += std::string(thing.at("result").as_string()) + " " +
           std::string(thing.at("kind").as_string()) + " " +
           std::string(thing.at("name").as_string()) + "\n";
  }
  return out;
}

constexpr std::string_view kTeam = R"("documents":[
  {"name":"Sorter","tools":["mail","http"],"group":"Ops","maxTurns":5,"webhookSecret":"hush"},
  {"kind":"Tool","name":"mail","implementationGuide":"Read it.\nSort it.\n"},
  {"kind":"Group","name":"Ops","color":"red"}])";

TEST_F(CatalogApi, ImportMakesAllOfItWhateverTheOrder) {
  const std::string body = "{" + std::string(kTeam) + "}";
  const auto dry = post("/api/import", "{\"dryRun\":true," + std::string(kTeam) + "}");
  EXPECT_EQ(things(dry), "created Persona Sorter\ncreated Tool mail\ncreated Group Ops\n");
  EXPECT_EQ(get("/api/personas").text, "[]");
  EXPECT_EQ(get("/api/tool-definitions").text, "[]");
  const auto made = post("/api/import", body);
  EXPECT_EQ(things(made), "created Persona Sorter\ncreated Tool mail\ncreated Group Ops\n");
  EXPECT_EQ(made.at("connectors"), R"(["http"])");
  EXPECT_THAT(made.text, testing::Not(HasSubstr("hush")));
  const auto id =
      std::string(made.object().at("things").as_array()[0].as_object().at("id").as_string());
  EXPECT_EQ(get("/api/personas/" + id + "/tools").json.as_array().size(), 2U);
  EXPECT_EQ(history(id), "1 [] imported\n");
  EXPECT_EQ(things(post("/api/import", body)),
            "unchanged Persona Sorter\nunchanged Tool mail\nunchanged Group Ops\n");
  EXPECT_EQ(version(id), "1");
}

TEST_F(CatalogApi, ImportMergesOrReplaces) {
  post("/api/import", "{" + std::string(kTeam) + "}");
  const auto merged = post("/api/import", R"({"documents":[{"name":"Sorter","model":"m"}]})");
  EXPECT_EQ(merged.object().at("things").as_array()[0].as_object().at("changes").as_array().size(),
            1U);
  const auto replaced =
      post("/api/import", R"({"mode":"replace","documents":[{"name":"Sorter","model":"m"}]})");
  EXPECT_THAT(replaced.text, HasSubstr(R"("field":"maxTurns","before":5,"after":null)"));
  EXPECT_THAT(replaced.text, HasSubstr(R"("field":"group","before":"Ops","after":null)"));
  EXPECT_THAT(replaced.text, HasSubstr(R"("field":"tools","before":["http","mail"],"after":[])"));
}

TEST_F(CatalogApi, AnImportWithAMistakeChangesNothingAndNamesAllOfThem) {
  const auto wrong = post("/api/import", R"({"documents":[{"kind":"Tool","name":"mail"},
      {"name":"a","maxTurn":1},{"kind":"Group"}]})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.at("fields"), HasSubstr("/documents/1/maxTurn"));
  EXPECT_THAT(wrong.at("fields"), HasSubstr("/documents/2/name"));
  const auto unknown = post("/api/import", R"({"documents":[{"kind":"Tool","name":"mail"},
      {"name":"a","tools":["nothing"]}]})");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.at("fields"), HasSubstr("/documents/1/tools"));
  const auto nothing = post("/api/import", R"({"documents":[null]})");
  EXPECT_EQ(nothing.at("code"), "invalid_request");
  EXPECT_THAT(nothing.at("fields"), HasSubstr("/documents/0"));
  const auto no_group = post("/api/import", R"({"documents":[{"name":"a","group":"No"}]})");
  EXPECT_THAT(no_group.at("fields"), HasSubstr("/documents/0/group"));
  EXPECT_EQ(get("/api/tool-definitions").text, "[]");
}

TEST_F(CatalogApi, AnExportHasNoSecretAndNoId) {
  const auto made = post("/api/import", "{" + std::string(kTeam) + "}");
  const auto id =
      std::string(made.object().at("things").as_array()[0].as_object().at("id").as_string());
  const auto exported = get("/api/personas/" + id + "/export");
  EXPECT_THAT(exported.headers.get("Content-Type"), testing::StartsWith("application/yaml"));
  EXPECT_THAT(exported.text, testing::StartsWith("kind: Group\nname: Ops\ncolor: red\n---\n"));
  EXPECT_THAT(exported.text, HasSubstr("implementationGuide: |\n  Read it.\n  Sort it.\n"));
  EXPECT_THAT(exported.text, HasSubstr("kind: Persona\nname: Sorter\nmaxTurns: 5\ngroup: Ops\n"));
  EXPECT_THAT(exported.text, testing::Not(HasSubstr("hush")));
  EXPECT_THAT(exported.text, testing::Not(HasSubstr(id)));
}

TEST_F(CatalogApi, EveryTemplateMakesAPersonaWithItsTools) {
  const auto templates = get("/api/templates");
  ASSERT_EQ(templates.json.as_array().size(), 8U);
  for (const auto& entry : templates.json.as_array()) {
    const auto id = std::string(entry.as_object().at("id").as_string());
    SCOPED_TRACE(id);
    EXPECT_EQ(get("/api/templates/" + id).status, 200);
    const auto made = post("/api/personas/from-template", R"({"template":")" + id + R"("})");
    ASSERT_EQ(made.status, 201) << made.text;
    EXPECT_THAT(made.at("designContext"), HasSubstr("suggestedTrigger"));
    const auto tools = get("/api/personas/" + made.at("id") + "/tools");
    EXPECT_EQ(tools.json.as_array().size(), entry.as_object().at("tools").as_array().size());
    EXPECT_EQ(history(made.at("id")), "1 [] from template " + id + "\n");
    const auto again = post("/api/personas/from-template", R"({"template":")" + id + R"("})");
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(post("/api/personas/from-template",
                   R"({"template":")" + id + R"(","name":"Another )" + id + R"("})")
                  .status,
              201);
  }
  EXPECT_EQ(get("/api/tool-definitions").json.as_array().size(), 5U);
  EXPECT_EQ(post("/api/personas/from-template", R"({"template":"no"})").status, 404);
}

TEST_F(CatalogApi, ALibraryToolIsInstalledOnceAndNeverOverAChange) {
  const std::string path = "/api/tool-library/gitlab/install";
  const auto first = post(path);
  ASSERT_EQ(first.status, 201) << first.text;
  EXPECT_THAT(first.at("implementationGuide"), HasSubstr("CONNECTOR_GITLAB_TOKEN"));
  const auto again = post(path);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.at("id"), first.at("id"));
  const auto state = [this] {
    const auto list = get("/api/tool-library");
    for (const auto& entry : list.json.as_array()) {
      if (entry.as_object().at("tool").as_object().at("name").as_string() == "gitlab") {
        return std::string(entry.as_object().at("state").as_string());
      }
    }
    return std::string("missing");
  };
  EXPECT_EQ(state(), "installed");
  send("PUT", "/api/tool-definitions/" + first.at("id"),
       R"({"name":"gitlab","implementationGuide":"ours"})");
  EXPECT_EQ(state(), "changed");
  const auto refused = post(path);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.at("error"), HasSubstr("force"));
  EXPECT_EQ(post(path + "?force=true").status, 200);
  EXPECT_EQ(state(), "installed");
  EXPECT_EQ(post("/api/tool-library/none/install").status, 404);
  static const store::Sql kOlder("UPDATE tool_installs SET version = 0");
  write([](store::Transaction& tx) { return tx.execute(kOlder, {}); });
  EXPECT_EQ(state(), "outdated");
  EXPECT_EQ(post(path).status, 200);
  EXPECT_EQ(state(), "installed");
}

TEST_F(CatalogApi, ConnectorsSayWhatTheyNeed) {
  EXPECT_EQ(get("/api/connectors").json.as_array().size(), 5U);
  const auto gmail = get("/api/connectors/gmail");
  EXPECT_THAT(gmail.at("fields"), HasSubstr("refresh_token"));
  EXPECT_EQ(get("/api/connectors/none").status, 404);
}

TEST_F(CatalogApi, ThePromptIsShownWithoutARun) {
  const auto made = post("/api/import", "{" + std::string(kTeam) + "}");
  const auto id =
      std::string(made.object().at("things").as_array()[0].as_object().at("id").as_string());
  const auto shown = post("/api/personas/" + id + "/prompt",
                          R"({"prompt":"Sort today.","inputData":{"day":"today"}})");
  ASSERT_EQ(shown.status, 200) << shown.text;
  const auto prompt = shown.at("prompt");
  EXPECT_THAT(prompt, testing::StartsWith("# Persona: Sorter\n"));
  EXPECT_THAT(prompt, HasSubstr("### mail\n\nRead it.\nSort it."));
  EXPECT_THAT(prompt, HasSubstr(R"({"day":"today"})"));
  EXPECT_THAT(prompt, HasSubstr("Sort today."));
  EXPECT_EQ(shown.at("bytes"), std::to_string(prompt.size()));
  EXPECT_EQ(shown.at("estimatedTokens"), std::to_string((prompt.size() + 3) / 4));
  EXPECT_TRUE(executions_.queued.empty());
  EXPECT_EQ(get("/api/executions").text, "[]");
  EXPECT_EQ(send("POST", "/api/personas/" + id + "/prompt", "{}", {}, kViewerKey).status, 200);
}

}  // namespace
}  // namespace personas::http_api
