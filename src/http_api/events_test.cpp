// Events and subscriptions over the API: publishing, matching, retrying, replaying.
#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::HasSubstr;

class EventsApi : public ApiTest {
 protected:
  std::string subscribe(std::string_view persona, std::string_view fields) {
    const auto made =
        post("/api/subscriptions", fmt::format(R"({{"personaId":"{}",{}}})", persona, fields));
    EXPECT_EQ(made.status, 201) << made.text;
    return made.at("id");
  }
};

TEST_F(EventsApi, ASubscriptionStartsItsPersona) {
  const auto persona = make_persona("a");
  const auto id = subscribe(
      persona, R"("eventType":"gitlab_push","sourceFilter":"org/*","filter":"ref == \"main\"")");
  const auto made = post(
      "/api/events", R"({"eventType":"gitlab_push","sourceId":"org/x","payload":{"ref":"main"}})");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.at("status"), "delivered");
  ASSERT_EQ(executions_.queued.size(), 1U);
  const auto execution = get("/api/executions/" + executions_.queued[0].id.str());
  EXPECT_EQ(execution.at("eventId"), made.at("id"));
  EXPECT_EQ(execution.at("source"), "event");
  const auto matches = get("/api/events/" + made.at("id") + "/matches").json.as_array();
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches[0].at("subscriptionId").as_string(), id);
  EXPECT_EQ(matches[0].at("executionId").as_string(), executions_.queued[0].id.str());
  EXPECT_EQ(get("/api/personas/" + persona + "/subscriptions").json.as_array().size(), 1U);
  EXPECT_EQ(send("GET", "/api/subscriptions/" + id, {}, {}, kOtherKey).status, 404);
}

TEST_F(EventsApi, ASubscriptionIsChangedInPartAndDeleted) {
  const auto persona = make_persona("a");
  const auto id = subscribe(persona, R"("eventType":"push","priority":3)");
  const auto path = "/api/subscriptions/" + id;
  EXPECT_EQ(send("PUT", path, R"({"enabled":false})").at("priority"), "3");
  EXPECT_EQ(post("/api/events", R"({"eventType":"push"})").at("status"), "skipped");
  EXPECT_EQ(send("PATCH", path, R"({"enabled":true})").at("enabled"), "true");
  EXPECT_EQ(post("/api/events", R"({"eventType":"push"})").at("status"), "delivered");
  EXPECT_EQ(send("DELETE", path).status, 204);
  EXPECT_EQ(post("/api/events", R"({"eventType":"push"})").at("status"), "skipped");
  EXPECT_EQ(send("DELETE", path).status, 404);
}

TEST_F(EventsApi, SubscriptionsGoWithTheirPersona) {
  const auto persona = make_persona("a");
  const auto id = subscribe(persona, R"("eventType":"push")");
  EXPECT_EQ(send("DELETE", "/api/personas/" + persona).status, 204);
  EXPECT_EQ(get("/api/subscriptions/" + id).status, 404);
}

TEST_F(EventsApi, WhatIsWrongIsNamedWithItsPlace) {
  const auto persona = make_persona("a");
  const auto wrong =
      post("/api/subscriptions",
           fmt::format(R"({{"personaId":"{}","eventType":"a*b","filter":"x =="}})", persona));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.text, HasSubstr("/eventType"));
  EXPECT_THAT(wrong.text, HasSubstr("/filter"));
  EXPECT_EQ(post("/api/subscriptions", R"({"personaId":"per_none","eventType":"a"})").status, 404);
}

TEST_F(EventsApi, ARefusedMatchIsRetriedByHand) {
  const auto persona = make_persona("a");
  subscribe(persona, R"("eventType":"push")");
  send("PATCH", "/api/personas/" + persona, R"({"enabled":false})");
  const auto made = post("/api/events", R"({"eventType":"push"})");
  EXPECT_EQ(made.at("status"), "failed");
  EXPECT_THAT(made.at("errorMessage"), HasSubstr("disabled"));
  EXPECT_NE(made.at("nextRetryAt"), "null");
  EXPECT_EQ(due_.size(), 1U);
  send("PATCH", "/api/personas/" + persona, R"({"enabled":true})");
  const auto tried = post("/api/events/" + made.at("id") + "/retry");
  EXPECT_EQ(tried.at("status"), "delivered") << tried.text;
  EXPECT_EQ(executions_.queued.size(), 1U);
}

TEST_F(EventsApi, AFactIsPublishedOnceByItsKey) {
  subscribe(make_persona("a"), R"("eventType":"push")");
  const std::string body = R"({"eventType":"push","idempotencyKey":"d-1"})";
  const auto first = post("/api/events", body);
  EXPECT_EQ(first.status, 201);
  const auto again = post("/api/events", body);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.at("id"), first.at("id"));
  EXPECT_EQ(executions_.queued.size(), 1U);
}

TEST_F(EventsApi, ABatchIsOneTransaction) {
  subscribe(make_persona("a"), R"("eventType":"push")");
  const auto done = post("/api/events/batch",
                         R"({"events":[{"eventType":"push","idempotencyKey":"1"},
                                       {"eventType":"push","idempotencyKey":"1"},
                                       {"eventType":"other"}]})");
  ASSERT_EQ(done.status, 201) << done.text;
  const auto& events = done.object().at("events").as_array();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].at("id"), events[1].at("id"));
  EXPECT_TRUE(events[1].at("repeated").as_bool());
  EXPECT_EQ(events[2].at("status").as_string(), "skipped");
  EXPECT_EQ(executions_.queued.size(), 1U);
  const auto refused = post("/api/events/batch",
                            R"({"events":[{"eventType":"push"},
                                          {"eventType":"push","targetPersonaId":"per_none"}]})");
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.text, HasSubstr("/events/1/targetPersonaId"));
  EXPECT_EQ(executions_.queued.size(), 1U) << "nothing of it was started";
}

TEST_F(EventsApi, EventsAreReplayedByAFilter) {
  post("/api/events", R"({"eventType":"git_push"})");
  post("/api/events", R"({"eventType":"git_tag"})");
  post("/api/events", R"({"eventType":"other"})");
  subscribe(make_persona("a"), R"("eventType":"git_*")");
  const auto tried =
      post("/api/events/replay", R"({"eventType":"git_*","status":"skipped","limit":1})");
  ASSERT_EQ(tried.status, 200) << tried.text;
  EXPECT_EQ(tried.object().at("events").as_array().size(), 1U);
  const auto rest =
      post("/api/events/replay",
           fmt::format(R"({{"eventType":"git_*","before":"{}"}})", tried.at("before")));
  EXPECT_EQ(rest.object().at("events").as_array().size(), 1U);
  EXPECT_EQ(executions_.queued.size(), 2U);
  const auto again = post("/api/events/replay", R"({"eventType":"git_tag","mode":"again"})");
  EXPECT_EQ(executions_.queued.size(), 3U);
  const auto copy = again.object().at("events").as_array().at(0).at("id").as_string();
  EXPECT_NE(get("/api/events/" + std::string(copy)).at("replayOf"), "null");
  EXPECT_EQ(get("/api/events?eventType=git_*").json.as_array().size(), 3U);
  EXPECT_EQ(get("/api/events/dead").json.as_array().size(), 0U);
}

}  // namespace
}  // namespace personas::http_api
