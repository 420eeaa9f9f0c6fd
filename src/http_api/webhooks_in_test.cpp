#include "personas/store/webhooks_in.hpp"

#include <set>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/webhook_auth/delivery.hpp"
#include "personas/webhook_auth/standard.hpp"

#include "test_api.hpp"

namespace personas::http_api {
namespace {

using net::Header;
using webhook_auth::Preset;

std::string hmac_hex(std::string_view key, std::string_view text) {
  return to_hex(crypto::hmac_sha256(as_bytes(key), as_bytes(text)));
}

class WebhooksInApi : public ApiTest {
 protected:
  WebhooksInApi() {
    for (const auto preset :
         {Preset::kGithub, Preset::kGitlab, Preset::kSlack, Preset::kStripe, Preset::kLinear}) {
      services_->webhook_secrets.emplace_back(preset, Secret("s3cret"));
    }
    services_->webhook_secrets.emplace_back(Preset::kStandard,
                                            Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  }

  // As a sender without a key.
  Answer arrive(std::string_view path, std::string body, std::vector<Header> headers) {
    return send("POST", path, std::move(body), std::move(headers), "");
  }
  std::string now() const {
    // send() lets a millisecond pass first.
    return std::to_string((clock_.wall() + milliseconds(1)).micros / 1'000'000);
  }
  std::vector<Header> github(std::string_view body, std::string id,
                             std::string_view secret = "s3cret") {
    return {{"X-Hub-Signature-256", "sha256=" + hmac_hex(secret, body)},
            {"X-GitHub-Event", "push"},
            {"X-GitHub-Delivery", std::move(id)}};
  }
  std::vector<Header> signed_with(const Secret& secret, std::string_view id,
                                  std::string_view body) {
    const auto made = *webhook_auth::sign({&secret, 1}, id, clock_.wall() + milliseconds(1), body);
    return {{"webhook-id", made.id},
            {"webhook-timestamp", made.timestamp},
            {"webhook-signature", made.signature}};
  }
  std::size_t events() { return get("/api/events").json.as_array().size(); }
  bj::object newest_event() { return get("/api/events").json.as_array().at(0).as_object(); }
  bj::array deliveries(std::string_view query = "") {
    return get("/api/webhooks/deliveries" + std::string(query)).json.as_array();
  }
  static std::string at(const bj::object& object, std::string_view name) {
    const auto& value = object.at(name);
    return value.is_string() ? std::string(value.as_string()) : codec::serialize(value);
  }
};

TEST_F(WebhooksInApi, AWebhookOfAPersonaIsAnEventForIt) {
  const auto persona = make_persona("a");
  const auto path = "/api/webhooks/" + persona;
  const auto answer = post(path, R"({"any": ["thing", 1]})");
  EXPECT_EQ(answer.status, 200) << answer.text;
  const auto event = newest_event();
  EXPECT_EQ(at(event, "id"), answer.at("eventId"));
  EXPECT_EQ(at(event, "eventType"), "webhook_received");
  EXPECT_EQ(at(event, "sourceType"), "webhook");
  EXPECT_EQ(at(event, "targetPersonaId"), persona);
  EXPECT_EQ(at(event, "payload"), R"({"any":["thing",1]})");
  EXPECT_EQ(post("/api/webhooks/per_none", "{}").status, 404);
  EXPECT_EQ(post(path, "{").status, 400);
  EXPECT_EQ(send("POST", path, "{}", {}, kViewerKey).status, 403);
  EXPECT_EQ(send("POST", path, "{}", {}, kOtherKey).status, 404);
}

TEST_F(WebhooksInApi, APersonasSecretOpensItsAddressAndNoOther) {
  const auto made = post("/api/personas", R"({"name":"a","webhookSecret":"s3cret"})");
  const auto path = "/api/webhooks/" + made.at("id");
  const auto other = "/api/webhooks/" + make_persona("b");
  EXPECT_EQ(arrive(path, "{}", {}).status, 401);
  EXPECT_EQ(arrive(path, "{}", {{"X-Webhook-Secret", "wrong"}}).status, 401);
  EXPECT_EQ(arrive(path, "{}", {{"X-Webhook-Secret", ""}}).status, 401);
  EXPECT_EQ(arrive(other, "{}", {{"X-Webhook-Secret", "s3cret"}}).status, 401);
  EXPECT_EQ(arrive(path, "{}", {{"Authorization", "Bearer s3cret"}}).status, 401);
  EXPECT_EQ(events(), 0U);
  EXPECT_EQ(arrive(path, "{}", {{"X-Webhook-Secret", "s3cret"}}).status, 200);
  EXPECT_EQ(events(), 1U);

  const Secret key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  EXPECT_EQ(send("PATCH", "/api/personas/" + made.at("id"),
                 R"({"webhookSecret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})")
                .status,
            200);
  EXPECT_EQ(arrive(path, "{}", {{"X-Webhook-Secret", "s3cret"}}).status, 401);
  EXPECT_EQ(arrive(path, "{}", signed_with(key, "msg_1", "{}")).status, 200);
  EXPECT_EQ(arrive(path, "{ }", signed_with(key, "msg_2", "{}")).status, 401);
}

TEST_F(WebhooksInApi, EverySenderIsTakenSignedAndRefusedOtherwise) {
  const std::string gitlab =
      R"({"object_kind":"push","project":{"path_with_namespace":"org/app"}})";
  const std::string linear =
      R"({"type":"Issue","webhookTimestamp":)" + std::to_string(clock_.wall().micros / 1000) + "}";
  const std::string stripe = R"({"id":"evt_1","type":"invoice.paid"})";
  const std::string slack = R"({"event_id":"Ev1","event":{"type":"app_mention"}})";
  const std::string standard = R"({"type":"contact.created"})";
  struct Case {
    std::string path;
    std::string type;
    std::string body;
    std::vector<Header> headers;
    std::size_t proof;  // which header
  };
  const std::vector<Case> cases{
      {"/api/github/webhook", "github_push", "{}", github("{}", "d-1"), 0},
      {"/api/gitlab/webhook", "gitlab_push", gitlab, {{"X-Gitlab-Token", "s3cret"}}, 0},
      {"/api/linear/webhook",
       "linear_Issue",
       linear,
       {{"Linear-Signature", hmac_hex("s3cret", linear)}, {"Linear-Delivery", "d-2"}},
       0},
      {"/api/stripe/webhook",
       "stripe_invoice.paid",
       stripe,
       {{"Stripe-Signature", "t=" + now() + ",v1=" + hmac_hex("s3cret", now() + "." + stripe)}},
       0},
      {"/api/slack/webhook",
       "slack_app_mention",
       slack,
       {{"X-Slack-Signature", "v0=" + hmac_hex("s3cret", "v0:" + now() + ":" + slack)},
        {"X-Slack-Request-Timestamp", now()}},
       0},
      {"/api/standard/webhook", "standard_contact.created", standard,
       signed_with(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_1", standard), 2}};
  for (const auto& one : cases) {
    const auto before = events();
    EXPECT_EQ(arrive(one.path, one.body, {}).status, 401) << one.path;
    auto forged = one.headers;
    forged[one.proof].value.back() = forged[one.proof].value.back() == 'a' ? 'b' : 'a';
    const auto refused = arrive(one.path, one.body, forged);
    EXPECT_EQ(refused.status, 401) << one.path;
    EXPECT_EQ(refused.at("detail"), arrive("/api/hooks/none", "{}", {}).at("detail"));
    EXPECT_EQ(events(), before) << one.path;
    const auto taken = arrive(one.path, one.body, one.headers);
    EXPECT_EQ(taken.status, 200) << one.path << taken.text;
    EXPECT_EQ(taken.at("eventType"), one.type);
    EXPECT_EQ(at(newest_event(), "eventType"), one.type);
  }
  // The reasons are in the log, and nowhere else.
  std::set<std::string> reasons;
  for (const auto& row : deliveries("?status=refused"))
    reasons.insert(at(row.as_object(), "error"));
  EXPECT_THAT(reasons,
              testing::IsSupersetOf({std::string(reason_of(webhook_auth::Refusal::kNoProof)),
                                     std::string(reason_of(webhook_auth::Refusal::kMismatch))}));
}

TEST_F(WebhooksInApi, GitlabIsAlsoTakenWithTheTeamsKey) {
  const std::string body =
      R"({"object_kind":"merge_request","project":{"path_with_namespace":"org/app"}})";
  const auto answer = post("/api/gitlab/webhook", body);
  EXPECT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(at(newest_event(), "eventType"), "gitlab_merge_request");
  EXPECT_EQ(at(newest_event(), "sourceType"), "gitlab");
  EXPECT_EQ(at(newest_event(), "sourceId"), "org/app");
  EXPECT_EQ(arrive("/api/gitlab/webhook", body, {{"X-Gitlab-Token", std::string(kTeamKey)}}).status,
            200);
  EXPECT_EQ(
      arrive("/api/gitlab/webhook", body, {{"X-Gitlab-Token", std::string(kViewerKey)}}).status,
      403);
  // Only there.
  EXPECT_EQ(arrive("/api/github/webhook", body, {{"X-Gitlab-Token", std::string(kTeamKey)}}).status,
            401);
  EXPECT_EQ(post("/api/gitlab/webhook", "[]").status, 400);
  EXPECT_EQ(post("/api/gitlab/webhook", "{").status, 400);
}

TEST_F(WebhooksInApi, ARepeatedDeliveryHasItsEffectOnce) {
  const auto first = arrive("/api/github/webhook", "{}", github("{}", "d-1"));
  EXPECT_EQ(first.at("repeated"), "false");
  std::vector<net::Request> repeats;
  for (int i = 0; i < 20; ++i) {
    repeats.push_back(request("POST", "/api/github/webhook", "{}", github("{}", "d-1"), ""));
  }
  for (const auto& again : send_all(repeats)) {
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.at("repeated"), "true");
    EXPECT_EQ(again.at("eventId"), first.at("eventId"));
    EXPECT_EQ(again.at("deliveryId"), first.at("deliveryId"));
  }
  EXPECT_EQ(events(), 1U);
  ASSERT_EQ(deliveries().size(), 1U);
  EXPECT_EQ(at(deliveries()[0].as_object(), "repetitions"), "20");
  EXPECT_EQ(arrive("/api/github/webhook", "{}", github("{}", "d-2")).at("repeated"), "false");
  EXPECT_EQ(events(), 2U);
}

TEST_F(WebhooksInApi, SlackIsAnsweredItsChallengeOnlyAfterTheProof) {
  const std::string body = R"({"type":"url_verification","challenge":"3eZbrw1a"})";
  const auto headers = [&](std::string_view key) {
    return std::vector<Header>{
        {"X-Slack-Signature", "v0=" + hmac_hex(key, "v0:" + now() + ":" + body)},
        {"X-Slack-Request-Timestamp", now()}};
  };
  const auto refused = arrive("/api/slack/webhook", body, headers("guess"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.text, testing::Not(testing::HasSubstr("3eZbrw1a")));
  const auto answered = arrive("/api/slack/webhook", body, headers("s3cret"));
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.at("challenge"), "3eZbrw1a");
  EXPECT_EQ(events(), 0U);
}

TEST_F(WebhooksInApi, TheLogHidesSecretsAndShowsTheRest) {
  const auto made = post("/api/personas", R"({"name":"a","webhookSecret":"canary-secret"})");
  const auto taken = arrive("/api/webhooks/" + made.at("id"), R"({"a":1})",
                            {{"X-Webhook-Secret", "canary-secret"},
                             {"User-Agent", "sender/1"},
                             {"X-Copy", "its canary-secret again"},
                             {"Cookie", "session"}});
  ASSERT_EQ(taken.status, 200);
  const auto one = get("/api/webhooks/deliveries/" + taken.at("deliveryId"));
  EXPECT_THAT(one.text, testing::Not(testing::HasSubstr("canary-secret")));
  EXPECT_THAT(one.text, testing::Not(testing::HasSubstr("session")));
  EXPECT_THAT(one.text, testing::HasSubstr(R"({"name":"User-Agent","value":"sender/1"})"));
  EXPECT_EQ(one.at("body"), R"({"a":1})");
  EXPECT_EQ(one.at("eventId"), taken.at("eventId"));
  EXPECT_EQ(one.at("status"), "accepted");
  EXPECT_EQ(
      send("GET", "/api/webhooks/deliveries/" + taken.at("deliveryId"), {}, {}, kOtherKey).status,
      404);
}

TEST_F(WebhooksInApi, AReplayIsANewEventThatNamesTheFirst) {
  const std::string linear =
      R"({"type":"Issue","webhookTimestamp":)" + std::to_string(clock_.wall().micros / 1000) + "}";
  const auto first =
      arrive("/api/linear/webhook", linear,
             {{"Linear-Signature", hmac_hex("s3cret", linear)}, {"Linear-Delivery", "d-1"}});
  ASSERT_EQ(first.status, 200) << first.text;
  clock_.advance(hours(3));  // long after its window
  const auto path = "/api/webhooks/deliveries/" + first.at("deliveryId") + "/replay";
  const auto again = post(path, "", {{"Idempotency-Key", "replay-1"}});
  EXPECT_EQ(again.status, 201) << again.text;
  EXPECT_EQ(post(path, "", {{"Idempotency-Key", "replay-1"}}).text, again.text);
  EXPECT_NE(again.at("eventId"), first.at("eventId"));
  EXPECT_EQ(again.at("firstEventId"), first.at("eventId"));
  EXPECT_EQ(again.at("replayOf"), first.at("deliveryId"));
  EXPECT_EQ(at(newest_event(), "payload"), linear);
  EXPECT_EQ(at(newest_event(), "eventType"), "linear_Issue");
  EXPECT_EQ(get("/api/webhooks/deliveries/" + again.at("deliveryId")).at("replayOf"),
            first.at("deliveryId"));
  EXPECT_EQ(post("/api/webhooks/deliveries/" + again.at("deliveryId") + "/replay").status, 201);
  EXPECT_EQ(events(), 3U);
  arrive("/api/github/webhook", "{}", {});
  const auto refused = at(deliveries("?status=refused")[0].as_object(), "id");
  EXPECT_EQ(post("/api/webhooks/deliveries/" + refused + "/replay").status, 422);
}

TEST_F(WebhooksInApi, ASourceHasAnAddressAndSecretsOfItsOwn) {
  const auto persona = make_persona("a");
  const auto made =
      post("/api/webhook-sources",
           fmt::format(R"({{"name":"site","preset":"github","secret":"new","previousSecret":"old",
                           "personaId":"{}"}})",
                       persona));
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.at("secret"), "null");
  const auto path = made.at("path");
  EXPECT_EQ(arrive(path, "{}", github("{}", "d-1", "new")).status, 200);
  EXPECT_EQ(at(newest_event(), "targetPersonaId"), persona);
  EXPECT_EQ(at(newest_event(), "sourceId"), "site");
  EXPECT_EQ(arrive(path, "{}", github("{}", "d-2", "old")).status, 200);
  EXPECT_EQ(arrive(path, "{}", github("{}", "d-3", "s3cret")).status, 401);
  // What is for one persona opens nothing else.
  EXPECT_EQ(arrive("/api/github/webhook", "{}", github("{}", "d-4", "new")).status, 401);
  EXPECT_EQ(post("/api/webhook-sources", R"({"name":"site"})").status, 409);
  EXPECT_EQ(send("DELETE", "/api/webhook-sources/" + made.at("id")).status, 204);
  EXPECT_EQ(arrive(path, "{}", github("{}", "d-5", "new")).status, 401);
  EXPECT_EQ(get("/api/webhook-sources").json.as_array().size(), 0U);
}

