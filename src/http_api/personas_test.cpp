// Personas and tools over the API.
#include "personas/vault/webhook_secrets.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class PersonasApi : public ApiTest {
 protected:
  std::vector<std::string> types() {
    std::vector<std::string> found;
    static const store::Sql kTypes("SELECT type FROM journal ORDER BY position");
    write([&](store::Transaction& tx) {
      found.clear();
      return tx.query(kTypes, {}, [&](const store::Row& row) -> Result<bool> {
        found.emplace_back(row.text(0));
        return true;
      });
    });
    return found;
  }
};

TEST_F(PersonasApi, TakesTheDeploymentGuidesPersonaAndGivesItBackInThatForm) {
  const auto made = post("/api/personas", R"({
    "name": "Code Reviewer",
    "description": "Reviews pull requests for code quality",
    "systemPrompt": "You are an expert code reviewer...",
    "structuredPrompt": "{\"identity\":\"Expert code reviewer\",\"instructions\":\"Review.\"}",
    "enabled": true,
    "maxConcurrent": 2,
    "timeoutMs": 600000
  })");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_THAT(made.at("id"), testing::StartsWith("per_"));
  EXPECT_EQ(made.at("maxConcurrent"), "2");
  EXPECT_EQ(made.at("structuredPrompt"),
            R"({"identity":"Expert code reviewer","instructions":"Review."})");
  EXPECT_EQ(made.at("backend"), "claude");
  EXPECT_EQ(get("/api/personas/" + made.at("id")).text, made.text);
}

TEST_F(PersonasApi, TakesAStructuredPromptAsAnObjectToo) {
  const auto made = post("/api/personas",
                         R"({"name":"a","structuredPrompt":{"identity":"x"},"designContext":[1]})");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.at("structuredPrompt"), R"({"identity":"x"})");
  EXPECT_EQ(made.at("designContext"), "[1]");
  const auto wrong = post("/api/personas", R"({"name":"b","structuredPrompt":"{no json"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.at("fields"), HasSubstr("/structuredPrompt"));
}

TEST_F(PersonasApi, PostWithAnIdCreatesThenReplaces) {
  const auto made = post("/api/personas", R"({"id":"desktop-1","name":"a","color":"red"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.at("id"), "desktop-1");
  clock_.advance(seconds(1));
  const auto again = post("/api/personas", R"({"id":"desktop-1","name":"b"})");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.at("name"), "b");
  EXPECT_EQ(again.at("color"), "null");
  EXPECT_EQ(again.at("createdAt"), made.at("createdAt"));
  EXPECT_NE(again.at("updatedAt"), made.at("updatedAt"));
  EXPECT_EQ(types(), (std::vector<std::string>{"persona.created", "persona.updated"}));
}

TEST_F(PersonasApi, PutReplacesAndPatchMerges) {
  const auto id = make_persona("a");
  const auto path = "/api/personas/" + id;
  EXPECT_EQ(send("PATCH", path, R"({"color":"red","retry":{"maxAttempts":7}})").status, 200);
  const auto patched = send("PATCH", path, R"({"description":"d","retry":{"multiplier":3}})");
  EXPECT_EQ(patched.at("color"), "red");
  EXPECT_EQ(patched.at("name"), "a");
  EXPECT_THAT(patched.at("retry"), HasSubstr(R"("maxAttempts":7)"));
  const auto cleared = send("PATCH", path, R"({"color":null})");
  EXPECT_EQ(cleared.at("color"), "null");
  const auto put = send("PUT", path, R"({"name":"b"})");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.at("id"), id);
  EXPECT_EQ(put.at("description"), "");
  EXPECT_EQ(put.at("retry"), "null");
  EXPECT_EQ(send("PUT", path, R"({"color":"red"})").status, 400);
  EXPECT_EQ(send("PUT", path, R"({"name":"b","id":"other"})").status, 400);
  EXPECT_EQ(send("PATCH", path, R"({"id":"other"})").status, 400);
  EXPECT_EQ(send("PATCH", path, R"({"maxConcurrent":0})").status, 400);
  EXPECT_EQ(executions_.changed.size(), 4U);
}

TEST_F(PersonasApi, KeepsTheWebhookSecretToItselfAndUntilANewOneComes) {
  const auto made = post("/api/personas", R"({"name":"a","webhookSecret":"hidden-value"})");
  const auto path = "/api/personas/" + made.at("id");
  EXPECT_EQ(made.text.find("hidden-value"), std::string::npos);
  EXPECT_EQ(send("PUT", path, R"({"name":"b"})").status, 200);
  static const store::Sql kSecret("SELECT webhook_secret FROM personas");
  std::string stored;
  write([&](store::Transaction& tx) {
    return tx.query(kSecret, {}, [&](const store::Row& row) -> Result<bool> {
      stored = row.text(0);
      return true;
    });
  });
  EXPECT_THAT(stored, testing::StartsWith("sealed:"));
  const auto secret = [&] {
    return *store::read_now(*store_, [&](store::Transaction& tx) {
      return vault::persona_webhook_secret(tx, vault_, default_tenant(), PersonaId(made.at("id")));
    });
  };
  ASSERT_TRUE(secret());
  EXPECT_TRUE(secret()->equals("hidden-value"));

  EXPECT_EQ(send("PATCH", path, R"({"webhookSecret":"another"})").status, 200);
  EXPECT_TRUE(secret()->equals("another"));
  EXPECT_EQ(send("PATCH", path, R"({"webhookSecret":" padded "})").status, 400);
  EXPECT_EQ(send("PATCH", path, R"({"webhookSecret":""})").status, 200);
  EXPECT_FALSE(secret());
  EXPECT_EQ(send("PATCH", path, R"({"webhookSecret":"third"})").status, 200);
  EXPECT_TRUE(secret());
  EXPECT_EQ(send("DELETE", path).status, 204);
  EXPECT_FALSE(secret());
}

