// Events, messages, memories, reviews, and the deployment itself.
#include "personas/store/repositories.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class SignalsApi : public ApiTest {
 protected:
  std::string add_review(const std::string& execution) {
    Review review;
    review.id = ReviewId("rev_1");
    review.execution_id = ExecutionId(execution);
    review.title = "May I deploy?";
    review.created_at = clock_.wall();
    write([&](store::Transaction& tx) {
      return store::insert_review(tx, default_tenant(), review, "effect-1");
    });
    return "rev_1";
  }
};

TEST_F(SignalsApi, EventsArePublishedAndListed) {
  const auto made = post("/api/events", R"({
    "eventType": "deploy_requested", "sourceType": "manual", "sourceId": "slack-bot",
    "payload": "{\"environment\": \"production\"}"})");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.at("status"), "skipped");
  EXPECT_EQ(made.at("origin"), "inst_1");
  EXPECT_EQ(made.at("payload"), R"({"environment": "production"})");
  post("/api/events", R"({"eventType":"other"})");
  EXPECT_EQ(get("/api/events").json.as_array().size(), 2U);
  EXPECT_EQ(get("/api/events?eventType=other&status=skipped").json.as_array().size(), 1U);
  const auto path = "/api/events/" + made.at("id");
  EXPECT_EQ(get(path).text, made.text);
  EXPECT_EQ(send("GET", path, {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(post("/api/events", R"({"sourceType":"x"})").status, 400);
  EXPECT_EQ(post("/api/events", R"({"eventType":"x","targetPersonaId":"per_none"})").status, 404);
}

TEST_F(SignalsApi, MemoriesAreMadeListedAndDeleted) {
  const auto persona = make_persona("a");
  const auto made =
      post("/api/memories", fmt::format(R"({{"personaId":"{}","title":"t","content":"c",
                                          "category":"fact","tags":["x"]}})",
                                        persona));
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(get("/api/personas/" + persona + "/memories").json.as_array().size(), 1U);
  const auto path = "/api/memories/" + made.at("id");
  EXPECT_EQ(send("DELETE", path, {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("DELETE", path).status, 204);
  EXPECT_EQ(send("DELETE", path).status, 404);
  EXPECT_EQ(post("/api/memories", R"({"title":"t","importance":11})").status, 400);
  EXPECT_EQ(post("/api/memories", R"({"title":"t","content":"c","personaId":"no"})").status, 404);
  EXPECT_EQ(get("/api/personas/per_none/memories").status, 404);
}

TEST_F(SignalsApi, MemoriesAreSearchedAndChanged) {
  const auto persona = make_persona("a");
  const auto own = post("/api/memories", fmt::format(R"({{"personaId":"{}","title":"100% Sure",
                                                      "content":"c"}})",
                                                     persona));
  ASSERT_EQ(own.status, 201) << own.text;
  ASSERT_EQ(post("/api/memories", R"({"title":"For all","content":"sure thing"})").status, 201);
  const auto count = [this](std::string_view query) {
    return get(fmt::format("/api/memories{}", query)).json.as_array().size();
  };
  EXPECT_EQ(count(""), 2U);
  EXPECT_EQ(count("?q=SURE"), 2U);
  EXPECT_EQ(count("?q=0%25%20s"), 1U) << "a wildcard is a letter like any other";
  EXPECT_EQ(count("?q=_"), 0U);
  EXPECT_EQ(count("?shared=true"), 1U);
  EXPECT_EQ(count("?shared=false"), 1U);
  EXPECT_EQ(count("?personaId=" + persona), 1U);
  EXPECT_EQ(count("?shared=true&personaId=" + persona), 2U);
  EXPECT_EQ(send("GET", "/api/memories", {}, {}, kOtherKey).text, "[]");

  const auto path = "/api/memories/" + own.at("id");
  const auto changed = send("PATCH", path, R"({"title":"Not sure","importance":9})");
  EXPECT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(get(path).text, changed.text);
  EXPECT_EQ(changed.at("content"), "c");
  EXPECT_EQ(changed.at("createdAt"), own.at("createdAt"));
  EXPECT_EQ(send("PATCH", path, R"({"importance":11})").status, 400);
  EXPECT_EQ(send("PATCH", path, R"({"personaId":"per_none"})").status, 404);
  EXPECT_EQ(send("PATCH", path, R"({"title":"x"})", {}, kOtherKey).status, 404);
  EXPECT_EQ(get("/api/memories/mem_none").status, 404);
}

