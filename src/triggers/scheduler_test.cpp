#include "personas/triggers/scheduler.hpp"

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test_scheduler.hpp"

namespace personas::triggers {
namespace {

using store::Transaction;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(SchedulerTest, ADueSlotBecomesOneEventAndTheNextOneIsPlanned) {
  const auto id = insert(R"({"cron":"every 30m","event_type":"review","payload":{"a":1}})");
  const Timestamp first = *trigger(id).next_slot;
  EXPECT_EQ(settle(), first);
  EXPECT_EQ(events("review"), 0);
  clock_.advance(minutes(30));
  EXPECT_EQ(settle(), first + minutes(30));
  EXPECT_EQ(events("review"), 1);
  const auto fired = firings(id);
  ASSERT_THAT(fired, SizeIs(1));
  EXPECT_EQ(fired[0].slot, first);
  const auto event = read(
      [&](Transaction& tx) { return store::find_event(tx, default_tenant(), *fired[0].event_id); });
  EXPECT_EQ(event->payload->text, R"({"a":1})");
  EXPECT_EQ(event->source_type, "trigger");
  EXPECT_EQ(event->source_id, id);
  EXPECT_EQ(event->target_persona_id, PersonaId("per_1"));
  const auto after = trigger(id);
  EXPECT_EQ(after.trigger_count, 1);
  EXPECT_EQ(after.last_triggered_at, clock_.wall());
  EXPECT_THAT(sink_.told, ElementsAre(fmt::format("{}:{}", id, first.micros)));
}

TEST_F(SchedulerTest, WhoIsNotEnabledOrHasNoScheduleDoesNotFire) {
  const auto id = insert(R"({"cron":"every 30m"})");
  insert("{}", TriggerType::kManual);
  insert(R"({"sourcePersonaId":"per_2","on":"completed"})", TriggerType::kChain);
  auto one = trigger(id);
  one.enabled = false;
  plan_next(one, *plan_of(one), clock_.wall());
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  clock_.advance(hours(5));
  EXPECT_EQ(settle(), std::nullopt);
  EXPECT_EQ(events(), 0);
}

TEST_F(SchedulerTest, AHundredMissedSlotsOverARestartUnderEachPolicy) {
  const auto skip = insert(R"({"cron":"every 10m","missedRuns":"skip"})");
  const auto once = insert(R"({"cron":"every 10m","missedRuns":"once"})");
  const auto all = insert(R"({"cron":"every 10m","missedRuns":"all"})");
  const auto within = insert(R"({"cron":"every 10m","missedRuns":"all","missedWindow":"1h"})");
  clock_.advance(minutes(10) * 100 + minutes(5));
  restart();
  settle();
  EXPECT_THAT(firings(skip), IsEmpty());
  EXPECT_THAT(firings(once), SizeIs(1));
  EXPECT_THAT(firings(all), SizeIs(100));
  EXPECT_THAT(firings(within), SizeIs(6));
  EXPECT_EQ(trigger(once).missed_count, 99);
  EXPECT_EQ(trigger(all).trigger_count, 100);
  for (const auto& id : {skip, once, all, within}) {
    EXPECT_EQ(trigger(id).next_slot, trigger(all).next_slot);
    EXPECT_GT(trigger(id).next_slot, clock_.wall());
  }
  restart();
  settle();
  EXPECT_EQ(events(), 107) << "nothing fires again";
}

TEST_F(SchedulerTest, TheClockJumpsADayAheadAndBack) {
  const auto id = insert(R"({"cron":"every 1h"})");
  clock_.advance(hours(1));
  settle();
  EXPECT_THAT(firings(id), SizeIs(1));
  clock_.jump_wall(hours(24) + minutes(30));
  const auto next = settle();
  EXPECT_THAT(firings(id), SizeIs(2)) << "once for all that were passed";
  clock_.jump_wall(hours(-24) - minutes(30));
  EXPECT_EQ(settle(), next) << "the slots of that day have been dealt with";
  EXPECT_THAT(firings(id), SizeIs(2));
  clock_.jump_wall(hours(25) + minutes(30));
  settle();
  EXPECT_THAT(firings(id), SizeIs(3));
  std::set<Timestamp> slots;
  for (const auto& one : firings(id)) slots.insert(one.slot);
  EXPECT_THAT(slots, SizeIs(3));
}

TEST_F(SchedulerTest, TwoSchedulersFireASlotOnce) {
  const auto id = insert(R"({"cron":"every 1m"})");
  clock_.advance(minutes(1));
  // The second one has read what the first one is about to fire.
  DueWork work{.tenant = default_tenant(),
               .seen = trigger(id),
               .plan = *plan_of(trigger(id)),
               .due = {},
               .ids = {FiringIds::make(clock_.wall(), random_)},
               .pause_event = {}};
  work.due = schedule::plan_due(*work.plan.schedule, *work.seen.next_slot, clock_.wall(), {}, {});
  ASSERT_THAT(work.due.fire, SizeIs(1));
  settle();
  const auto counts = write([&](Transaction& tx) {
    AfterCommit after;
    const FiringPorts ports{.sink = sink_, .origin = InstanceId("inst_2"), .cancel = {}};
    return fire_due(tx, ports, work, clock_.wall(), after);
  });
  EXPECT_EQ(counts->published, 0);
  // Not even with the trigger as it was: the slot has a row.
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), work.seen); });
  settle();
  EXPECT_EQ(events(), 1);
  EXPECT_THAT(firings(id), SizeIs(1));
}

