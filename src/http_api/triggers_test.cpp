// Triggers over the API; what the scheduler makes of them is tested in triggers.
#include "test_api.hpp"

namespace personas::http_api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

class TriggersApi : public ApiTest {
 protected:
  Answer create(std::string_view rest) {
    return post("/api/triggers", fmt::format(R"({{"personaId":"{}",{}}})", persona_, rest));
  }
  std::string made(std::string_view rest) {
    const auto answer = create(rest);
    EXPECT_EQ(answer.status, 201) << answer.text;
    return "/api/triggers/" + answer.at("id");
  }
  std::string persona_ = make_persona("watcher");
};

TEST_F(TriggersApi, TheFirstGenerationsRequestWorksAsPrinted) {
  const auto answer = create(R"("triggerType": "schedule",
    "config": "{\"cron\": \"every 30m\", \"event_type\": \"scheduled_review\", )"
                             R"(\"payload\": {\"scope\": \"recent\"}}",
    "enabled": true)");
  ASSERT_EQ(answer.status, 201) << answer.text;
  EXPECT_THAT(answer.at("id"), testing::StartsWith("trg_"));
  EXPECT_THAT(answer.at("config"), HasSubstr(R"("cron": "every 30m")"));
  EXPECT_NE(answer.at("nextTriggerAt"), "null");
  EXPECT_EQ(answer.at("triggerCount"), "0");
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(get("/api/triggers/" + answer.at("id")).text, answer.text);
  EXPECT_THAT(get("/api/triggers").json.as_array(), SizeIs(1));
  EXPECT_THAT(get("/api/triggers?triggerType=manual").json.as_array(), SizeIs(0));
  EXPECT_THAT(get("/api/personas/" + persona_ + "/triggers").json.as_array(), SizeIs(1));
  EXPECT_EQ(get("/api/personas/per_9/triggers").status, 404);
}

TEST_F(TriggersApi, AWrongConfigIsRefusedWithAllErrorsAtOnce) {
  const auto answer = create(R"("triggerType":"schedule",
      "config":{"cron":"61 * * * *","timezone":"Mars/Base","jitter":"soon","crons":1})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.text, HasSubstr("/config/crons"));
  const auto wrong = create(R"("triggerType":"schedule",
      "config":{"cron":"61 * * * *","timezone":"Mars/Base","jitter":"soon"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.text, AllOf(HasSubstr("/config/cron"), HasSubstr("minute, position 1"),
                                HasSubstr("/config/timezone"), HasSubstr("/config/jitter")));
  EXPECT_EQ(create(R"("triggerType":"hourly")").status, 400);
  EXPECT_EQ(post("/api/triggers", R"({"triggerType":"manual"})").status, 400);
  EXPECT_EQ(post("/api/triggers", R"({"personaId":"per_9","triggerType":"manual"})").status, 404);
  EXPECT_EQ(
      create(R"("triggerType":"chain","config":{"sourcePersonaId":"per_9","on":"failed"})").status,
      404);
  EXPECT_THAT(get("/api/triggers").json.as_array(), SizeIs(0));
}

TEST_F(TriggersApi, AChangePlansAnewAndKeepsWhatIsAbsent) {
  const auto path = made(R"("triggerType":"schedule","name":"n","config":{"cron":"@daily"})");
  const auto before = get(path);
  const auto renamed = send("PATCH", path, R"({"name":"m"})");
  EXPECT_EQ(renamed.status, 200) << renamed.text;
  EXPECT_EQ(renamed.at("nextTriggerAt"), before.at("nextTriggerAt"));
  const auto hourly = send("PUT", path, R"({"config":{"cron":"@hourly"}})");
  EXPECT_EQ(hourly.at("name"), "m");
  EXPECT_LT(hourly.at("nextTriggerAt"), before.at("nextTriggerAt"));
  EXPECT_EQ(send("PUT", path, R"({"config":{"cron":"@yesterday"}})").status, 400);
  const auto off = send("PUT", path, R"({"enabled":false})");
  EXPECT_EQ(off.at("nextTriggerAt"), "null");
  EXPECT_EQ(send("DELETE", path).status, 204);
  EXPECT_EQ(get(path).status, 404);
  EXPECT_EQ(send("DELETE", path).status, 404);
}

TEST_F(TriggersApi, PausedAndResumed) {
  const auto path = made(R"("triggerType":"schedule","config":{"cron":"@hourly"})");
  const auto paused = post(path + "/pause", R"({"reason":"too loud"})");
  EXPECT_EQ(paused.at("enabled"), "false");
  EXPECT_EQ(paused.at("pausedReason"), "too loud");
  EXPECT_EQ(paused.at("nextTriggerAt"), "null");
  EXPECT_EQ(post(path + "/pause").at("pausedReason"), "Paused by request");
  const auto resumed = post(path + "/resume");
  EXPECT_EQ(resumed.at("enabled"), "true");
  EXPECT_EQ(resumed.at("pausedReason"), "null");
  EXPECT_NE(resumed.at("nextTriggerAt"), "null");
  EXPECT_EQ(post("/api/triggers/trg_9/pause").status, 404);
}

