#include "personas/triggers/scheduler.hpp"

#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "personas/store/event_sink.hpp"

#include "test_store.hpp"

namespace personas::triggers {
namespace {

using store::Transaction;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Stores the events, and fails for those of a given type.
class Sink final : public store::EventSink {
 public:
  Result<store::Published> publish(Transaction& tx, const TenantId& tenant,
                                   const store::NewEvent& event, AfterCommit& after) override {
    if (event.event.event_type == poison) return fail(ErrorCode::kInternal, "poisoned");
    auto published = plain_.publish(tx, tenant, event, after);
    after.push_back([this, key = event.dedupe_key] { told.push_back(key); });
    return published;
  }
  std::string poison = "none";
  std::vector<std::string> told;  // after the commit

 private:
  store::RecordedEvents plain_;
};

// Rings when the test says so.
class ManualAlarm final : public Alarm {
 public:
  void set(std::optional<Timestamp> at, std::function<void()> ring) override {
    at_ = at;
    ring_ = std::move(ring);
  }
  std::optional<Timestamp> at() const { return at_; }
  bool is_set() const { return static_cast<bool>(ring_); }
  void ring() { std::exchange(ring_, {})(); }

 private:
  std::optional<Timestamp> at_;
  std::function<void()> ring_;
};

class SchedulerTest : public StoreTest {
 protected:
  SchedulerTest() { make(); }

  // As a new process would.
  void make() {
    scheduler_ = std::make_unique<Scheduler>(
        context_.get_executor(), *store_, clock_, random_, alarm_,
        FiringPorts{
            .sink = sink_,
            .origin = InstanceId("inst_1"),
            .cancel = [this](Transaction&, const TenantId&, const ExecutionId& id,
                             const std::string&, Timestamp, AfterCommit& after) -> Result<void> {
              after.push_back([this, id] { cancelled_.push_back(id.str()); });
              return {};
            }},
        [this](const Error& error) { troubles_.push_back(error.message); });
  }
  void restart() {
    scheduler_.reset();
    open();
    make();
  }

  std::string insert(std::string config, TriggerType type = TriggerType::kSchedule) {
    const std::string id = fmt::format("trg_{}", ++made_);
    Trigger trigger{.id = TriggerId(id), .persona_id = PersonaId("per_1"), .trigger_type = type};
    trigger.config.text = std::move(config);
    trigger.created_at = trigger.updated_at = clock_.wall();
    const auto plan = plan_of(trigger);
    EXPECT_TRUE(plan) << plan.error().describe();
    plan_next(trigger, *plan, clock_.wall());
    write([&](Transaction& tx) { return insert_trigger(tx, default_tenant(), trigger); });
    return id;
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context_, std::move(task),
                          [&](const std::exception_ptr& thrown, T value) {
                            EXPECT_EQ(thrown, nullptr);
                            result = std::move(value);
                          });
    context_.restart();
    while (!result) context_.run_one();
    return std::move(*result);
  }
  // Steps until nothing is due; returns when something is next.
  std::optional<Timestamp> settle() {
    for (int i = 0; i < 1000; ++i) {
      const auto next = run(scheduler_->step());
      EXPECT_TRUE(next) << next.error().describe();
      if (!next) return {};
      if (!*next || **next > clock_.wall()) return *next;
    }
    ADD_FAILURE() << "there is always something due";
    return {};
  }
  std::int64_t events(std::string_view type = "trigger_fired") {
    static const store::Sql kCount("SELECT COUNT(*) FROM events WHERE event_type = ?");
    std::int64_t count = 0;
    read([&](Transaction& tx) {
      return tx.query(kCount, {type}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return false;
      });
    });
    return count;
  }
  // What the bus and the workers would have made of the last firing.
  void let_run(const std::string& trigger, std::string_view status) {
    const auto fired = firings(trigger);
    ASSERT_FALSE(fired.empty());
    run_of(*fired.front().event_id, status);
  }
  void run_of(const EventId& event, std::string_view status) {
    static const store::Sql kInsert(
        "INSERT INTO executions (tenant_id, id, persona_id, status, priority, queued_at, "
        "not_before, attempt, last_seq, cancel_requested, output_bytes, prompt, source, "
        "credential_ids, event_id, created_at) VALUES (?, ?, 'per_1', ?, 0, 0, 0, 0, 0, 0, 0, '', "
        "'event', '[]', ?, 0) ON CONFLICT (tenant_id, id) DO UPDATE SET status = "
        "excluded.status");
    const std::string id = "exe_of_" + event.str();
    write([&](Transaction& tx) {
      return tx.execute(kInsert, {default_tenant(), id, status, event});
    });
  }
  static std::vector<std::string> statuses(const std::vector<TriggerFiring>& all) {
    std::vector<std::string> names;
    for (const auto& one : all) names.emplace_back(codec::name_of(one.status));
    return names;
  }

  boost::asio::io_context context_;
  ManualClock clock_;
  SeededRandom random_{5};
  Sink sink_;
  ManualAlarm alarm_;
  std::vector<std::string> cancelled_;
  std::vector<std::string> troubles_;
  std::unique_ptr<Scheduler> scheduler_;
  int made_ = 0;
};

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