TEST_F(WebhooksInApi, ASharedAddressTakesWhatItsSourcesSign) {
  ASSERT_EQ(
      post("/api/webhook-sources", R"({"name":"x","preset":"github","secret":"more"})").status,
      201);
  EXPECT_EQ(arrive("/api/github/webhook", "{}", github("{}", "d-1", "more")).status, 200);
  EXPECT_EQ(arrive("/api/github/webhook", "{}", github("{}", "d-2", "s3cret")).status, 200);
}

TEST_F(WebhooksInApi, ASecretThatTheServerMadeIsShownOnce) {
  const auto made = post("/api/webhook-sources", R"({"name":"x","preset":"standard"})",
                         {{"Idempotency-Key", "k"}});
  ASSERT_EQ(made.status, 201) << made.text;
  const Secret secret(made.at("secret"));
  EXPECT_THAT(made.at("secret"), testing::StartsWith("whsec_"));
  EXPECT_EQ(post("/api/webhook-sources", R"({"name":"x","preset":"standard"})",
                 {{"Idempotency-Key", "k"}})
                .status,
            409);
  EXPECT_THAT(get("/api/webhook-sources").text, testing::Not(testing::HasSubstr("whsec_")));
  EXPECT_EQ(arrive(made.at("path"), "{}", signed_with(secret, "msg_1", "{}")).status, 200);
}

