#include "personas/bus/bus.hpp"

#include "test_bus.hpp"

namespace personas::bus {
namespace {

using store::NewEvent;
using store::Published;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(BusTest, AnEventStartsWhoSubscribesToItAndSaysSo) {
  subscribe(subscription("sub_1", "per_1", "push"));
  subscribe(subscription("sub_2", "per_2", "pull"));
  const auto published = publish(event("push", R"({"n": 1})"));
  EXPECT_EQ(published.status, EventStatus::kDelivered);
  EXPECT_THAT(runs.started, ElementsAre("per_1"));
  EXPECT_THAT(runs.inputs.at(0), HasSubstr(R"("n":1,"_event":{"id":")"));
  const auto found = matches(published.id);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].execution_id, ExecutionId("exe_1"));
  EXPECT_EQ(get(published.id).status, EventStatus::kDelivered);
}

TEST_F(BusTest, AnEventThatNobodyWantsIsSkippedAndCanBeTriedWhenSomebodyDoes) {
  const auto published = publish(event("push"));
  EXPECT_EQ(published.status, EventStatus::kSkipped);
  subscribe(subscription("sub_1", "per_1", "push"));
  EXPECT_EQ(retry(published.id).status, EventStatus::kDelivered);
  EXPECT_EQ(retry(published.id).status, EventStatus::kDelivered);
  EXPECT_THAT(runs.started, ElementsAre("per_1"));
}

TEST_F(BusTest, TypesSourcesAndTargetsChoose) {
  subscribe(subscription("sub_all", "per_all", "*"));
  subscribe(subscription("sub_git", "per_git", "gitlab_*"));
  auto one = subscription("sub_repo", "per_repo", "gitlab_push");
  one.source_filter = "org/repo";
  subscribe(one);
  one = subscription("sub_org", "per_org", "gitlab_push");
  one.source_filter = "org/*";
  subscribe(one);
  one = subscription("sub_off", "per_off", "gitlab_push");
  one.enabled = false;
  subscribe(one);
  auto push = event("gitlab_push");
  push.source_id = "org/repo";
  publish(push);
  EXPECT_THAT(runs.started, UnorderedElementsAre("per_all", "per_git", "per_repo", "per_org"));
  runs.started.clear();
  push = event("gitlab_push");
  push.source_id = "organisation/repo";
  publish(push);
  EXPECT_THAT(runs.started, UnorderedElementsAre("per_all", "per_git"));
  runs.started.clear();
  publish(event("gitlab"));
  EXPECT_THAT(runs.started, ElementsAre("per_all"));
  runs.started.clear();
  push = event("gitlab_push");
  push.source_id = "org/repo";
  push.target_persona_id = PersonaId("per_org");
  publish(push);
  EXPECT_THAT(runs.started, ElementsAre("per_org"));
}

TEST_F(BusTest, HigherPrioritiesStartFirst) {
  for (const int priority : {-1, 5, 0}) {
    auto one =
        subscription(fmt::format("sub_{}", priority), fmt::format("per_{}", priority), "push");
    one.priority = priority;
    subscribe(one);
  }
  publish(event("push"));
  EXPECT_THAT(runs.started, ElementsAre("per_5", "per_0", "per_-1"));
  EXPECT_EQ(runs.runs.at(0).priority, 5);
}

TEST_F(BusTest, FiltersAndInputsLookAtThePayload) {
  auto one = subscription("sub_1", "per_1", "push");
  one.filter = "action == \"opened\" and not draft";
  one.input = codec::RawJson{R"({"title": "{{ title }}", "by": "{{ $.sourceType }}"})"};
  subscribe(one);
  EXPECT_EQ(publish(event("push", R"({"action": "closed"})")).status, EventStatus::kSkipped);
  EXPECT_EQ(publish(event("push", R"({"action": "opened", "draft": true})")).status,
            EventStatus::kSkipped);
  EXPECT_EQ(publish(event("push", R"({"action": "opened", "title": "t"})")).status,
            EventStatus::kDelivered);
  EXPECT_THAT(runs.inputs, ElementsAre(R"({"title":"t","by":"manual"})"));
  const auto without = publish(event("push", R"({"action": "opened"})"));
  EXPECT_EQ(without.status, EventStatus::kFailed);
  EXPECT_THAT(get(without.id).error_message.value_or(""), HasSubstr("title"));
}

TEST_F(BusTest, TheSameFactIsOneEvent) {
  subscribe(subscription("sub_1", "per_1", "push"));
  const auto first = publish(NewEvent{.event = event("push"), .dedupe_key = "delivery-1"});
  const auto again = publish(NewEvent{.event = event("push"), .dedupe_key = "delivery-1"});
  EXPECT_EQ(again.was, Published::Was::kRepeated);
  EXPECT_EQ(again.id, first.id);
  auto of_another = event("push");
  of_another.source_type = "webhook";
  EXPECT_EQ(publish(NewEvent{.event = of_another, .dedupe_key = "delivery-1"}).was,
            Published::Was::kNew);
  restart();
  publish(NewEvent{.event = event("push"), .dedupe_key = "delivery-1"});
  EXPECT_EQ(runs.started.size(), 2U);
}

TEST_F(BusTest, WhatIsRefusedIsTriedAgainAndDiesInTheEnd) {
  subscribe(subscription("sub_1", "per_1", "push"));
  subscribe(subscription("sub_2", "per_2", "push"));
  runs.refused["per_2"] = ErrorCode::kUnprocessable;
  const auto published = publish(event("push"));
  EXPECT_EQ(published.status, EventStatus::kPartial);
  const auto seen = get(published.id);
  EXPECT_EQ(seen.next_retry_at, seen.created_at + kRetryPauses[0]);
  EXPECT_THAT(due, ElementsAre(*seen.next_retry_at));
  EXPECT_THAT(seen.error_message.value_or(""), HasSubstr("per_2"));
  for (std::size_t i = 1; i < kRetryPauses.size(); ++i) {
    EXPECT_EQ(retry(published.id, Bus::Asked::kByTime).status, EventStatus::kPartial);
    EXPECT_EQ(get(published.id).next_retry_at, clock.wall() + kRetryPauses[i]);
  }
  EXPECT_EQ(retry(published.id, Bus::Asked::kByTime).status, EventStatus::kDead);
  EXPECT_FALSE(get(published.id).next_retry_at);
  runs.refused.clear();
  EXPECT_EQ(retry(published.id).status, EventStatus::kDelivered);
  EXPECT_THAT(runs.started, ElementsAre("per_1", "per_2"));
  EXPECT_FALSE(get(published.id).error_message);
}

TEST_F(BusTest, ATroubleOfTheStoreLeavesNoTrace) {
  subscribe(subscription("sub_1", "per_1", "push"));
  subscribe(subscription("sub_2", "per_2", "push"));
  runs.refused["per_2"] = ErrorCode::kStorageFull;
  const auto made = event("push");
  EXPECT_THROW(publish(made), std::runtime_error);
  EXPECT_FALSE(
      write([&](store::Transaction& tx) { return store::find_event(tx, tenant, made.id); }));
  EXPECT_THAT(runs.started, IsEmpty());
}

// A transaction that is rolled back has changed nothing, also nothing of what is remembered.
TEST_F(BusTest, SubscriptionsOfARolledBackTransactionAreNotRemembered) {
  publish(event("push"));
  const auto failed = store::write_now(*store_, [&](store::Transaction& tx) -> Result<bool> {
    TRY_VOID(insert_subscription(tx, tenant, subscription("sub_1", "per_1", "push"), random));
    store::AfterCommit after;
    TRY(const auto seen, bus_->publish(tx, tenant, NewEvent{.event = event("push")}, after));
    EXPECT_EQ(seen.status, EventStatus::kDelivered);
    return fail(ErrorCode::kConflict, "on second thoughts");
  });
  EXPECT_FALSE(failed);
  EXPECT_EQ(publish(event("push")).status, EventStatus::kSkipped);
  subscribe(subscription("sub_2", "per_2", "push"));
  EXPECT_EQ(publish(event("push")).status, EventStatus::kDelivered);
  EXPECT_THAT(runs.started, ElementsAre("per_2"));
}

TEST_F(BusTest, ChangesOfSubscriptionsCountAtOnce) {
  auto one = subscription("sub_1", "per_1", "push");
  subscribe(one);
  publish(event("push"));
  one.event_type = "pull";
  write([&](store::Transaction& tx) -> Result<bool> {
    TRY_VOID(update_subscription(tx, tenant, one, random));
    return true;
  });
  EXPECT_EQ(publish(event("push")).status, EventStatus::kSkipped);
  EXPECT_EQ(publish(event("pull")).status, EventStatus::kDelivered);
  write([&](store::Transaction& tx) { return delete_subscription(tx, tenant, one.id, random); });
  EXPECT_EQ(publish(event("pull")).status, EventStatus::kSkipped);
}

TEST_F(BusTest, ATriggersPersonaNeedsNoSubscription) {
  auto made = event("tick");
  made.target_persona_id = PersonaId("per_1");
  EXPECT_EQ(publish(made).status, EventStatus::kSkipped);
  made = event("tick");
  made.target_persona_id = PersonaId("per_1");
  NewEvent wanted{.event = made, .goes = NewEvent::Goes::kToTargetAsWell};
  wanted.trigger = TriggerId("trg_1");
  const auto published = publish(wanted);
  EXPECT_EQ(published.status, EventStatus::kDelivered);
  EXPECT_EQ(matches(published.id).at(0).subscription_id, kDirect);
  EXPECT_EQ(runs.runs.at(0).trigger, TriggerId("trg_1"));
  // With a subscription of its own it runs once all the same.
  subscribe(subscription("sub_1", "per_1", "tick"));
  wanted.event = event("tick");
  wanted.event.target_persona_id = PersonaId("per_1");
  publish(wanted);
  EXPECT_EQ(runs.started.size(), 2U);
}

TEST_F(BusTest, ChainsHaveAnEnd) {
  subscribe(subscription("sub_1", "per_1", "again"));
  std::optional<ExecutionId> cause;
  EventStatus status = EventStatus::kDelivered;
  int length = 0;
  for (; status == EventStatus::kDelivered && length < 100; ++length) {
    NewEvent wanted{.event = event("again"), .caused_by = cause};
    const auto published = publish(wanted);
    status = published.status;
    if (status != EventStatus::kDelivered) {
      EXPECT_EQ(status, EventStatus::kDead);
      EXPECT_THAT(get(published.id).error_message.value_or(""), HasSubstr("chain"));
      break;
    }
    cause = ExecutionId(fmt::format("exe_chain_{}", length));
    write([&](store::Transaction& tx) -> Result<bool> {
      static const store::Sql kRun(
          "INSERT INTO executions (tenant_id, id, persona_id, status, priority, queued_at, "
          "not_before, attempt, last_seq, cancel_requested, output_bytes, prompt, source, "
          "credential_ids, event_id, created_at) VALUES (?, ?, 'per_1', 'completed', 0, 0, 0, 1, "
          "0, 0, 0, '', 'event', '[]', ?, 0)");
      TRY_VOID(tx.execute(kRun, {tenant, *cause, published.id}));
      return true;
    });
  }
  EXPECT_EQ(length, kMaxDepth + 1);
}

TEST_F(BusTest, AWindowMakesOneRunOfSeveralEvents) {
  auto one = subscription("sub_1", "per_1", "push");
  one.window = DeliveryWindow{.mode = WindowMode::kBatch, .ms = 1'000};
  subscribe(one);
  const auto first = publish(event("push", R"({"n": 1})"));
  const auto second = publish(event("push", R"({"n": 2})"));
  EXPECT_EQ(first.status, EventStatus::kProcessing);
  EXPECT_THAT(runs.started, IsEmpty());
  const auto close = [&] {
    return act([&](store::Transaction& tx, store::AfterCommit& after) {
      return bus_->close_windows(tx, clock.wall(), after);
    });
  };
  EXPECT_EQ(close(), due.at(0));
  restart();
  clock.advance(seconds(1));
  EXPECT_FALSE(close());
  EXPECT_FALSE(close());
  ASSERT_EQ(runs.started.size(), 1U);
  EXPECT_THAT(runs.inputs.at(0), HasSubstr(R"({"events":[{"n":1,)"));
  EXPECT_THAT(runs.inputs.at(0), HasSubstr(R"({"n":2,)"));
  EXPECT_EQ(get(first.id).status, EventStatus::kDelivered);
  EXPECT_EQ(matches(second.id).at(0).execution_id, ExecutionId("exe_1"));
}

TEST_F(BusTest, ADebounceEndsWhenItIsQuietOrFull) {
  auto one = subscription("sub_1", "per_1", "push");
  one.window = DeliveryWindow{.mode = WindowMode::kDebounce, .ms = 1'000, .max_events = 3};
  subscribe(one);
  publish(event("push"));
  clock.advance(milliseconds(900));
  publish(event("push"));
  EXPECT_EQ(due.back(), clock.wall() + seconds(1));
  publish(event("push"));
  EXPECT_EQ(due.back(), clock.wall());
}

TEST_F(BusTest, WhatIsWrongWithASubscriptionIsSaidAtOnce) {
  auto one = subscription("sub_1", "per_1", "a*b");
  one.source_filter = "*x";
  one.filter = "action == ";
  one.input = codec::RawJson{R"({"a": "{{ }}"})"};
  const auto wrong = check_subscription(one);
  ASSERT_FALSE(wrong);
  std::vector<std::string> paths;
  for (const auto& field : wrong.error().fields) paths.push_back(field.path);
  EXPECT_THAT(paths, ElementsAre("/eventType", "/sourceFilter", "/filter", "/input/a"));
}

TEST_F(BusTest, ManySubscriptionsOfOtherSourcesCostNothing) {
  write([&](store::Transaction& tx) -> Result<bool> {
    for (int i = 0; i < 2'000; ++i) {
      auto one = subscription(fmt::format("sub_{}", i), fmt::format("per_{}", i), "push");
      one.source_filter = fmt::format("org/repo-{}", i);
      TRY_VOID(insert_subscription(tx, tenant, one, random));
    }
    return true;
  });
  auto made = event("push");
  made.source_id = "org/repo-77";
  publish(made);
  EXPECT_THAT(runs.started, ElementsAre("per_77"));
}

}  // namespace
}  // namespace personas::bus