TEST_F(SchedulerTest, OverlapQueuesSkipsOrCancels) {
  const auto queue = insert(R"({"cron":"every 10m"})");
  const auto skip = insert(R"({"cron":"every 10m","overlap":"skip"})");
  const auto cancel = insert(R"({"cron":"every 10m","overlap":"cancel_previous"})");
  clock_.advance(minutes(10));
  settle();
  for (const auto& id : {queue, skip, cancel}) let_run(id, "running");
  clock_.advance(minutes(10));
  settle();
  EXPECT_THAT(statuses(firings(queue)), ElementsAre("published", "published"));
  EXPECT_THAT(statuses(firings(skip)), ElementsAre("skipped", "published"));
  EXPECT_THAT(firings(skip)[0].error.value_or(""), HasSubstr("has not ended"));
  EXPECT_THAT(statuses(firings(cancel)), ElementsAre("published", "published"));
  EXPECT_THAT(cancelled_, ElementsAre("exe_of_" + firings(cancel)[1].event_id->str()));
  run_of(*firings(skip)[1].event_id, "completed");
  clock_.advance(minutes(10));
  settle();
  EXPECT_THAT(statuses(firings(skip)), ElementsAre("published", "skipped", "completed"));
  EXPECT_EQ(trigger(skip).trigger_count, 2);
}

TEST_F(SchedulerTest, ARowOfFailuresPausesItWithAnEvent) {
  const auto id = insert(R"({"cron":"every 10m","pauseAfterFailures":3})");
  const auto other = insert(R"({"cron":"every 10m","pauseAfterFailures":0})");
  const std::vector<std::string_view> outcomes = {"failed", "completed", "failed", "failed",
                                                  "failed"};
  for (const auto outcome : outcomes) {
    clock_.advance(minutes(10));
    settle();
    let_run(id, outcome);
    let_run(other, "failed");
  }
  EXPECT_TRUE(trigger(id).enabled) << "the third in a row is seen when the next slot is due";
  clock_.advance(minutes(10));
  settle();
  const auto paused = trigger(id);
  EXPECT_FALSE(paused.enabled);
  EXPECT_EQ(paused.consecutive_failures, 3);
  EXPECT_THAT(paused.paused_reason.value_or(""), HasSubstr("3 runs in a row"));
  EXPECT_FALSE(paused.next_trigger_at);
  EXPECT_THAT(firings(id), SizeIs(5));
  EXPECT_EQ(events("trigger.paused"), 1);
  EXPECT_TRUE(trigger(other).enabled);
  EXPECT_EQ(trigger(other).consecutive_failures, 5);
}