TEST_F(SignalsApi, MessagesAreMarkedAsRead) {
  Message message;
  message.id = MessageId("msg_1");
  message.content = "hello";
  write([&](store::Transaction& tx) {
    return store::insert_message(tx, default_tenant(), message, "k");
  });
  EXPECT_EQ(get("/api/messages?unread=true").json.as_array().size(), 1U);
  const auto marked = send("PATCH", "/api/messages/msg_1", R"({"read":true})");
  EXPECT_EQ(marked.status, 200) << marked.text;
  EXPECT_EQ(marked.at("read"), "true");
  EXPECT_EQ(get("/api/messages?unread=true").text, "[]");
  EXPECT_EQ(get("/api/messages").json.as_array().size(), 1U);
  EXPECT_EQ(send("PATCH", "/api/messages/msg_1", R"({"read":false})").at("read"), "false");
  EXPECT_EQ(send("PATCH", "/api/messages/msg_1", "{}").status, 400);
  EXPECT_EQ(send("PATCH", "/api/messages/msg_1", R"({"read":true})", {}, kOtherKey).status, 404);
}

TEST_F(SignalsApi, MessagesAreListedNewestFirst) {
  for (int i = 0; i < 3; ++i) {
    Message message;
    message.id = MessageId(fmt::format("msg_{}", i));
    message.execution_id = ExecutionId(i == 0 ? "exe_a" : "exe_b");
    message.content = "hello";
    write([&](store::Transaction& tx) {
      return store::insert_message(tx, default_tenant(), message, fmt::format("k{}", i));
    });
  }
  const auto page = get("/api/messages?limit=2");
  EXPECT_EQ(page.json.as_array()[0].as_object().at("id").as_string(), "msg_2");
  EXPECT_NE(page.headers.find("X-Next-Cursor"), nullptr);
  EXPECT_EQ(get("/api/messages?executionId=exe_a").json.as_array().size(), 1U);
  EXPECT_EQ(send("GET", "/api/messages", {}, {}, kOtherKey).text, "[]");
}

TEST_F(SignalsApi, AReviewIsAnsweredOnce) {
  const auto execution = execute(make_persona("a"));
  const auto review = add_review(execution);
  EXPECT_EQ(get("/api/reviews/pending").json.as_array().size(), 1U);
  EXPECT_EQ(get("/api/executions/" + execution + "/reviews").json.as_array().size(), 1U);
  const auto path = "/api/executions/" + execution + "/reviews/" + review + "/respond";
  const std::string yes = R"({"decision":"approved","message":"go on"})";
  EXPECT_EQ(post(path, R"({"decision":"maybe"})").status, 400);
  EXPECT_EQ(post(path, R"({"message":"x"})").status, 400);
  EXPECT_EQ(send("POST", path, yes, {}, kOtherKey).status, 404);
  EXPECT_EQ(post("/api/executions/exe_other/reviews/" + review + "/respond", yes).status, 404);
  const auto answered = post(path, yes);
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.at("status"), "approved");
  EXPECT_EQ(answered.at("responseMessage"), "go on");
  EXPECT_EQ(executions_.answered, std::vector<std::string>{review});
  const auto late = post(path, R"({"decision":"rejected"})");
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(get("/api/reviews/pending").text, "[]");
  EXPECT_EQ(executions_.answered.size(), 1U);
}

TEST_F(SignalsApi, TheClaudeTokenGoesIntoTheVaultAndNeverOut) {
  EXPECT_THAT(get("/api/status").at("token"), HasSubstr(R"("source":"none")"));
  EXPECT_EQ(post("/api/token", R"({"token":"has space"})").status, 400);
  EXPECT_EQ(post("/api/token", R"({})").status, 400);
  const auto done = post("/api/token", R"({"token":"sk-ant-oat01-abc"})");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.at("configured"), "true");
  const auto status = get("/api/status");
  EXPECT_THAT(status.at("token"), HasSubstr(R"("source":"api")"));
  EXPECT_EQ(status.text.find("sk-ant"), std::string::npos);
  const auto stored = store::read_now(*store_, [&](store::Transaction& tx) {
    return vault_.get(tx, default_tenant(), vault::provider_secret("claude"));
  });
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->reveal(), "sk-ant-oat01-abc");
}

TEST_F(SignalsApi, HealthAndStatusTellOfEveryPart) {
  const auto health = get("/health");
  EXPECT_EQ(health.at("status"), "ok");
  EXPECT_THAT(health.at("dependencies"), HasSubstr(R"("store":{"status":"ok")"));
  const auto status = get("/api/status");
  EXPECT_EQ(status.at("version"), "9.9.9");
  EXPECT_EQ(status.at("workers"), "[]");
  for (const std::string_view part : {"queue", "bus", "scheduler", "vault", "token", "store"}) {
    EXPECT_NE(status.at(part), "<absent>") << part;
  }
}

}  // namespace
}  // namespace personas::http_api
