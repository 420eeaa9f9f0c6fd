#include <algorithm>
#include <set>

#include "personas/delivery/endpoint_store.hpp"
#include "personas/operations/webhook_services.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class WebhooksOut : public ApiTest, public delivery::Outbox {
 protected:
  WebhooksOut() { services_->webhooks.outbox = this; }
  void due(const TenantId&, const EndpointId& endpoint) override { rung_.insert(endpoint.str()); }

  Answer create(std::string_view extra = {}) {
    return post(
        "/v1/webhooks",
        fmt::format(R"({{"url":"https://example.com/hook","events":["review.*"]{}}})", extra));
  }
  std::vector<std::string> secrets_of(const std::string& id) {
    std::vector<std::string> texts;
    write([&](store::Transaction& tx) -> Result<void> {
      TRY(const auto endpoint, delivery::find_endpoint(tx, default_tenant(), EndpointId(id)));
      TRY(const auto secrets,
          operations::endpoint_secrets(tx, vault_, default_tenant(), *endpoint, clock_.wall()));
      texts.clear();
      for (const auto& secret : secrets) texts.emplace_back(secret.reveal());
      return {};
    });
    return texts;
  }
  void settle(const std::string& id, delivery::DeliveryStatus status) {
    write([&](store::Transaction& tx) -> Result<void> {
      TRY(auto row, delivery::find_delivery(tx, default_tenant(), DeliveryId(id)));
      row->status = status;
      row->attempts = 10;
      row->next_attempt_at.reset();
      row->completed_at = clock_.wall();
      return delivery::update_delivery(tx, default_tenant(), *row);
    });
  }

  std::set<std::string> rung_;
};

TEST_F(WebhooksOut, ShowsASecretOnceAndNeverAgain) {
  const auto made = create();
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_TRUE(made.at("secret").starts_with("whsec_"));
  EXPECT_EQ(secrets_of(made.at("id")), std::vector<std::string>{made.at("secret")});
  for (const auto& answer : {get("/v1/webhooks"), get("/v1/webhooks/" + made.at("id")),
                             send("PATCH", "/v1/webhooks/" + made.at("id"), "{}")}) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.text.find("whsec_"), std::string::npos);
  }
}

