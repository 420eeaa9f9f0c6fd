// Polling triggers from the slot to the event: looks at URLs and by commands.
#include "personas/triggers/poller.hpp"

#include <gmock/gmock.h>

#include "test_scheduler.hpp"

namespace personas::triggers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PollerTest : public SchedulerTest {
 protected:
  static constexpr auto kUrl =
      R"({"url":"https://example.com/feed","cron":"every 1m","event_type":"seen"})";
  static constexpr auto kCommand =
      R"({"command":"df /","cron":"every 1m","event_type":"seen","pauseAfterFailures":2})";

  std::string poll(const std::string& config = kUrl) {
    return insert(config, TriggerType::kPolling);
  }
  void next_slot(const std::string& id) {
    const auto due = trigger(id).next_trigger_at;
    ASSERT_TRUE(due);
    if (*due <= clock_.wall()) return;
    clock_.advance(*due - clock_.wall());
  }
  // One slot later, with everything that follows.
  void look(const std::string& id) {
    next_slot(id);
    settle_looks();
  }
  std::optional<PollState> state(const std::string& id) {
    return read([&](Transaction& tx) { return find_poll(tx, default_tenant(), TriggerId(id)); });
  }
  // What the reader of the journal does when the command has ended.
  void command_ends(const std::string& id, Result<Looked> looked, std::size_t which = 0) {
    const CommandEnd end{.tenant = default_tenant(),
                         .trigger = TriggerId(id),
                         .execution = commands_.at(which),
                         .looked = std::move(looked),
                         .ids = FiringIds::make(clock_.wall(), random_),
                         .pause_event = EventId::make(clock_.wall(), random_)};
    const auto wired = ports();
    AfterCommit after;
    write([&](Transaction& tx) {
      after.clear();
      return finish_command(tx, wired, end, clock_.wall(), after);
    });
  }
};

TEST_F(PollerTest, AChangeIsOneEventAndNoChangeIsNone) {
  const auto id = poll();
  for (const auto* body : {"a", "a", "b", "b", "a"}) web_.answer(200, body);
  look(id);
  EXPECT_EQ(events("seen"), 0) << "the first look remembers";
  EXPECT_TRUE(firings(id).empty());
  look(id);
  EXPECT_EQ(events("seen"), 0);
  look(id);
  EXPECT_EQ(events("seen"), 1);
  look(id);
  EXPECT_EQ(events("seen"), 1);
  look(id);
  EXPECT_EQ(events("seen"), 2);
  const auto fired = firings(id);
  ASSERT_THAT(fired, SizeIs(2));
  EXPECT_EQ(fired[0].kind, FiringKind::kPolling);
  const auto event = read(
      [&](Transaction& tx) { return store::find_event(tx, default_tenant(), *fired[1].event_id); });
  EXPECT_THAT(event->payload->text, HasSubstr(R"("content":"b")"));
  EXPECT_EQ(trigger(id).trigger_count, 2);
  EXPECT_THAT(sink_.told, ElementsAre(id + ":change:1", id + ":change:2"));
}