TEST_F(TriggersApi, AllTypesFireByHand) {
  const auto manual =
      made(R"("triggerType":"manual","config":{"event_type":"go","payload":{"a":1}})");
  const auto polling = made(
      R"("triggerType":"polling","config":{"url":"https://example.com/feed","cron":"every 5m"})");
  const auto chain = made(R"("triggerType":"chain","config":{"sourcePersonaId":")" + persona_ +
                          R"(","on":"completed"})");
  const auto webhook = made(R"("triggerType":"webhook","enabled":false)");
  for (const auto& path : {manual, polling, chain, webhook}) {
    const auto fired = post(path + "/fire");
    ASSERT_EQ(fired.status, 201) << fired.text;
    EXPECT_EQ(fired.at("kind"), "manual");
    EXPECT_EQ(fired.at("status"), "published");
    EXPECT_THAT(get(path + "/firings").json.as_array(), SizeIs(1));
    EXPECT_EQ(get(path).at("triggerCount"), "1");
    const auto event = get("/api/events/" + fired.at("eventId"));
    EXPECT_EQ(event.at("sourceType"), "trigger");
    EXPECT_EQ(event.at("targetPersonaId"), persona_);
  }
  const auto event = get("/api/events?eventType=go").json.as_array();
  ASSERT_THAT(event, SizeIs(1));
  EXPECT_EQ(event[0].at("payload"), R"({"a":1})");
  const auto again = post(manual + "/fire", R"({"payload":{"b":2}})");
  EXPECT_EQ(get("/api/events/" + again.at("eventId")).at("payload"), R"({"b":2})");
  const auto keyed = post(manual + "/fire", {}, {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(post(manual + "/fire", {}, {{"Idempotency-Key", "k1"}}).text, keyed.text);
  EXPECT_EQ(get(manual).at("triggerCount"), "3");
}

TEST_F(TriggersApi, ARangeIsFilledInOnce) {
  const auto path = made(R"("triggerType":"schedule","config":{"cron":"0 * * * *"})");
  const auto range = fmt::format(R"({{"from":"{}","to":"{}"}})",
                                 to_rfc3339(clock_.wall() - hours(10)), to_rfc3339(clock_.wall()));
  const auto filled = post(path + "/backfill", range);
  ASSERT_EQ(filled.status, 201) << filled.text;
  EXPECT_EQ(filled.at("published"), "10");
  EXPECT_EQ(post(path + "/backfill", range).at("alreadyFired"), "10");
  EXPECT_THAT(get(path + "/firings").json.as_array(), SizeIs(10));
  const auto backfill = [&](Duration from, Duration to) {
    return post(path + "/backfill",
                fmt::format(R"({{"from":"{}","to":"{}"}})", to_rfc3339(clock_.wall() + from),
                            to_rfc3339(clock_.wall() + to)))
        .status;
  };
  EXPECT_EQ(backfill(hours(0), hours(1)), 400);
  EXPECT_EQ(backfill(hours(-1), hours(-2)), 400);
  EXPECT_EQ(backfill(hours(-24 * 91), hours(-1)), 400);
  EXPECT_EQ(backfill(hours(-24 * 80), hours(-1)), 422);
  EXPECT_EQ(post(made(R"("triggerType":"manual")") + "/backfill", range).status, 422);
}

TEST_F(TriggersApi, WhatIsToComeIsShownAlsoForAConfigThatIsNotSaved) {
  const auto path = made(R"("triggerType":"schedule","config":{"cron":"@hourly","jitter":"5m"})");
  const auto next = get(path + "/preview?count=3");
  ASSERT_EQ(next.status, 200) << next.text;
  ASSERT_THAT(next.json.as_array(), SizeIs(3));
  EXPECT_EQ(next.json.as_array()[0].at("dueAt"), bj::value(get(path).at("nextTriggerAt")));
  const auto shown =
      post("/api/triggers/preview", R"({"config":{"cron":"0 9 * * *","timezone":"Asia/Tokyo"}})");
  ASSERT_THAT(shown.json.as_array(), SizeIs(10)) << shown.text;
  EXPECT_THAT(std::string(shown.json.as_array()[0].at("slot").as_string()), HasSubstr("T00:00:00"));
  EXPECT_EQ(post("/api/triggers/preview", R"({"config":{"cron":"x"}})").status, 400);
  EXPECT_EQ(get(path + "/preview?count=101").status, 400);
}

TEST_F(TriggersApi, BelongToTheirTenantAndGoWithTheirPersona) {
  const auto path = made(R"("triggerType":"manual")");
  EXPECT_EQ(send("GET", path, {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("POST", path + "/fire", {}, {}, kOtherKey).status, 404);
  EXPECT_EQ(send("POST", path + "/fire", {}, {}, kViewerKey).status, 403);
  EXPECT_EQ(send("DELETE", "/api/personas/" + persona_).status, 204);
  EXPECT_EQ(get(path).status, 404);
}

}  // namespace
}  // namespace personas::http_api
