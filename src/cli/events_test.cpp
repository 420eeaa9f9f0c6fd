// The commands on events, subscriptions, triggers, webhooks and calls: what they ask for, and what
// they say of it.
#include <gmock/gmock.h>

#include "test_world.hpp"

namespace personas::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kEvent =
    R"({"id":"evt_01jd2m9x7v0000000000000abc","eventType":"report.ready","sourceType":"cli",
        "payload":"{\"lines\":[1,2]}","status":"partial","errorMessage":"it is disabled",
        "createdAt":"2027-01-15T08:00:00Z"})";

struct EventCommands : testing::Test {
  World world;

  EventCommands() {
    world.server.answer("GET /api/personas?limit=500", std::string(kDemoPersonas));
  }

  std::string list_of(std::string_view one) { return fmt::format("[{}]", one); }
};

TEST_F(EventCommands, ListsEventsWithWhatIsWrong) {
  world.server.answer("GET /api/events?limit=50&eventType=report.%2A&status=partial",
                      list_of(kEvent));
  EXPECT_EQ(world.run({"events", "list", "--type", "report.*", "--status", "partial"}), 0);
  EXPECT_THAT(world.terminal.output, HasSubstr("report.ready"));
  EXPECT_THAT(world.terminal.output, HasSubstr("it is disabled"));
}

TEST_F(EventCommands, ShowsAnEventByTheEndOfItsIdWithWhomItStarted) {
  world.server.answer("GET /api/events?limit=500", list_of(kEvent));
  world.server.answer("GET /api/events/evt_01jd2m9x7v0000000000000abc/matches",
                      R"([{"eventId":"evt_01jd2m9x7v0000000000000abc","subscriptionId":"sub_1",
                           "personaId":"per_2","status":"refused",
                           "errorMessage":"it is disabled"}])");
  EXPECT_EQ(world.run({"events", "show", "abc"}), 0);
  EXPECT_THAT(world.terminal.output, HasSubstr("\"lines\": [\n    1,\n    2\n  ]"));
  EXPECT_THAT(world.terminal.output, HasSubstr("Reviewer"));
  EXPECT_THAT(world.terminal.output, HasSubstr("sub_1"));
}

TEST_F(EventCommands, PublishesWithAPayloadFromAFile) {
  world.files["payload.json"] = R"({"a": 1})";
  world.server.answer("POST /api/events", {.status = 201, .body = std::string(kEvent)});
  EXPECT_EQ(world.run({"events", "publish", "report.ready", "--payload", "@payload.json",
                       "--persona", "demo", "--key", "k1"}),
            0);
  EXPECT_EQ(world.server.body_of("POST /api/events"),
            R"({"eventType":"report.ready","sourceType":"cli","payload":"{\"a\":1}",)"
            R"("idempotencyKey":"k1","targetPersonaId":"per_1"})");
}

TEST_F(EventCommands, ReplaysPageByPageUpToTheLimit) {
  world.server.answer("POST /api/events/replay", R"({"events":[{"id":"evt_2"}],"before":"evt_2"})");
  world.server.answer("POST /api/events/replay", R"({"events":[{"id":"evt_1"}]})");
  EXPECT_EQ(world.run({"events", "replay", "--status", "dead", "--since", "2h"}), 0);
  EXPECT_THAT(world.terminal.output, HasSubstr("tried again: 2"));
  EXPECT_THAT(world.server.requests.back().body, HasSubstr(R"("before":"evt_2")"));
  EXPECT_THAT(world.server.requests.back().body, HasSubstr(R"("limit":99)"));
}

TEST_F(EventCommands, NameTheFlagOfATimeThatIsNone) {
  EXPECT_EQ(world.run({"events", "ls", "--since", "yesterday"}), 64);
  EXPECT_THAT(world.terminal.errors, HasSubstr("--since: expected a time such as"));
}

TEST_F(EventCommands, MakeASubscriptionWithAWindow) {
  world.server.answer(
      "POST /api/subscriptions",
      {.status = 201, .body = R"({"id":"sub_9","personaId":"per_2","eventType":"push.*"})"});
  EXPECT_EQ(world.run({"subscriptions", "add", "Reviewer", "push.*", "--filter", "ref == \"main\"",
                       "--debounce", "10s"}),
            0);
  EXPECT_EQ(world.server.body_of("POST /api/subscriptions"),
            R"({"personaId":"per_2","eventType":"push.*","filter":"ref == \"main\"",)"
            R"("deliveryWindow":{"mode":"debounce","ms":10000}})");
  EXPECT_THAT(world.terminal.output, HasSubstr("Reviewer runs on push.*"));
}

TEST_F(EventCommands, MakeATriggerOfTheTypeThatItsFlagsMean) {
  world.server.answer(
      "POST /api/triggers",
      {.status = 201, .body = R"({"id":"trg_1","personaId":"per_1","triggerType":"chain"})"});
  EXPECT_EQ(world.run({"triggers", "add", "demo", "--after", "Reviewer", "--on", "failed"}), 0);
  EXPECT_EQ(world.server.body_of("POST /api/triggers"),
            R"({"personaId":"per_1","triggerType":"chain",)"
            R"("config":{"sourcePersonaId":"per_2","on":"failed"}})");
}

