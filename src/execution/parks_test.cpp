// Executions that wait for a human or for their provider, and go on.
#include "personas/execution/gate_store.hpp"
#include "personas/execution/review_store.hpp"
#include "personas/execution/session_store.hpp"

#include "test_store.hpp"

namespace personas::execution {
namespace {

class Parks : public StoreTest {
 protected:
  PersonaId persona_with(ReviewPolicy policy, std::optional<std::int64_t> timeout_ms = {}) {
    Persona persona;
    persona.backend = "command";
    persona.review_policy = policy;
    persona.review_timeout_ms = timeout_ms;
    return add_persona(std::move(persona));
  }
  PersonaId persona_on_quota(OnQuota wish, std::optional<Fallback> fallback = {}) {
    Persona persona;
    persona.on_quota = wish;
    persona.fallback = std::move(fallback);
    return add_persona(std::move(persona));
  }

  // The agent writes one frame with these questions.
  std::vector<ReviewId> ask(const ExecutionId& id, std::vector<Severity> severities,
                            std::int64_t attempt = 1, std::int64_t expected = 0) {
    auto request = batch(id, expected, {"asking\n"});
    request.attempt = attempt;
    request.persona = get(id, Output::kNone).persona_id.value_or(PersonaId());
    for (const auto severity : severities) {
      request.frames.back().effects.push_back(ManualReview{.title = "May I?",
                                                           .description = "",
                                                           .severity = severity,
                                                           .context_data = {},
                                                           .suggested_actions = {}});
    }
    const auto outcome = put(request);
    EXPECT_TRUE(outcome.accepted);
    // Questions of a test run hold nothing, so there is nothing to wait for.
    EXPECT_EQ(outcome.review_expiry.has_value(), get(id, Output::kNone).source != "test");
    std::vector<ReviewId> ids;
    for (const auto& review : reviews_of(id)) ids.push_back(review.id);
    return ids;
  }
  std::vector<Review> reviews_of(const ExecutionId& id) {
    return write([&](Transaction& tx) { return store::list_reviews(tx, tenant, id); });
  }

  Result<Answered> answer(const ExecutionId& id, const ReviewId& review,
                          ReviewStatus decision = ReviewStatus::kApproved) {
    return store::write_now(*store_, [&](Transaction& tx) {
      return answer_review(tx, tenant,
                           {.execution = id,
                            .review = review,
                            .decision = decision,
                            .message = "only on Monday",
                            .by = "ann"},
                           clock.wall());
    });
  }
  Sweep sweep() {
    return write([&](Transaction& tx) { return expire_reviews(tx, clock.wall()); });
  }