TEST_F(PersonasApi, NamesAreUniqueInATenant) {
  const auto id = make_persona("a");
  const auto twin = post("/api/personas", R"({"name":"a"})");
  EXPECT_EQ(twin.status, 409);
  EXPECT_EQ(twin.at("code"), "conflict");
  EXPECT_THAT(twin.at("fields"), HasSubstr("/name"));
  const auto other = make_persona("b");
  EXPECT_EQ(send("PATCH", "/api/personas/" + other, R"({"name":"a"})").status, 409);
  EXPECT_EQ(send("PATCH", "/api/personas/" + id, R"({"name":"a"})").status, 200);
  EXPECT_EQ(send("POST", "/api/personas", R"({"name":"a"})", {}, kOtherKey).status, 201);
}

TEST_F(PersonasApi, DeletesWithItsLinks) {
  const auto id = make_persona("a");
  EXPECT_EQ(send("DELETE", "/api/personas/" + id).status, 204);
  EXPECT_EQ(get("/api/personas/" + id).status, 404);
  EXPECT_EQ(send("DELETE", "/api/personas/" + id).status, 404);
  EXPECT_EQ(get("/api/personas").text, "[]");
}

TEST_F(PersonasApi, ListsInPages) {
  for (int i = 0; i < 5; ++i) make_persona(fmt::format("p{}", i));
  std::string names;
  std::string target = "/api/personas?limit=2";
  int pages = 0;
  while (!target.empty()) {
    const auto page = get(target);
    ASSERT_EQ(page.status, 200) << page.text;
    for (const auto& row : page.json.as_array()) {
      names += std::string(row.as_object().at("name").as_string());
    }
    ++pages;
    target.clear();
    const auto link = page.headers.get("Link");
    if (!link.empty()) {
      EXPECT_EQ(link, fmt::format("</api/personas?limit=2&cursor={}>; rel=\"next\"",
                                  page.headers.get("X-Next-Cursor")));
      target = link.substr(1, link.find('>') - 1);
    }
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(names, "p0p1p2p3p4");
}

TEST_F(PersonasApi, ToolsAreMadeLinkedListedAndUnlinked) {
  const auto persona = make_persona("a");
  const auto tool = post("/api/tool-definitions", R"({
    "name": "gitlab_api", "category": "api", "description": "Call the GitLab API",
    "scriptPath": "", "implementationGuide": "Use curl with $GITLAB_TOKEN.",
    "requiresCredentialType": "gitlab"
  })");
  ASSERT_EQ(tool.status, 201) << tool.text;
  const auto tools = "/api/personas/" + persona + "/tools";
  const auto link = fmt::format(R"({{"toolId":"{}"}})", tool.at("id"));
  EXPECT_EQ(post(tools, link).status, 201);
  EXPECT_EQ(post(tools, link).status, 201);  // linked once, whatever is repeated
  EXPECT_EQ(get(tools).json.as_array().size(), 1U);
  EXPECT_EQ(post(tools, R"({"toolId":"tool_none"})").status, 404);
  EXPECT_EQ(post("/api/personas/per_none/tools", link).status, 404);
  EXPECT_EQ(send("DELETE", tools + "/" + tool.at("id")).status, 204);
  EXPECT_EQ(send("DELETE", tools + "/" + tool.at("id")).status, 404);
  EXPECT_EQ(get(tools).text, "[]");
}

TEST_F(PersonasApi, ToolDefinitionsCanBeReadReplacedAndDeleted) {
  const auto made =
      post("/api/tool-definitions", R"({"name":"t","inputSchema":{"type":"object"}})");
  const auto path = "/api/tool-definitions/" + made.at("id");
  EXPECT_EQ(get(path).at("inputSchema"), R"({"type":"object"})");
  const auto put = send("PUT", path, R"({"name":"u"})");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.at("inputSchema"), "null");
  EXPECT_EQ(post("/api/tool-definitions", R"({"name":"u"})").status, 409);
  EXPECT_EQ(get("/api/tool-definitions").json.as_array().size(), 1U);
  EXPECT_EQ(send("DELETE", path).status, 204);
  EXPECT_EQ(get(path).status, 404);
}

TEST_F(PersonasApi, NothingOfAnotherTenantCanBeSeenOrTouched) {
  const auto persona = make_persona("a");
  const auto tool = post("/api/tool-definitions", R"({"name":"t"})").at("id");
  const auto path = "/api/personas/" + persona;
  const auto as_other = [&](std::string_view method, const std::string& target,
                            std::string body = {}) {
    return send(method, target, std::move(body), {}, kOtherKey).status;
  };
  EXPECT_EQ(as_other("GET", path), 404);
  EXPECT_EQ(as_other("PUT", path, R"({"name":"x"})"), 404);
  EXPECT_EQ(as_other("PATCH", path, R"({"name":"x"})"), 404);
  EXPECT_EQ(as_other("DELETE", path), 404);
  EXPECT_EQ(as_other("GET", path + "/tools"), 404);
  EXPECT_EQ(as_other("GET", path + "/memories"), 404);
  EXPECT_EQ(as_other("GET", path + "/executions"), 404);
  EXPECT_EQ(as_other("GET", "/api/tool-definitions/" + tool), 404);
  EXPECT_EQ(as_other("DELETE", "/api/tool-definitions/" + tool), 404);
  EXPECT_EQ(send("GET", "/api/personas", {}, {}, kOtherKey).text, "[]");
  EXPECT_EQ(get(path).at("name"), "a");
}

}  // namespace
}  // namespace personas::http_api