TEST_F(EventCommands, PreviewAScheduleThatIsNotSaved) {
  world.server.answer("POST /api/triggers/preview?count=1",
                      R"([{"slot":"2027-01-15T09:00:00Z","dueAt":"2027-01-15T09:00:01Z"}])");
  EXPECT_EQ(world.run({"triggers", "preview", "--cron", "0 9 * * *", "--timezone", "Europe/Berlin",
                       "--count", "1"}),
            0);
  EXPECT_EQ(
      world.server.body_of("POST /api/triggers/preview?count=1"),
      R"({"triggerType":"schedule","config":{"cron":"0 9 * * *","timezone":"Europe/Berlin"}})");
  EXPECT_THAT(world.terminal.output, HasSubstr("2027-01-15T09:00:01Z"));
  EXPECT_EQ(world.run({"triggers", "preview"}), 64);
  EXPECT_THAT(world.terminal.errors, HasSubstr("Name a trigger, or a schedule"));
}

TEST_F(EventCommands, TellTheSecretOfASourceOnce) {
  world.server.answer(
      "POST /api/webhook-sources",
      {.status = 201, .body = R"({"id":"whs_1","path":"/api/hooks/whs_1","secret":"whsec_x"})"});
  EXPECT_EQ(world.run({"webhooks", "in", "add", "ci", "--preset", "github"}), 0);
  EXPECT_EQ(world.terminal.output,
            "whs_1\naddress: http://server/api/hooks/whs_1\nsecret: whsec_x\n");
  EXPECT_THAT(world.terminal.errors, HasSubstr("shown this once"));
}

TEST_F(EventCommands, TakeTheSecretOfASenderFromStandardInputOnly) {
  world.files["-"] = "s3cret\n";
  world.server.answer("POST /api/webhook-sources",
                      {.status = 201, .body = R"({"id":"whs_1","path":"/api/hooks/whs_1"})"});
  EXPECT_EQ(world.run({"webhooks", "in", "add", "ci", "--secret-stdin"}), 0);
  EXPECT_THAT(world.server.body_of("POST /api/webhook-sources"), HasSubstr(R"("secret":"s3cret")"));
  EXPECT_THAT(world.terminal.output, Not(HasSubstr("s3cret")));
  EXPECT_EQ(world.run({"webhooks", "in", "add", "ci", "--secret", "s3cret"}), 2);
}

TEST_F(EventCommands, ReplayADeliveryByTheEndOfItsId) {
  world.server.answer("GET /v1/webhooks", R"([{"id":"whe_1","url":"https://a.example"}])");
  world.server.answer("GET /v1/webhooks/whe_1/deliveries?limit=500",
                      R"([{"id":"whm_22"},{"id":"whm_11"}])");
  world.server.answer("POST /v1/webhooks/whe_1/deliveries/whm_11/replay",
                      {.status = 202, .body = R"({"id":"whm_33"})"});
  EXPECT_EQ(world.run({"webhooks", "out", "replay", "last", "11"}), 0);
  EXPECT_EQ(world.terminal.output, "is sent: whm_33\n");
}

TEST_F(EventCommands, CallAPersonaUntilItsResultIsThere) {
  const std::string path = "/api/personas/per_2/call";
  const std::string pending =
      R"({"executionId":"exe_1","status":"running","statusUrl":"/api/personas/per_2/call/exe_1"})";
  world.server.answer("POST " + path + "?wait=30000ms", {.status = 202, .body = pending});
  world.server.answer("GET " + path + "/exe_1?wait=30000ms", {.status = 202, .body = pending});
  world.server.answer("GET " + path + "/exe_1?wait=30000ms",
                      R"({"executionId":"exe_1","status":"completed","statusUrl":"/x",
                          "result":{"score":7},"answer":"text","outcome":{"accomplished":true}})");
  EXPECT_EQ(world.run({"call", "Reviewer", "--input", R"({"a":1})"}), 0);
  EXPECT_EQ(world.terminal.output, "{\n  \"score\": 7\n}\n");
  EXPECT_EQ(world.server.body_of("POST " + path + "?wait=30000ms"), R"({"a":1})");
}

TEST_F(EventCommands, SayWhichFieldOfACallIsWrong) {
  world.server.answer(
      "POST /api/personas/per_2/call?wait=30000ms",
      {.status = 400,
       .body = R"({"detail":"The input does not fit its schema","code":"invalid_request",
                   "fields":[{"path":"/url","message":"is required"}]})"});
  EXPECT_EQ(world.run({"call", "Reviewer"}), 64);
  EXPECT_THAT(world.terminal.errors, HasSubstr("/url: is required"));
}

TEST_F(EventCommands, LeaveACallThatIsNotOverWithItsId) {
  world.server.answer("POST /api/personas/per_2/call?wait=0ms",
                      {.status = 202, .body = R"({"executionId":"exe_1","status":"queued",
                                                  "statusUrl":"/api/personas/per_2/call/exe_1"})"});
  EXPECT_EQ(world.run({"call", "Reviewer", "--wait", "0s"}), 75);
  EXPECT_EQ(world.terminal.output, "exe_1\n");
  EXPECT_THAT(world.terminal.errors, HasSubstr("personas logs exe_1 --follow"));
}

}  // namespace
}  // namespace personas::cli