TEST_F(SchedulerTest, OneThatCannotBeFiredStopsNoOther) {
  std::vector<std::string> good;
  for (int i = 0; i < 5; ++i) good.push_back(insert(R"({"cron":"every 10m"})"));
  const auto bad = insert(R"({"cron":"every 10m","event_type":"poison"})");
  for (int i = 0; i < 5; ++i) good.push_back(insert(R"({"cron":"every 10m"})"));
  sink_.poison = "poison";
  clock_.advance(minutes(10));
  settle();
  for (const auto& id : good) EXPECT_THAT(firings(id), SizeIs(1)) << id;
  EXPECT_THAT(firings(bad), IsEmpty());
  EXPECT_THAT(trigger(bad).paused_reason.value_or(""), HasSubstr("poisoned"));
  EXPECT_THAT(troubles_, ElementsAre("poisoned"));
}

TEST_F(SchedulerTest, AConfigThatCannotBeReadAnyMorePausesIt) {
  const auto id = insert(R"({"cron":"every 10m"})");
  auto one = trigger(id);
  one.config.text = R"({"cron":"@daily","timezone":"Gone/Away"})";
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  clock_.advance(minutes(10));
  EXPECT_EQ(settle(), std::nullopt);
  EXPECT_THAT(trigger(id).paused_reason.value_or(""), HasSubstr("Gone/Away"));
  EXPECT_EQ(events("trigger.paused"), 1);
}

TEST_F(SchedulerTest, ARowThatNoRequestCouldMakeDoesNotKeepItBusy) {
  for (const auto type : {TriggerType::kManual, TriggerType::kSchedule}) {
    auto one = trigger(insert(R"({"cron":"every 10m"})"));
    one.trigger_type = type;
    one.enabled = type == TriggerType::kManual;
    if (one.enabled) one.config.text = "{}";
    write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  }
  clock_.advance(minutes(10));
  EXPECT_EQ(settle(), std::nullopt);
  EXPECT_EQ(events(), 0);
  EXPECT_EQ(events("trigger.paused"), 1);
}

TEST_F(SchedulerTest, ManyThatAreDueAreFiredInFewTransactions) {
  write([&](Transaction& tx) -> Result<void> {
    for (int i = 0; i < 1000; ++i) {
      Trigger one{.id = TriggerId(fmt::format("trg_many_{}", i)),
                  .persona_id = PersonaId(fmt::format("per_{}", i % 10))};
      one.config.text = R"({"cron":"every 1m"})";
      one.created_at = one.updated_at = clock_.wall();
      plan_next(one, *plan_of(one), clock_.wall());
      TRY_VOID(insert_trigger(tx, default_tenant(), one));
    }
    return {};
  });
  clock_.advance(minutes(1));
  settle();
  EXPECT_EQ(events(), 1000);
  EXPECT_EQ(scheduler_->stats().writes, 5U);
  EXPECT_EQ(scheduler_->stats().looks, 6U);
}

TEST_F(SchedulerTest, InTheBackgroundItHoldsOneAlarmAndLooksWhenItRingsOrIsTold) {
  const auto until = [&](const std::function<bool()>& ready) {
    context_.restart();
    while (!ready()) context_.run_one();
  };
  scheduler_->run();
  until([&] { return alarm_.is_set(); });
  EXPECT_EQ(alarm_.at(), std::nullopt) << "nothing is scheduled";
  const auto looks = scheduler_->stats().looks;
  const auto id = insert(R"({"cron":"every 10m"})");
  scheduler_->changed();
  scheduler_->changed();
  until([&] { return alarm_.at().has_value(); });
  EXPECT_EQ(alarm_.at(), trigger(id).next_trigger_at);
  EXPECT_EQ(scheduler_->stats().looks, looks + 1);
  context_.poll();
  EXPECT_EQ(scheduler_->stats().looks, looks + 1) << "it sleeps";
  clock_.advance(minutes(10));
  alarm_.ring();
  until([&] { return scheduler_->stats().published == 1 && alarm_.is_set(); });
  EXPECT_EQ(alarm_.at(), trigger(id).next_trigger_at);
  clock_.jump_wall(hours(-24));
  alarm_.ring();  // the clock was set
  until([&] { return alarm_.is_set(); });
  EXPECT_EQ(scheduler_->stats().published, 1);
  bool stopped = false;
  boost::asio::co_spawn(context_, scheduler_->stop(),
                        [&](const std::exception_ptr&) { stopped = true; });
  until([&] { return stopped; });
}

}  // namespace
}  // namespace personas::triggers