TEST_F(WebhooksInApi, WhatIsUnsignedIsTakenOnlyWhereSomebodySaysSo) {
  EXPECT_EQ(post("/api/webhook-sources", R"({"name":"x","preset":"slack"})").status, 400);
  EXPECT_EQ(post("/api/webhook-sources", R"({"name":"x","secret":"s","unsigned":true})").status,
            400);
  EXPECT_EQ(post("/api/webhook-sources", R"({"name":"x","preset":"standard","secret":"s"})").status,
            400);
  const auto made =
      post("/api/webhook-sources", R"({"name":"x","preset":"gitlab","unsigned":true})");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(arrive(made.at("path"), R"({"object_kind":"push"})", {}).status, 200);
  EXPECT_EQ(arrive("/api/gitlab/webhook", R"({"object_kind":"push"})", {}).status, 401);
}

TEST_F(WebhooksInApi, BodiesAreTakenToTheirOwnBound) {
  const auto path = "/api/webhooks/" + make_persona("a");
  std::string body = "\"" + std::string(webhook_auth::kMaxBodyBytes - 2, 'x') + "\"";
  EXPECT_EQ(post(path, body).status, 200);
  body += ' ';
  EXPECT_EQ(post(path, body).status, 413);
  EXPECT_EQ(post("/api/events", body).status, 413);
  EXPECT_EQ(deliveries().size(), 1U);
}

