#include "personas/triggers/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::triggers {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr Timestamp kMade{1'800'000'000'500'000};

Result<Plan> read(TriggerType type, std::string config) {
  return read_plan(type, codec::JsonText{std::move(config)}, kMade);
}
std::string problems(TriggerType type, std::string config) {
  const auto plan = read(type, std::move(config));
  if (plan) return "none";
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalidRequest);
  return plan.error().describe();
}

TEST(TriggerConfig, TheFirstGenerationsScheduleIsRead) {
  const auto plan =
      read(TriggerType::kSchedule,
           R"({"cron": "every 30m", "event_type": "scheduled_review", "payload": {"a": 1}})");
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->event_type(), "scheduled_review");
  EXPECT_EQ(plan->config.payload->text, R"({"a":1})");
  EXPECT_EQ(plan->schedule->next_after(kMade), Timestamp{1'800'001'800'000'000})
      << "counted from the second in which it was made";
  EXPECT_EQ(plan->missed.runs, schedule::MissedRuns::kOnce);
}

TEST(TriggerConfig, DurationsAndPoliciesAreRead) {
  const auto plan = read(TriggerType::kSchedule,
                         R"({"interval_seconds":60,"jitter":"10m","missedRuns":"all",
                             "missedWindow":"2h","overlap":"cancel_previous"})");
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->jitter, minutes(10));
  EXPECT_EQ(plan->missed.window, hours(2));
  EXPECT_EQ(plan->missed.runs, schedule::MissedRuns::kAll);
  EXPECT_EQ(plan->config.overlap, Overlap::kCancelPrevious);
  EXPECT_EQ(plan->event_type(), kDefaultEventType);
}

TEST(TriggerConfig, AllThatIsWrongIsToldAtOnce) {
  EXPECT_THAT(problems(TriggerType::kSchedule,
                       R"({"cron":"61 * * * *","timezone":"Mars/Base","jitter":"soon",
                           "missedWindow":"300d","url":"https://x"})"),
              AllOf(HasSubstr("/config/cron: minute, position 1"), HasSubstr("/config/timezone"),
                    HasSubstr("/config/jitter: is not a duration"),
                    HasSubstr("/config/missedWindow: must not be longer than 168 h"),
                    HasSubstr("/config/url: is not for a trigger of type schedule")));
  EXPECT_THAT(problems(TriggerType::kSchedule, R"({"crno":"@daily","pauseAfterFailures":-1})"),
              AllOf(HasSubstr("/config/crno"), HasSubstr("/config/pauseAfterFailures")));
  EXPECT_THAT(problems(TriggerType::kSchedule, "{}"), HasSubstr("/config/cron: is missing"));
  EXPECT_THAT(problems(TriggerType::kSchedule, ""), HasSubstr("/config/cron: is missing"));
  EXPECT_THAT(problems(TriggerType::kSchedule, "[1]"), HasSubstr("/config"));
}

TEST(TriggerConfig, EachTypeHasItsOwnMembers) {
  EXPECT_EQ(problems(TriggerType::kManual, ""), "none");
  EXPECT_EQ(problems(TriggerType::kWebhook, R"({"event_type":"x","payload":1})"), "none");
  EXPECT_THAT(problems(TriggerType::kManual, R"({"cron":"@daily"})"),
              HasSubstr("/config/cron: is not for a trigger of type manual"));
  EXPECT_EQ(problems(TriggerType::kPolling, R"({"url":"https://x/feed","cron":"every 5m"})"),
            "none");
  EXPECT_EQ(problems(TriggerType::kPolling,
                     R"({"command":"ls","interval_seconds":60,"detect":"path","jsonPath":"$.a"})"),
            "none");
  EXPECT_THAT(problems(TriggerType::kPolling, R"({"detect":"path"})"),
              AllOf(HasSubstr("one of url and command"), HasSubstr("/config/cron: is missing"),
                    HasSubstr("/config/jsonPath")));
  EXPECT_THAT(problems(TriggerType::kPolling, R"({"url":"file:///etc/passwd","cron":"@daily"})"),
              HasSubstr("must begin with https://"));
  EXPECT_EQ(problems(TriggerType::kChain, R"({"sourcePersonaId":"per_1","on":"completed"})"),
            "none");
  EXPECT_EQ(problems(TriggerType::kChain,
                     R"({"sourcePersonaId":"per_1","on":"event","eventType":"done"})"),
            "none");
  EXPECT_THAT(
      problems(TriggerType::kChain, R"({"on":"event"})"),
      AllOf(HasSubstr("/config/sourcePersonaId: is missing"), HasSubstr("/config/eventType")));
}

TEST(TriggerConfig, OnlyAnEnabledScheduleHasANextSlot) {
  Trigger trigger{.id = TriggerId("trg_1"), .persona_id = PersonaId("per_1")};
  trigger.config.text = R"({"cron":"0 * * * *","jitter":"30m"})";
  const auto plan = plan_of(trigger);
  ASSERT_TRUE(plan);
  plan_next(trigger, *plan, kMade);
  ASSERT_TRUE(trigger.next_slot);
  EXPECT_EQ(trigger.next_slot->micros % 3'600'000'000, 0);
  EXPECT_EQ(trigger.next_trigger_at,
            schedule::due_at(*plan->schedule, *trigger.next_slot, {"trg_1", minutes(30)}));
  trigger.enabled = false;
  plan_next(trigger, *plan, kMade);
  EXPECT_FALSE(trigger.next_slot || trigger.next_trigger_at);
}

}  // namespace
}  // namespace personas::triggers
