#include "personas/execution/attempt_store.hpp"

#include "test_store.hpp"

namespace personas::execution {
namespace {

class AttemptStore : public StoreTest {};

TEST_F(AttemptStore, AWholeLifeIsOnDiskAndInTheJournal) {
  const auto id = submit(add_persona());
  const auto run = take(id);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->prompt, "do it");
  EXPECT_EQ(run->config.backend, "command");
  EXPECT_TRUE(put(batch(id, 0, {"one\n", "two\n"})).accepted);
  AttemptEnd done;
  done.status = ExecutionStatus::kCompleted;
  done.exit_code = 0;
  EXPECT_EQ(end(id, 2, done).status, ExecutionStatus::kCompleted);

  const auto execution = get(id);
  EXPECT_EQ(execution.status, ExecutionStatus::kCompleted);
  EXPECT_EQ(execution.output, "one\ntwo\n");
  ASSERT_EQ(execution.attempts.size(), 1u);
  EXPECT_EQ(execution.attempts[0].worker_id, WorkerId("w1"));
  EXPECT_EQ(journal(id), (std::vector<std::string>{"execution.queued", "execution.status",
                                                   "execution.output", "execution.status"}));
}

TEST_F(AttemptStore, AClaimIsWonOnce) {
  const auto id = submit();
  EXPECT_TRUE(take(id));
  EXPECT_FALSE(take(id));
  EXPECT_FALSE(take(id, 2));
}

TEST_F(AttemptStore, AStaleAttemptAndARepeatedBatchChangeNothing) {
  const auto id = submit();
  take(id);
  EXPECT_TRUE(put(batch(id, 0, {"a"})).accepted);
  EXPECT_FALSE(put(batch(id, 0, {"a"})).accepted);  // the same frames again
  auto stale = batch(id, 1, {"b"});
  stale.attempt = 2;
  EXPECT_FALSE(put(stale).accepted);
  EXPECT_EQ(get(id).output, "a");
}

TEST_F(AttemptStore, ALostAttemptIsQueuedAgainAndFencedOff) {
  const auto id = submit();
  take(id);
  put(batch(id, 0, {"half"}));
  AttemptEnd lost;
  lost.reason = FailureReason::kWorkerLost;
  const auto outcome = end(id, 1, lost);
  EXPECT_EQ(outcome.status, ExecutionStatus::kQueued);
  ASSERT_TRUE(outcome.retry);
  EXPECT_EQ(outcome.retry->attempt, 1);
  EXPECT_GT(outcome.retry->not_before, clock.wall());
  EXPECT_FALSE(put(batch(id, 1, {"zombie"})).accepted);
  EXPECT_TRUE(take(id, 2));
  EXPECT_EQ(get(id).attempts.size(), 2u);
}

TEST_F(AttemptStore, ALeaseInSilenceIsBackOffAlready) {
  const auto id = submit();
  take(id);
  AttemptEnd lost;
  lost.reason = FailureReason::kWorkerLost;
  lost.silence = seconds(18);
  const auto outcome = end(id, 0, lost);
  ASSERT_TRUE(outcome.retry);
  EXPECT_EQ(outcome.retry->not_before, clock.wall());
}

TEST_F(AttemptStore, TheAgentsFailureIsFinalUnlessThePersonaAsksForMore) {
  AttemptEnd failed;
  failed.reason = FailureReason::kAgentExit;
  failed.exit_code = 3;
  const auto once = submit();
  take(once);
  EXPECT_EQ(end(once, 0, failed).status, ExecutionStatus::kFailed);
  const auto execution = get(once);
  EXPECT_EQ(execution.failure_reason, FailureReason::kAgentExit);
  EXPECT_FALSE(execution.what_to_do.value_or("").empty());

  const auto again = submit(add_persona(RetryPolicy{}));
  take(again);
  EXPECT_EQ(end(again, 0, failed).status, ExecutionStatus::kQueued);
}

TEST_F(AttemptStore, BetweenCancelAndCompleteTheFirstCommittedWins) {
  AttemptEnd done;
  done.status = ExecutionStatus::kCompleted;
  const auto cancel = [&](const ExecutionId& id) {
    return write(
        [&](Transaction& tx) { return request_cancel(tx, tenant, id, "test", clock.wall()); });
  };
  const auto first = submit();
  take(first);
  EXPECT_EQ(cancel(first).was, CancelResult::Was::kRunning);
  EXPECT_EQ(end(first, 0, done).status, ExecutionStatus::kCancelled);

  const auto second = submit();
  take(second);
  EXPECT_EQ(end(second, 0, done).status, ExecutionStatus::kCompleted);
  EXPECT_EQ(cancel(second).was, CancelResult::Was::kFinal);
  EXPECT_EQ(get(second).status, ExecutionStatus::kCompleted);

  const auto queued = submit();
  EXPECT_EQ(cancel(queued).was, CancelResult::Was::kQueued);
  EXPECT_FALSE(take(queued));
}

TEST_F(AttemptStore, WhatAWorkerGivesBackAfterACancelIsCancelledAndSaysSo) {
  const auto id = submit();
  take(id);
  write([&](Transaction& tx) { return request_cancel(tx, tenant, id, "test", clock.wall()); });
  const auto again =
      write([&](Transaction& tx) { return give_back(tx, tenant, id, 1, clock.wall()); });
  EXPECT_FALSE(again);
  const auto execution = get(id);
  EXPECT_EQ(execution.status, ExecutionStatus::kCancelled);
  EXPECT_EQ(execution.failure_reason, FailureReason::kCancelled);
  const auto last = whole_journal().back();
  EXPECT_NE(last.data().find(R"("failureReason":"cancelled")"), std::string_view::npos);
}

TEST_F(AttemptStore, EffectsBecomeRowsOnce) {
  const auto id = submit(add_persona());
  take(id);
  auto request = batch(id, 0, {});
  request.persona = PersonaId("per_1");
  FrameEntry frame;
  frame.seq = 1;
  frame.effects.push_back(UserMessage{.content = "hello", .title = {}});
  frame.effects.push_back(AgentMemory{.title = "t", .content = "c", .tags = {"x"}});
  frame.effects.push_back(PersonaAction{.target = "per_1", .input = {}});
  frame.effects.push_back(ManualReview{.title = "ok?",
                                       .description = "",
                                       .severity = Severity::kHigh,
                                       .context_data = {},
                                       .suggested_actions = {}});
  frame.effects.push_back(
      OutcomeAssessment{.accomplished = false, .summary = "no", .blockers = {}});
  request.frames.push_back(std::move(frame));
  EXPECT_TRUE(put(request).accepted);
  EXPECT_FALSE(put(request).accepted);
  AttemptEnd done;
  done.status = ExecutionStatus::kCompleted;
  end(id, 1, done);

  write([&](Transaction& tx) -> Result<bool> {
    TRY(const auto messages, store::list_messages(tx, tenant, {}));
    TRY(const auto memories, store::list_memories(tx, tenant, PersonaId("per_1"), {}));
    TRY(const auto events, store::list_events(tx, tenant, {}));
    TRY(const auto reviews, store::list_reviews(tx, tenant, id));
    EXPECT_EQ(messages.size(), 1u);
    EXPECT_EQ(memories.size(), 1u);
    EXPECT_EQ(events.size(), 1u);
    EXPECT_EQ(events.at(0).target_persona_id, PersonaId("per_1"));
    EXPECT_EQ(reviews.size(), 1u);
    return true;
  });
  ASSERT_TRUE(get(id).outcome);
  EXPECT_FALSE(get(id).outcome->accomplished);
}

TEST_F(AttemptStore, OutputIsCompressedAndTheTailEndsWithTheLast) {
  const auto id = submit();
  take(id);
  std::string line(1'000, 'x');
  for (int i = 0; i < 200; ++i) put(batch(id, i, {line + std::to_string(i) + "\n"}));
  const auto full = get(id, Output::kFull).output.value();
  const auto tail = get(id, Output::kTail).output.value();
  EXPECT_GT(full.size(), 200'000u);
  EXPECT_EQ(tail.size(), kOutputTailBytes);
  EXPECT_TRUE(full.ends_with(tail));
  EXPECT_EQ(get(id, Output::kNone).output, std::nullopt);
}

TEST_F(AttemptStore, EveryStatusIsTheFoldOfTheJournal) {
  const auto persona = add_persona(RetryPolicy{});
  std::vector<ExecutionId> ids;
  for (int step = 0; step < 400; ++step) {
    const auto what = random.below(6);
    if (what == 0 || ids.empty()) {
      ids.push_back(submit(random.below(2) == 0 ? std::optional(persona) : std::nullopt));
      continue;
    }
    const auto& id = ids[random.below(ids.size())];
    const auto now = get(id, Output::kNone);
    if (what == 1) take(id, now.attempt + 1);
    auto request = batch(id, 0, {"x"});
    request.attempt = now.attempt;
    if (what == 2) put(request);
    if (what == 3) {
      AttemptEnd how;
      how.status = random.below(2) == 0 ? ExecutionStatus::kCompleted : ExecutionStatus::kFailed;
      how.reason = random.below(2) == 0 ? FailureReason::kWorkerLost : FailureReason::kAgentExit;
      request.end = how;
      request.end_seq = 2;
      put(request);
    }
    if (what == 4) {
      write([&](Transaction& tx) { return request_cancel(tx, tenant, id, "x", clock.wall()); });
    }
    if (what == 5) {
      write([&](Transaction& tx) { return give_back(tx, tenant, id, now.attempt, clock.wall()); });
    }
  }
  const auto records = whole_journal();
  for (std::size_t i = 1; i < records.size(); ++i) {
    EXPECT_LT(records[i - 1].position, records[i].position);
  }
  const auto statuses = fold(records);
  EXPECT_EQ(statuses.size(), ids.size());
  for (const auto& id : ids) {
    EXPECT_EQ(statuses.at(id.str()), codec::name_of(get(id, Output::kNone).status)) << id.str();
  }
}

TEST_F(AttemptStore, TheStartFindsWhatWasQueuedAndWhatWasRunning) {
  const auto persona = add_persona();
  const auto running = submit(persona);
  take(running);
  const auto queued = submit(persona);
  submit();
  write([&](Transaction& tx) -> Result<bool> {
    TRY(const auto lanes, queued_lanes(tx));
    EXPECT_EQ(lanes.size(), 2u);
    TRY(const auto runs, running_executions(tx));
    EXPECT_EQ(runs.size(), 1u);
    EXPECT_EQ(runs.at(0).entry.id, running);
    EXPECT_EQ(runs.at(0).worker_instance, "i1");
    TRY(const auto window, load_window(tx, {tenant, persona}, clock.wall()));
    EXPECT_EQ(window.entries.size(), 1u);
    EXPECT_EQ(window.entries.at(0).id, queued);
    EXPECT_FALSE(window.more);
    return true;
  });
}

}  // namespace
}  // namespace personas::execution