TEST_F(WebhooksInApi, TheLogStaysWithinItsBounds) {
  const auto log = [this](std::string_view body, store::DeliveryStatus status) {
    store::WebhookDelivery row;
    clock_.advance(milliseconds(1));
    row.id = WebhookDeliveryId::make(clock_.wall(), random_);
    row.status = status;
    write([&](store::Transaction& tx) {
      return store::log_delivery(tx, default_tenant(), row, body);
    });
  };
  const auto count = [this](std::string_view status) {
    return std::ssize(deliveries(fmt::format("?limit=500&status={}", status)));
  };
  // By bytes, long before the number.
  const std::string body(webhook_auth::kMaxBodyBytes, 'x');
  const auto fits = store::kMaxLoggedBytes / std::ssize(body);
  for (std::int64_t i = 0; i < fits + 3; ++i) log(body, store::DeliveryStatus::kAccepted);
  EXPECT_LE(count("accepted"), fits);
  EXPECT_GE(count("accepted"), fits - 1);
  // What was refused counts apart.
  for (std::int64_t i = 0; i < store::kMaxLoggedRefusals + 50; ++i) {
    log({}, store::DeliveryStatus::kRefused);
  }
  EXPECT_EQ(count("refused"), store::kMaxLoggedRefusals);
  EXPECT_GE(count("accepted"), fits - 1);
}

