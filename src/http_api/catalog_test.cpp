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

}  // namespace
}  // namespace personas::http_api