  static AttemptEnd well() {
    AttemptEnd how;
    how.status = ExecutionStatus::kCompleted;
    return how;
  }
  static AttemptEnd failed(FailureReason reason) {
    AttemptEnd how;
    how.reason = reason;
    return how;
  }
  AttemptEnd refused(std::optional<Duration> resets_in = {}) {
    AttemptEnd how = failed(FailureReason::kProviderQuota);
    if (resets_in) how.quota_resets_at = clock.wall() + *resets_in;
    return how;
  }
  std::vector<Gate> gates() {
    return write([&](Transaction& tx) { return all_gates(tx); });
  }
  std::int64_t open(std::string_view backend = "claude") {
    return write([&](Transaction& tx) { return open_gate(tx, tenant, backend, clock.wall()); });
  }
};

TEST_F(Parks, ARiskyQuestionParksTheRunAndItsAnswerLetsItGoOn) {
  const auto id = submit(add_persona());
  take(id);
  const auto review = ask(id, {Severity::kHigh}).at(0);
  AttemptEnd first = well();
  first.cost_usd = 0.5;
  first.usage = Usage{.input_tokens = 10, .output_tokens = 1};
  first.turns = 2;
  const auto parked = end(id, 1, first);
  EXPECT_EQ(parked.status, ExecutionStatus::kRunning);
  EXPECT_FALSE(parked.retry);

  auto shown = get(id);
  EXPECT_EQ(shown.status, ExecutionStatus::kRunning);
  EXPECT_EQ(shown.parked, Parked::kReview);
  EXPECT_EQ(shown.parked_until, clock.wall() + kDefaultReviewTimeout);
  EXPECT_TRUE(shown.waiting_for.value_or("").starts_with("review"));
  EXPECT_EQ(shown.worker_id, std::nullopt);
  ASSERT_EQ(shown.attempts.size(), 1u);  // no live one
  EXPECT_EQ(shown.attempts[0].status, ExecutionStatus::kCompleted);
  EXPECT_FALSE(shown.attempts[0].counts);
  write([&](Transaction& tx) -> Result<bool> {
    TRY(const auto running, running_executions(tx));
    EXPECT_TRUE(running.empty());
    return true;
  });

  const auto answered = answer(id, review);
  ASSERT_TRUE(answered) << answered.error().describe();
  ASSERT_TRUE(answered->goes_on);
  EXPECT_EQ(answered->goes_on->attempt, 1);
  EXPECT_EQ(answered->goes_on->not_before, clock.wall());
  EXPECT_EQ(get(id).status, ExecutionStatus::kQueued);
  EXPECT_EQ(get(id).parked, std::nullopt);

  const auto run = take(id, 2);
  ASSERT_TRUE(run && run->continuation);
  EXPECT_FALSE(run->session_id);  // the command backend keeps no conversation
  EXPECT_EQ(run->continuation->kind, agents::Continuation::Kind::kReviewsDecided);
  ASSERT_EQ(run->continuation->reviews.size(), 1u);
  EXPECT_EQ(run->continuation->reviews[0].status, ReviewStatus::kApproved);
  EXPECT_EQ(run->continuation->reviews[0].decided_by, "ann");
  EXPECT_EQ(run->continuation->reviews[0].message, "only on Monday");
  AttemptEnd second = well();
  second.cost_usd = 0.25;
  second.usage = Usage{.input_tokens = 5, .output_tokens = 2};
  second.turns = 3;
  EXPECT_EQ(end(id, 0, second, 2).status, ExecutionStatus::kCompleted);
  shown = get(id);
  EXPECT_DOUBLE_EQ(shown.cost_usd.value_or(0), 0.75);
  EXPECT_EQ(shown.usage, (Usage{.input_tokens = 15, .output_tokens = 3}));
  EXPECT_EQ(shown.turns, 5);
  EXPECT_EQ(journal(id),
            (std::vector<std::string>{"execution.queued", "execution.status", "execution.output",
                                      "review.requested", "execution.status", "review.answered",
                                      "execution.status", "execution.status", "execution.status"}));
}

TEST_F(Parks, ThePolicySaysWhichQuestionsHold) {
  const auto status_after = [&](std::optional<PersonaId> persona, Severity severity,
                                Source source = Source::kApi) {
    const auto id = submit(persona, source);
    take(id);
    ask(id, {severity});
    return *end(id, 1, well()).status;
  };
  EXPECT_EQ(status_after({}, Severity::kMedium), ExecutionStatus::kCompleted);
  EXPECT_EQ(status_after({}, Severity::kCritical), ExecutionStatus::kRunning);
  EXPECT_EQ(status_after({}, Severity::kCritical, Source::kTest), ExecutionStatus::kCompleted);
  const auto persona = persona_with(ReviewPolicy::kHold);
  EXPECT_EQ(status_after(persona, Severity::kLow), ExecutionStatus::kRunning);
  write([&](Transaction& tx) -> Result<bool> {
    TRY(auto changed, store::find_persona(tx, tenant, persona));
    changed->review_policy = ReviewPolicy::kNever;
    TRY_VOID(store::update_persona(tx, tenant, *changed));
    return true;
  });
  EXPECT_EQ(status_after(persona, Severity::kCritical), ExecutionStatus::kCompleted);
}

TEST_F(Parks, OfSeveralQuestionsTheLastAnswerLetsItGoOn) {
  const auto id = submit();
  take(id);
  const auto asked = ask(id, {Severity::kHigh, Severity::kLow, Severity::kCritical});
  end(id, 1, well());
  EXPECT_FALSE(answer(id, asked[0])->goes_on);
  EXPECT_EQ(get(id).parked, Parked::kReview);
  EXPECT_TRUE(answer(id, asked[2], ReviewStatus::kRejected)->goes_on);  // the low one does not hold
  const auto run = take(id, 2);
  ASSERT_EQ(run->continuation->reviews.size(), 3u);
  EXPECT_EQ(run->continuation->reviews[1].status, ReviewStatus::kPending);
  EXPECT_EQ(run->continuation->reviews[2].status, ReviewStatus::kRejected);
}

TEST_F(Parks, AnAnswerThatCameWhileItRanIsTakenToItAtOnce) {
  const auto id = submit();
  take(id);
  const auto review = ask(id, {Severity::kHigh}).at(0);
  EXPECT_FALSE(answer(id, review)->goes_on);  // it runs
  const auto outcome = end(id, 1, well());
  EXPECT_EQ(outcome.status, ExecutionStatus::kQueued);
  ASSERT_TRUE(outcome.retry);
  EXPECT_EQ(outcome.retry->not_before, clock.wall());
  EXPECT_EQ(take(id, 2)->continuation->reviews.size(), 1u);
  EXPECT_EQ(end(id, 0, well(), 2).status, ExecutionStatus::kCompleted);
}

TEST_F(Parks, TheFirstAnswerCounts) {
  const auto id = submit();
  take(id);
  const auto review = ask(id, {Severity::kHigh}).at(0);
  end(id, 1, well());
  EXPECT_TRUE(answer(id, review));
  const auto late = answer(id, review, ReviewStatus::kRejected);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_NE(late.error().message.find("approved already"), std::string::npos);
  EXPECT_EQ(answer(ExecutionId("exe_other"), review).error().code, ErrorCode::kNotFound);
}

TEST_F(Parks, ADecisionIsGivenAgainUntilAnAttemptThatHadItEndsWell) {
  const auto id = submit();
  take(id);
  const auto review = ask(id, {Severity::kHigh}).at(0);
  end(id, 1, well());
  answer(id, review);
  EXPECT_EQ(take(id, 2)->continuation->reviews.size(), 1u);
  EXPECT_EQ(end(id, 0, failed(FailureReason::kWorkerLost), 2).status, ExecutionStatus::kQueued);
  EXPECT_EQ(take(id, 3)->continuation->reviews.size(), 1u);
  write([&](Transaction& tx) { return give_back(tx, tenant, id, 3, clock.wall()); });
  EXPECT_EQ(take(id, 4)->continuation->reviews.size(), 1u);
  EXPECT_EQ(end(id, 0, well(), 4).status, ExecutionStatus::kCompleted);
  // Parking did not use up the tries of the retry policy.
  const auto attempts = get(id).attempts;
  EXPECT_EQ(std::ranges::count(attempts, true, &Attempt::counts), 2);
}

TEST_F(Parks, WhatNobodyAnswersExpiresAndTheRunGoesOnKnowingThat) {
  const auto id = submit(persona_with(ReviewPolicy::kRisky, 60'000));
  take(id);
  const auto review = ask(id, {Severity::kHigh}).at(0);
  end(id, 1, well());
  clock.advance(seconds(59));
  const auto early = sweep();
  EXPECT_TRUE(early.expired.empty());
  EXPECT_EQ(early.next, get(id).parked_until);
  clock.advance(seconds(1));
  const auto late = answer(id, review);  // before the sweep came
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_NE(late.error().message.find("expired"), std::string::npos);
  const auto done = sweep();
  EXPECT_EQ(done.expired.size(), 1u);
  ASSERT_EQ(done.go_on.size(), 1u);
  EXPECT_EQ(done.go_on[0].id, id);
  EXPECT_FALSE(done.next);
  EXPECT_NE(answer(id, review).error().message.find("expired"), std::string::npos);
  EXPECT_EQ(take(id, 2)->continuation->reviews.at(0).status, ReviewStatus::kExpired);
  EXPECT_EQ(end(id, 0, well(), 2).status, ExecutionStatus::kCompleted);
}

TEST_F(Parks, ACancelledParkedRunIsOverAtOnceAndStaysOver) {
  const auto id = submit();
  take(id);
  const auto review = ask(id, {Severity::kHigh}).at(0);
  end(id, 1, well());
  const auto cancelled =
      write([&](Transaction& tx) { return request_cancel(tx, tenant, id, "test", clock.wall()); });
  EXPECT_EQ(cancelled.was, CancelResult::Was::kParked);
  EXPECT_EQ(cancelled.execution.status, ExecutionStatus::kCancelled);
  EXPECT_EQ(cancelled.execution.parked, std::nullopt);
  EXPECT_FALSE(answer(id, review)->goes_on);
  EXPECT_FALSE(take(id, 2));
  EXPECT_EQ(get(id).status, ExecutionStatus::kCancelled);
}

TEST_F(Parks, AnAgentThatAsksInCirclesFails) {
  const auto id = submit();
  for (std::int64_t attempt = 1; attempt <= kMaxParks; ++attempt) {
    take(id, attempt);
    ask(id, {Severity::kHigh}, attempt);
    ASSERT_EQ(end(id, 1, well(), attempt).status, ExecutionStatus::kRunning) << attempt;
    for (const auto& review : reviews_of(id)) {
      if (review.status != ReviewStatus::kPending) continue;
      ASSERT_TRUE(answer(id, review.id)->goes_on);
    }
  }
  take(id, kMaxParks + 1);
  ask(id, {Severity::kHigh}, kMaxParks + 1);
  EXPECT_EQ(end(id, 1, well(), kMaxParks + 1).status, ExecutionStatus::kFailed);
  EXPECT_EQ(get(id).failure_reason, FailureReason::kParkedTooOften);
  EXPECT_EQ(get(id).attempts.back().status, ExecutionStatus::kCompleted);
}

TEST_F(Parks, ASessionIsContinuedByItsBackendAloneAndItsOutputIsOneText) {
  const auto id = submit();  // claude, by default
  const auto keep_session = [&] {
    FrameEntry frame;
    frame.session = FrameEntry::SessionPart{};
    frame.session->path = "p/a.jsonl";
    frame.session->data = "{}\n";
    frame.session->session_id = "ses-1";
    auto request = batch(id, 0, {});
    request.backend = "claude";
    request.frames.push_back(std::move(frame));
    seal_session(session_key, request, random);
    write([&](Transaction& tx) -> Result<bool> {
      TRY_VOID(store_session(tx, request));
      return true;
    });
  };
  take(id);
  put(batch(id, 0, {"one "}));
  keep_session();
  EXPECT_EQ(end(id, 1, failed(FailureReason::kWorkerLost)).status, ExecutionStatus::kQueued);
  auto run = take(id, 2);
  ASSERT_TRUE(run->session_id);
  EXPECT_EQ(*run->session_id, "ses-1");
  ASSERT_EQ(run->session.size(), 1U);
  EXPECT_EQ(run->session[0].content, "{}\n");
  EXPECT_EQ(run->continuation->kind, agents::Continuation::Kind::kInterrupted);
  auto text = batch(id, 0, {"two "});
  text.attempt = 2;
  put(text);
  EXPECT_EQ(get(id).output, "one two ");
  EXPECT_EQ(get(id).output_bytes, 8);

  EXPECT_EQ(end(id, 1, failed(FailureReason::kSessionLost), 2).status, ExecutionStatus::kQueued);
  run = take(id, 3);
  EXPECT_FALSE(run->session_id);  // afresh
  EXPECT_TRUE(run->continuation);
  text.attempt = 3;
  put(text);
  EXPECT_EQ(get(id).output, "two ");

  keep_session();
  write([&](Transaction& tx) -> Result<bool> {
    TRY_VOID(remember_session(tx, tenant, id, "ses-1", "another"));
    return true;
  });
  // Two attempts that count have ended; a third is the last of the retry policy.
  AttemptEnd last = well();
  EXPECT_EQ(end(id, 1, last, 3).status, ExecutionStatus::kCompleted);
  write([&](Transaction& tx) -> Result<bool> {
    static const store::Sql kCount("SELECT 1 FROM session_parts WHERE execution_id = ?");
    TRY(const auto left,
        tx.query(kCount, {id}, [](const store::Row&) -> Result<bool> { return true; }));
    EXPECT_EQ(left, 0);  // kept until the execution is over, and no longer
    return true;
  });
}

TEST_F(Parks, WhatEarlierAttemptsSpentIsGoneFromTheBudget) {
  ExecutionConfig config;
  config.max_budget_usd = 1.0;
  const auto id = submit({}, Source::kApi, config);
  EXPECT_EQ(take(id)->config.max_budget_usd, 1.0);
  AttemptEnd lost = failed(FailureReason::kWorkerLost);
  lost.cost_usd = 0.75;
  end(id, 0, lost);
  auto run = take(id, 2);
  EXPECT_EQ(run->config.max_budget_usd, 0.25);
  EXPECT_FALSE(run->refused);
  lost.cost_usd = 0.3;
  end(id, 0, lost, 2);
  run = take(id, 3);
  ASSERT_TRUE(run->refused);
  EXPECT_EQ(run->refused->reason, FailureReason::kBudgetExceeded);
  EXPECT_EQ(end(id, 0, failed(run->refused->reason), 3).status, ExecutionStatus::kFailed);
}

// ---- the provider's limit ----------------------------------------------------------------------

TEST_F(Parks, ARefusalParksTheRunAndClosesTheGateOfItsAccount) {
  const auto id = submit();
  take(id);
  const auto outcome = end(id, 0, refused(hours(3)));
  const Timestamp until = clock.wall() + hours(3);
  EXPECT_EQ(outcome.status, ExecutionStatus::kQueued);
  ASSERT_TRUE(outcome.gate && outcome.retry);
  EXPECT_EQ(outcome.gate->until, until);
  EXPECT_EQ(outcome.retry->not_before, until);
  EXPECT_EQ(outcome.retry->parked, Parked::kQuota);
  const auto shown = get(id);
  EXPECT_EQ(shown.parked_until, until);
  EXPECT_EQ(shown.waiting_for, "provider quota until " + to_rfc3339(until) + " (claude)");
  EXPECT_FALSE(shown.attempts.at(0).counts);
  EXPECT_EQ(journal(id).size(), 3u);  // the gate's record is the tenant's
  EXPECT_EQ(whole_journal().at(2).type, "provider.quota");
  EXPECT_EQ(take(id, 2)->continuation->kind, agents::Continuation::Kind::kQuotaReset);
  EXPECT_EQ(get(id).parked, std::nullopt);
}

TEST_F(Parks, AnUnknownWaitDoublesUpToAnHourUntilAnAttemptGoesWell) {
  const auto id = submit();
  std::int64_t attempt = 0;
  const auto wait = [&] {
    take(id, ++attempt);
    clock.advance(seconds(1));
    const auto gate = end(id, 0, refused(), attempt).gate;
    const auto minutes_shut = to_millis(gate->until - clock.wall()) / 60'000;
    clock.advance(gate->until - clock.wall());
    return minutes_shut;
  };
  for (const std::int64_t expected : {5, 10, 20, 40, 60, 60}) EXPECT_EQ(wait(), expected);
  const auto other = submit();
  take(other);
  auto good = batch(other, 0, {});
  good.end = well();
  good.end_seq = 1;
  good.proves_gate = "claude";
  EXPECT_EQ(put(good).status, ExecutionStatus::kCompleted);
  EXPECT_EQ(wait(), 5);
}

TEST_F(Parks, RefusalsAtTheSameTimeCountOnce) {
  const auto one = submit();
  const auto two = submit();
  take(one);
  take(two);
  clock.advance(seconds(1));
  const auto first = end(one, 0, refused()).gate;
  clock.advance(seconds(1));
  const auto second = end(two, 0, refused()).gate;
  EXPECT_EQ(second->until, first->until);
  EXPECT_EQ(gates().at(0).closings, 1);
  EXPECT_EQ(get(two).parked_until, first->until);
}

TEST_F(Parks, ThePersonaMayFailInstead) {
  const auto id = submit(persona_on_quota(OnQuota::kFail));
  take(id);
  EXPECT_EQ(end(id, 0, refused()).status, ExecutionStatus::kFailed);
  EXPECT_EQ(get(id).failure_reason, FailureReason::kProviderQuota);
  EXPECT_EQ(gates().size(), 1u);  // the account is refused all the same
}

TEST_F(Parks, AFallbackIsTriedOnceAndThenTheRunWaits) {
  const auto id = submit(persona_on_quota(OnQuota::kFallback, Fallback{{}, "small"}));
  take(id);
  const auto first = end(id, 0, refused());
  ASSERT_TRUE(first.retry);
  EXPECT_EQ(first.retry->not_before, clock.wall());
  EXPECT_EQ(first.retry->parked, std::nullopt);
  EXPECT_EQ(first.retry->gate, "claude:small");  // the closed gate does not hold it
  EXPECT_EQ(take(id, 2)->config.model, "small");
  const auto second = end(id, 0, refused(), 2);
  EXPECT_EQ(second.retry->parked, Parked::kQuota);
  EXPECT_EQ(gates().size(), 2u);
  EXPECT_EQ(open(), 1);
  EXPECT_EQ(get(id).parked_until, clock.wall());
}

TEST_F(Parks, AFallbackMayBeAnotherBackend) {
  const auto id = submit(persona_on_quota(OnQuota::kFallback, Fallback{"demo", {}}));
  take(id);
  EXPECT_EQ(end(id, 0, refused()).retry->backend, "demo");
  EXPECT_EQ(take(id, 2)->config.backend, "demo");
}

TEST_F(Parks, WithoutAFallbackTheRunWaits) {
  const auto id = submit(persona_on_quota(OnQuota::kFallback));
  take(id);
  EXPECT_EQ(end(id, 0, refused()).retry->parked, Parked::kQuota);
}

TEST_F(Parks, OpeningAGateMakesItsParkedRunsDueAndOldNewsDoesNotCloseItAgain) {
  const auto parked = submit();
  const auto late = submit();
  take(parked);
  take(late);
  clock.advance(seconds(1));
  end(parked, 0, refused(hours(5)));
  clock.advance(seconds(1));
  EXPECT_EQ(open("demo"), 0);
  EXPECT_EQ(open(), 1);
  write([&](Transaction& tx) -> Result<bool> {
    TRY(const auto window, load_window(tx, {tenant, PersonaId()}, clock.wall()));
    EXPECT_EQ(window.entries.size(), 1u);
    return true;
  });
  clock.advance(seconds(1));
  const auto outcome = end(late, 0, refused(hours(5)));  // began before the gate was opened
  EXPECT_LE(outcome.gate->until, clock.wall());
  EXPECT_EQ(outcome.retry->not_before, clock.wall());
  take(late, 2);
  clock.advance(seconds(1));
  EXPECT_GT(end(late, 0, refused(hours(5)), 2).gate->until, clock.wall());
}

TEST_F(Parks, WhatAProviderNamesIsBelievedWithinReason) {
  const auto past = submit();
  take(past);
  EXPECT_EQ(end(past, 0, refused(-hours(1))).gate->until, clock.wall() + kFirstQuotaWait);
  open();
  clock.advance(seconds(1));
  const auto far = submit();
  take(far);
  EXPECT_EQ(end(far, 0, refused(hours(24 * 4'000))).gate->until, clock.wall() + kLongestNamedWait);
}

}  // namespace
}  // namespace personas::execution