TEST_F(WebhooksOut, RefusesTargetsThatMayNotBeCalled) {
  for (const char* url :
       {"http://127.0.0.1/", "http://localhost/", "https://10.0.0.1/", "http://0x7f000001/",
        "https://metadata.google.internal/", "ftp://example.com/", "https://u@example.com/"}) {
    const auto answer = post("/v1/webhooks", fmt::format(R"({{"url":"{}","events":["*"]}})", url));
    EXPECT_EQ(answer.status, 400) << url;
    EXPECT_THAT(answer.text, HasSubstr("/url")) << url;
  }
  services_->webhooks.targets = net::PrivateTargets::kAllowed;
  EXPECT_EQ(post("/v1/webhooks", R"({"url":"http://127.0.0.1:8080/","events":["*"]})").status, 201);
  services_->webhooks.targets = net::PrivateTargets::kRefused;
  const auto made = create();
  EXPECT_EQ(send("PATCH", "/v1/webhooks/" + made.at("id"), R"({"url":"http://[::1]/"})").status,
            400);
}

TEST_F(WebhooksOut, NamesAFilterThatIsWrong) {
  const auto answer =
      post("/v1/webhooks", R"({"url":"https://example.com/","events":["review.*","*.x"]})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.text, HasSubstr("/events/1"));
  EXPECT_EQ(post("/v1/webhooks", R"({"url":"https://example.com/","events":[]})").status, 400);
}

TEST_F(WebhooksOut, SignsWithBothSecretsForADayAfterARotation) {
  const auto made = create(R"(,"asymmetric":true)");
  const auto id = made.at("id");
  EXPECT_TRUE(made.at("publicKey").starts_with("whpk_"));
  ASSERT_EQ(secrets_of(id).size(), 2U);
  const auto rotated = post("/v1/webhooks/" + id + "/rotate");
  ASSERT_EQ(rotated.status, 200) << rotated.text;
  EXPECT_NE(rotated.at("secret"), made.at("secret"));
  EXPECT_NE(rotated.at("publicKey"), made.at("publicKey"));
  const auto secrets = secrets_of(id);
  ASSERT_EQ(secrets.size(), 4U);
  EXPECT_EQ(secrets[0], rotated.at("secret"));
  EXPECT_EQ(secrets[1], made.at("secret"));
  clock_.advance(operations::kSecretOverlap + seconds(1));
  EXPECT_EQ(secrets_of(id).size(), 2U);
}

TEST_F(WebhooksOut, SendsATestAndReplaysIt) {
  const auto id = create().at("id");
  const auto test = post("/v1/webhooks/" + id + "/test");
  ASSERT_EQ(test.status, 202) << test.text;
  EXPECT_TRUE(rung_.contains(id));
  settle(test.at("id"), delivery::DeliveryStatus::kDead);
  rung_.clear();
  const auto replayed = post("/v1/webhooks/" + id + "/deliveries/" + test.at("id") + "/replay");
  ASSERT_EQ(replayed.status, 202) << replayed.text;
  EXPECT_EQ(replayed.at("id"), test.at("id"));
  EXPECT_EQ(replayed.at("status"), "pending");
  EXPECT_TRUE(rung_.contains(id));
  const auto log = get("/v1/webhooks/" + id + "/deliveries");
  ASSERT_EQ(log.json.as_array().size(), 1U);
  EXPECT_EQ(log.text.find("position"), std::string::npos);
  EXPECT_THAT(log.text, HasSubstr("webhook.test"));
}

TEST_F(WebhooksOut, HoldsWhatIsDueWhileItIsDisabled) {
  const auto id = create().at("id");
  const auto test = post("/v1/webhooks/" + id + "/test");
  const auto off = send("PATCH", "/v1/webhooks/" + id, R"({"enabled":false})");
  EXPECT_EQ(off.at("disabledReason"), "disabled by request");
  EXPECT_THAT(get("/v1/webhooks/" + id + "/deliveries").text, HasSubstr("held"));
  EXPECT_EQ(post("/v1/webhooks/" + id + "/test").status, 409);
  EXPECT_EQ(post("/v1/webhooks/" + id + "/deliveries/" + test.at("id") + "/replay").status, 409);
  rung_.clear();
  EXPECT_EQ(send("PATCH", "/v1/webhooks/" + id, R"({"enabled":true})").at("disabledReason"),
            "null");
  EXPECT_TRUE(rung_.contains(id));
  EXPECT_THAT(get("/v1/webhooks/" + id + "/deliveries").text, HasSubstr("pending"));
}

TEST_F(WebhooksOut, IsSeenByItsTenantOnly) {
  const auto id = create().at("id");
  const auto test = post("/v1/webhooks/" + id + "/test").at("id");
  for (const auto& [method, path] : std::initializer_list<std::pair<const char*, std::string>>{
           {"GET", ""},
           {"PATCH", ""},
           {"DELETE", ""},
           {"POST", "/rotate"},
           {"POST", "/test"},
           {"GET", "/deliveries"},
           {"POST", "/deliveries/" + test + "/replay"}}) {
    const std::string body = std::string_view(method) == "PATCH" ? "{}" : "";
    EXPECT_EQ(send(method, "/v1/webhooks/" + id + path, body, {}, kOtherKey).status, 404) << path;
    if (std::string_view(method) == "GET") continue;
    EXPECT_EQ(send(method, "/v1/webhooks/" + id + path, body, {}, kViewerKey).status, 403) << path;
  }
  EXPECT_EQ(send("GET", "/v1/webhooks", {}, {}, kOtherKey).text, "[]");
  const auto other = create().at("id");
  EXPECT_EQ(post("/v1/webhooks/" + other + "/deliveries/" + test + "/replay").status, 404);
}

TEST_F(WebhooksOut, LeavesNothingWhenItIsDeleted) {
  const auto id = create(R"(,"asymmetric":true)").at("id");
  post("/v1/webhooks/" + id + "/test");
  EXPECT_EQ(send("DELETE", "/v1/webhooks/" + id).status, 204);
  EXPECT_EQ(get("/v1/webhooks/" + id).status, 404);
  static const store::Sql kLeft(
      "SELECT (SELECT COUNT(*) FROM webhook_out_deliveries) + (SELECT COUNT(*) FROM secrets)");
  std::int64_t left = -1;
  write([&](store::Transaction& tx) -> Result<void> {
    TRY_VOID(tx.query(kLeft, {}, [&](const store::Row& row) -> Result<bool> {
      left = row.integer(0);
      return false;
    }));
    return {};
  });
  EXPECT_EQ(left, 0);
}

TEST_F(WebhooksOut, KeepsSinksAndWebhooksApart) {
  const auto hook = create().at("id");
  const auto slack = post("/api/notification-sinks",
                          R"({"kind":"slack","url":"https://hooks.example.com/services/T0/s3cr3t",)"
                          R"("topics":["reviews","failures"]})");
  ASSERT_EQ(slack.status, 201) << slack.text;
  const auto signed_one =
      post("/api/notification-sinks", R"({"url":"https://example.com/","topics":["messages"]})");
  ASSERT_EQ(signed_one.status, 201) << signed_one.text;
  EXPECT_TRUE(signed_one.at("secret").starts_with("whsec_"));
  EXPECT_EQ(slack.text.find("s3cr3t"), std::string::npos);
  const auto sinks = get("/api/notification-sinks");
  EXPECT_EQ(sinks.json.as_array().size(), 2U);
  EXPECT_EQ(sinks.text.find("whsec_"), std::string::npos);
  EXPECT_EQ(sinks.text.find("s3cr3t"), std::string::npos);
  EXPECT_EQ(secrets_of(slack.at("id")).at(0), "https://hooks.example.com/services/T0/s3cr3t");
  EXPECT_EQ(get("/v1/webhooks").json.as_array().size(), 1U);
  EXPECT_EQ(get("/v1/webhooks/" + slack.at("id")).status, 404);
  EXPECT_EQ(get("/api/notification-sinks/" + slack.at("id") + "/deliveries").text, "[]");
  EXPECT_EQ(send("DELETE", "/api/notification-sinks/" + hook).status, 404);
  EXPECT_EQ(send("DELETE", "/api/notification-sinks/" + slack.at("id")).status, 204);
  EXPECT_EQ(post("/api/notification-sinks", R"({"url":"http://127.0.0.1/","topics":["messages"]})")
                .status,
            400);
  EXPECT_EQ(post("/api/notification-sinks", R"({"url":"https://example.com/","topics":[]})").status,
            400);
  EXPECT_EQ(post("/api/notification-sinks",
                 R"({"url":"https://example.com/","topics":["messages"],"personaId":"per_x"})")
                .status,
            404);
}

TEST_F(WebhooksOut, IsBoundedInNumber) {
  for (std::int64_t i = 0; i < delivery::kMaxEndpoints; ++i) ASSERT_EQ(create().status, 201);
  EXPECT_EQ(create().status, 422);
}

}  // namespace
}  // namespace personas::http_api