TEST_F(PollerTest, TheFirstLookFiresIfToldSo) {
  const auto id = poll(R"({"url":"https://e.com/","cron":"every 1m","firstLook":"fire"})");
  web_.answer(200, "a");
  look(id);
  look(id);
  EXPECT_EQ(events(), 1);
}

TEST_F(PollerTest, TheNextLookAsksWithTheMarksOfTheLast) {
  const auto id = poll();
  web_.answer(200, "a", "\"1\"");
  web_.answer(304);
  look(id);
  EXPECT_EQ(web_.asked.at(0).headers.find("If-None-Match"), nullptr);
  look(id);
  EXPECT_EQ(web_.asked.at(1).headers.get("If-None-Match"), "\"1\"");
  EXPECT_EQ(state(id)->failures, 0);
  EXPECT_EQ(events("seen"), 0);
  // Another way to look at it does not know what an older one has seen.
  auto one = trigger(id);
  one.config.text = R"({"url":"https://example.com/feed","cron":"every 1m","detect":"etag"})";
  one.updated_at = clock_.wall();
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  look(id);
  EXPECT_EQ(web_.asked.at(2).headers.find("If-None-Match"), nullptr);
}

TEST_F(PollerTest, ALookThatIsCutShortIsTakenAgainAndNothingIsLost) {
  const auto id = poll();
  web_.answer(200, "a");
  look(id);
  web_.answer(200, "b");
  for (int i = 0; i < 3; ++i) {
    next_slot(id);
    web_.hangs = true;
    settle();
    looks_under_way(1);
    EXPECT_EQ(trigger(id).next_trigger_at, clock_.wall() + kLookLease);
    restart();
    EXPECT_EQ(events("seen"), 0);
    EXPECT_LE(*trigger(id).next_trigger_at, clock_.wall()) << "nobody waits for a lease";
  }
  EXPECT_EQ(state(id)->failures, 0) << "it was not the other side's fault";
  look(id);
  EXPECT_EQ(events("seen"), 1);
  restart();
  look(id);
  EXPECT_EQ(events("seen"), 1);
}

TEST_F(PollerTest, ALookThatOutlivesItsLeaseChangesNothing) {
  const auto id = poll();
  web_.answer(200, "a");
  look(id);
  web_.answer(200, "b");
  next_slot(id);
  web_.hangs = true;
  settle();
  looks_under_way(1);
  clock_.advance(kLookLease);
  settle();  // by another process, as far as the rows know
  looks_under_way(2);
  web_.go_on();
  settle_looks();
  EXPECT_EQ(web_.asked.size(), 3u);
  EXPECT_EQ(events("seen"), 1);
}

TEST_F(PollerTest, AStartLeavesTheOthersAlone) {
  const auto paused = poll();
  const auto jittered =
      poll(R"({"url":"https://e.com/","cron":"every 1h","jitter":"30m","event_type":"seen"})");
  const auto due = trigger(jittered).next_trigger_at;
  web_.answer(200, "a");
  web_.hangs = true;
  next_slot(paused);
  settle();
  looks_under_way(1);
  auto one = trigger(paused);
  one.enabled = false;
  plan_next(one, *plan_of(one), clock_.wall());
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  restart();
  EXPECT_EQ(trigger(jittered).next_trigger_at, due);
  EXPECT_EQ(trigger(paused).next_trigger_at, std::nullopt);
}

TEST_F(PollerTest, ATriggerThatIsChangedWhileItLooksIsLookedAtAgain) {
  const auto id = poll();
  web_.answer(200, "a");
  look(id);
  web_.answer(200, "b");
  next_slot(id);
  web_.hangs = true;
  settle();
  looks_under_way(1);
  auto one = trigger(id);
  one.enabled = false;
  one.updated_at = clock_.wall();
  plan_next(one, *plan_of(one), clock_.wall());
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  web_.go_on();
  settle_looks();
  EXPECT_EQ(events("seen"), 0) << "it is paused";
  one.enabled = true;
  plan_next(one, *plan_of(one), clock_.wall());
  write([&](Transaction& tx) { return update_trigger(tx, default_tenant(), one); });
  look(id);
  EXPECT_EQ(events("seen"), 1) << "what changed meanwhile is one change";
}

TEST_F(PollerTest, ErrorsAreListedBackOffAndPauseItInTheEnd) {
  const auto id = poll(
      R"({"url":"https://e.com/","cron":"every 10s","pauseAfterFailures":3,"event_type":"seen"})");
  net::Response redirect;
  redirect.status = 301;
  redirect.headers.set("Location", "https://e.com/new");
  web_.answer(redirect);
  web_.answer(500);
  web_.fail_with({ErrorCode::kTimeout, "The server took too long.", {}});
  look(id);
  EXPECT_THAT(firings(id).front().error.value_or(""),
              AllOf(HasSubstr("301"), HasSubstr("https://e.com/new")));
  EXPECT_GE(*trigger(id).next_slot, clock_.wall() + seconds(30));
  look(id);
  EXPECT_THAT(firings(id).front().error.value_or(""), HasSubstr("500"));
  EXPECT_GE(*trigger(id).next_slot, clock_.wall() + seconds(60));
  EXPECT_EQ(trigger(id).consecutive_failures, 2);
  look(id);
  EXPECT_THAT(statuses(firings(id)), ElementsAre("failed", "failed", "failed"));
  EXPECT_FALSE(trigger(id).enabled);
  EXPECT_THAT(trigger(id).paused_reason.value_or(""), HasSubstr("took too long"));
  EXPECT_EQ(events("trigger.paused"), 1);
  EXPECT_EQ(settle_looks(), std::nullopt);
}

TEST_F(PollerTest, ALookThatGoesWellForgivesLooksButNotRuns) {
  const auto id = poll();
  web_.answer(200, "a");
  web_.answer(200, "b");
  web_.answer(500);
  web_.answer(200, "b");
  look(id);
  look(id);
  let_run(id, "failed");
  look(id);
  EXPECT_EQ(trigger(id).consecutive_failures, 2) << "a run and a look";
  look(id);
  EXPECT_EQ(trigger(id).consecutive_failures, 1);
}

TEST_F(PollerTest, WhatIsTooLargeOrRefusedIsAnError) {
  const auto large = read_answer(fail(ErrorCode::kPayloadTooLarge, "The response is larger"));
  EXPECT_THAT(large.error().message, HasSubstr("2097152 bytes"));
  const auto refused = read_answer(fail(ErrorCode::kForbidden, "private"));
  EXPECT_EQ(refused.error().message, "private");
}

TEST_F(PollerTest, LooksAreBoundedAndSchedulesGoOnMeanwhile) {
  std::vector<std::string> polls;
  for (std::size_t i = 0; i < kMaxLooks + 10; ++i) polls.push_back(poll());
  const auto timed = insert(R"({"cron":"every 1m","event_type":"timed"})");
  web_.answer(200, "a");
  web_.hangs = true;
  next_slot(polls.front());
  const auto next = settle();
  looks_under_way(kMaxLooks);
  EXPECT_EQ(events("timed"), 1);
  EXPECT_EQ(next, trigger(timed).next_slot) << "nothing wakes for those that have no room";
  EXPECT_FALSE(state(polls.back()));
  web_.go_on();
  settle_looks();
  EXPECT_TRUE(state(polls.back()));
  EXPECT_EQ(web_.asked.size(), polls.size());
}

TEST_F(PollerTest, SlotsThatWereMissedAreOneLook) {
  const auto id = poll(R"({"url":"https://e.com/","cron":"every 1m","missedRuns":"all"})");
  web_.answer(200, "a");
  look(id);
  clock_.advance(hours(1));
  settle_looks();
  EXPECT_EQ(web_.asked.size(), 2u);
}

TEST_F(PollerTest, AnEventThatCannotBePublishedCountsAsAFailure) {
  const auto id = poll();
  sink_.poison = "seen";
  web_.answer(200, "a");
  web_.answer(200, "b");
  look(id);
  look(id);
  EXPECT_THAT(firings(id).front().error.value_or(""), HasSubstr("poisoned"));
  EXPECT_EQ(trigger(id).consecutive_failures, 1);
  sink_.poison = "none";
  look(id);
  EXPECT_EQ(events("seen"), 1) << "and the change is still one";
}

TEST_F(PollerTest, ACommandIsComparedWhenItEnds) {
  const auto id = poll(kCommand);
  look(id);
  ASSERT_THAT(commands_, SizeIs(1));
  EXPECT_TRUE(web_.asked.empty());
  command_ends(id, Looked{.text = "10%"});
  EXPECT_EQ(events("seen"), 0);
  look(id);
  ASSERT_THAT(commands_, SizeIs(2));
  command_ends(id, Looked{.text = "20%"}, 1);
  EXPECT_EQ(events("seen"), 1);
  command_ends(id, Looked{.text = "30%"}, 1);
  EXPECT_EQ(events("seen"), 1) << "it has ended before";
}

TEST_F(PollerTest, ACommandThatStillRunsIsNotRunTwice) {
  const auto id = poll(kCommand);
  look(id);
  look(id);
  look(id);
  EXPECT_THAT(commands_, SizeIs(1));
  EXPECT_EQ(trigger(id).missed_count, 2);
  command_ends(id, Looked{.text = "10%"});
  look(id);
  EXPECT_THAT(commands_, SizeIs(2));
}

TEST_F(PollerTest, ACommandWhoseEndNobodyToldIsGivenUp) {
  const auto id = poll(kCommand);
  look(id);
  write([&](Transaction& tx) {
    return insert_run(tx, default_tenant(), commands_[0].str(), "failed", {});
  });
  clock_.advance(kEndTold);
  look(id);
  EXPECT_THAT(commands_, SizeIs(2));
}

TEST_F(PollerTest, CommandsThatFailOrAreRefusedCount) {
  const auto id = poll(kCommand);
  look(id);
  command_ends(id, fail(ErrorCode::kUnavailable, "The command has ended as failed: exit 3"));
  EXPECT_EQ(trigger(id).consecutive_failures, 1);
  EXPECT_GE(*trigger(id).next_slot, clock_.wall() + seconds(30));
  refuses_ = true;
  look(id);
  EXPECT_FALSE(trigger(id).enabled);
  EXPECT_THAT(firings(id).front().error.value_or(""), HasSubstr("the queue is full"));
}

TEST_F(PollerTest, ARunThatGoesOnHoldsALookBackIfToldSo) {
  const auto id =
      poll(R"({"url":"https://e.com/","cron":"every 1m","overlap":"skip","event_type":"seen"})");
  web_.answer(200, "a");
  web_.answer(200, "b");
  web_.answer(200, "c");
  look(id);
  look(id);
  let_run(id, "running");
  look(id);
  EXPECT_EQ(web_.asked.size(), 2u);
  let_run(id, "completed");
  look(id);
  EXPECT_EQ(events("seen"), 2) << "the change waited";
}

TEST_F(PollerTest, TheRunOfTheChangeBeforeIsCancelledIfToldSo) {
  const auto id = poll(R"({"url":"https://e.com/","cron":"every 1m","overlap":"cancel_previous"})");
  web_.answer(200, "a");
  web_.answer(200, "b");
  web_.answer(200, "b");
  web_.answer(200, "c");
  look(id);
  look(id);
  let_run(id, "running");
  look(id);
  EXPECT_THAT(cancelled_, SizeIs(0));
  look(id);
  EXPECT_THAT(cancelled_, SizeIs(1));
}

TEST_F(PollerTest, ADeletedTriggerLeavesNothing) {
  const auto id = poll();
  web_.answer(200, "a");
  look(id);
  write([&](Transaction& tx) { return delete_trigger(tx, default_tenant(), TriggerId(id)); });
  EXPECT_FALSE(state(id));
}

}  // namespace
}  // namespace personas::triggers