TEST_F(WebhooksInApi, WhoFailsTooOftenWaits) {
  int tries = 0;
  while (arrive("/api/github/webhook", "{}", {}).status == 401) ASSERT_LT(++tries, 1000);
  EXPECT_EQ(tries, 120);
  const auto refused = arrive("/api/github/webhook", "{}", github("{}", "d-1"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.headers.get("Retry-After"), "");
  // Neither other addresses, nor other operations, nor who has a key.
  auto elsewhere = request("POST", "/api/github/webhook", "{}", github("{}", "d-2"), "");
  elsewhere.remote_address = "203.0.113.9";
  EXPECT_EQ(raw(elsewhere).status, 200);
  EXPECT_EQ(arrive("/api/gitlab/webhook", "{}", {}).status, 401);
  EXPECT_EQ(post("/api/github/webhook", "{}", github("{}", "d-3")).status, 200);
  EXPECT_LE(std::ssize(deliveries("?status=refused&limit=500")), store::kMaxLoggedRefusals);
  clock_.advance(seconds(2));
  EXPECT_EQ(arrive("/api/github/webhook", "{}", github("{}", "d-4")).status, 200);
}

// Deny by default: a handler that forgets to look for a proof answers nobody.
Task<Result<operations::Reply>> forgetful(operations::Call&) {
  co_return operations::Reply{.body = "{}"};
}

TEST_F(WebhooksInApi, AHandlerThatForgetsToLookLetsNobodyIn) {
  const std::vector<operations::Operation> table{{.id = "forgetful",
                                                  .method = "POST",
                                                  .path = "/api/forgetful",
                                                  .summary = "",
                                                  .tag = "",
                                                  .access = operations::Access::kProof,
                                                  .handler = &forgetful}};
  api_ = std::make_unique<Api>(*services_, authenticator_, logger_, Options{}, table);
  EXPECT_EQ(arrive("/api/forgetful", "{}", {}).status, 401);
  EXPECT_EQ(post("/api/forgetful", "{}").status, 200);
}

}  // namespace
}  // namespace personas::http_api
