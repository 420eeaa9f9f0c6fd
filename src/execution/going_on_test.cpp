// Random lives of many executions through the real core and the real store: claims, ends of every
// kind, questions, answers, expiry, refusals, opened gates, cancels and restarts, with the news of
// commits delayed as threads delay them. An execution is never lost, never live twice, and never
// parked without something that lets it go on.
#include <deque>
#include <set>

#include <fmt/format.h>

#include "personas/execution/dispatcher.hpp"
#include "personas/execution/gate_store.hpp"
#include "personas/execution/review_store.hpp"

#include "test_store.hpp"

namespace personas::execution {
namespace {

class GoingOn : public StoreTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  using News = std::function<void()>;
  using Run = std::pair<ExecutionId, std::int64_t>;

  void SetUp() override {
    StoreTest::SetUp();
    random = SeededRandom(GetParam());
    Persona held;
    held.id = PersonaId("per_hold");
    held.review_policy = ReviewPolicy::kHold;
    held.review_timeout_ms = 600'000;
    held.max_concurrent = 2;
    held.retry = RetryPolicy{};
    add_persona(held);
    Persona other;
    other.id = PersonaId("per_other");
    other.on_quota = OnQuota::kFallback;
    other.fallback = Fallback{.backend = {}, .model = "small"};
    other.review_timeout_ms = 1'200'000;
    other.max_concurrent = 3;
    add_persona(other);
    start();
  }

  Now now() const { return {clock.now(), clock.wall()}; }
  bool chance(std::uint64_t in) { return random.below(in) == 0; }

  // ---- what the service does --------------------------------------------------------------------

  void start() {
    own_.clear();
    outside_.clear();
    core_ = std::make_unique<Dispatcher>(DispatcherOptions{});
    struct Found {
      std::vector<QueuedLane> lanes;
      std::vector<RunningExecution> running;
      std::vector<Gate> gates;
    };
    const auto found = write([&](Transaction& tx) -> Result<Found> {
      Found f;
      TRY(f.lanes, queued_lanes(tx));
      TRY(f.running, running_executions(tx));
      TRY(f.gates, all_gates(tx));
      return f;
    });
    for (const auto& run : found.running) {
      core_->adopt(run.entry, run.attempt, run.worker, run.worker_instance, WorkerKind::kFull, {},
                   Duration::zero(), now());
    }
    for (const auto& gate : found.gates) core_->gate_changed(gate, now());
    for (const auto& lane : found.lanes) core_->lane_has_more(lane.lane, lane.limit, now());
    WorkerInfo worker;
    worker.id = WorkerId("w1");
    worker.instance = "i1";
    worker.slots = 4;
    worker.capabilities = {"claude"};
    core_->worker_joined(std::move(worker), now());
    for (const auto& run : found.running) {
      if (!held_.contains({run.entry.id, run.attempt})) {
        core_->run_missing(run.entry.id, run.attempt, now());
      }
    }
    core_->worker_ready(WorkerId("w1"), 4 - static_cast<std::int64_t>(held_.size()), now());
    settle();
  }

  void settle() {
    for (auto effects = core_->take_effects(); !effects.empty(); effects = core_->take_effects()) {
      for (const auto& one : effects) {
        std::visit([this](const auto& e) { perform(e); }, one);
      }
    }
  }
  void perform(const effect::Claim& claim) {
    const Run run{claim.entry.id, claim.attempt};
    const auto won = take(run.first, run.second);
    if (won) {
      EXPECT_TRUE(live_.insert(run.first).second) << "live twice: " << run.first.str();
    }
    own_.push_back([this, run, is_won = won.has_value()] {
      if (is_won) {
        held_.insert(run);
        core_->claim_won(run.first, {}, now());
      } else {
        core_->claim_lost(run.first, now());
      }
    });
  }
  void perform(const effect::Cancel&) {}  // the run ends in its own time
  void perform(const effect::Lose& lose) {
    AttemptEnd how;
    how.reason = lose.reason;
    finish({lose.entry.id, lose.attempt}, how);
  }
  void perform(const effect::Refill& refill) {
    auto window =
        write([&](Transaction& tx) { return load_window(tx, refill.lane, clock.wall()); });
    own_.push_back([this, lane = refill.lane, window] {
      core_->refilled(lane, window.entries, window.more, window.next_not_before, now());
    });
  }

  void finish(const Run& run, const AttemptEnd& how) {
    auto request = batch(run.first, 0, {});
    request.attempt = run.second;
    const auto row = get(run.first, Output::kNone);
    request.persona = row.persona_id.value_or(PersonaId());
    request.expected_seq = seqs_[run];
    request.end = how;
    request.end_seq = request.expected_seq + 1;
    request.jitter = random.next();
    const auto* lease = core_->lease(run.first);
    if (lease != nullptr && core_->gate_in_doubt(tenant, lease->entry.gate)) {
      request.proves_gate = lease->entry.gate;
    }
    const auto outcome = put(request);
    held_.erase(run);
    if (outcome.accepted) live_.erase(run.first);
    own_.push_back([this, run, outcome] {
      if (outcome.gate) core_->gate_changed(*outcome.gate, now());
      core_->ended(run.first, run.second, now());
      if (outcome.retry) core_->enqueue(*outcome.retry, now());
    });
  }

  void hear(std::deque<News>& channel) {
    if (channel.empty()) return;
    auto news = std::move(channel.front());
    channel.pop_front();
    news();
    settle();
  }
  void hear_all() {
    while (!own_.empty() || !outside_.empty()) {
      hear(chance(2) ? own_ : outside_);
    }
  }

  // ---- what happens -----------------------------------------------------------------------------

  void submit_one() {
    static const std::vector<std::optional<PersonaId>> kPersonas = {
        std::nullopt, PersonaId("per_hold"), PersonaId("per_other")};
    const auto id = ExecutionId::make(clock.wall(), random);
    clock.advance(milliseconds(2));
    ExecuteRequest request;
    request.prompt = "do it";
    request.persona_id = kPersonas[random.below(kPersonas.size())];
    const auto queued = write([&](Transaction& tx) -> Result<QueuedExecution> {
      TRY(auto done, enqueue(tx, tenant, id, request, Source::kApi, clock.wall()));
      return done.queued;
    });
    ids_.push_back(id);
    outside_.push_back([this, queued] { core_->enqueue(queued, now()); });
  }
  void ask_something(const Run& run) {
    auto request = batch(run.first, seqs_[run], {"?"});
    request.attempt = run.second;
    request.persona = get(run.first, Output::kNone).persona_id.value_or(PersonaId());
    for (std::uint64_t i = 0; i <= random.below(2); ++i) {
      request.frames[0].effects.push_back(
          ManualReview{.title = "?",
                       .description = "",
                       .severity = chance(3) ? Severity::kLow : Severity::kHigh,
                       .context_data = {},
                       .suggested_actions = {}});
    }
    if (put(request).accepted) ++seqs_[run];
  }
  void end_one(const Run& run) {
    static const std::vector<FailureReason> kReasons = {
        FailureReason::kProviderQuota, FailureReason::kWorkerLost, FailureReason::kAgentExit,
        FailureReason::kSessionLost};
    if (chance(2)) ask_something(run);
    AttemptEnd how;
    how.cost_usd = 0.25;
    if (!chance(3)) {
      how.status = ExecutionStatus::kCompleted;
    } else {
      how.reason = kReasons[random.below(kReasons.size())];
      if (how.reason == FailureReason::kProviderQuota && chance(2)) {
        how.quota_resets_at = clock.wall() + minutes(static_cast<int>(random.below(10)));
      }
    }
    finish(run, how);
  }
  void answer_one() {
    const auto pending =
        write([&](Transaction& tx) { return store::list_pending_reviews(tx, tenant, {}); });
    if (pending.empty()) return;
    const auto& review = pending[random.below(pending.size())];
    const auto answered = store::write_now(*store_, [&](Transaction& tx) {
      return answer_review(
          tx, tenant,
          {.execution = *review.execution_id, .review = review.id, .message = {}, .by = {}},
          clock.wall());
    });
    if (!answered) {
      EXPECT_EQ(answered.error().code, ErrorCode::kConflict);
      return;
    }
    if (answered->goes_on) {
      outside_.push_back([this, queued = *answered->goes_on] { core_->enqueue(queued, now()); });
    }
  }
  void sweep() {
    const auto swept = write([&](Transaction& tx) { return expire_reviews(tx, clock.wall()); });
    own_.push_back([this, swept] {
      for (const auto& queued : swept.go_on) core_->enqueue(queued, now());
    });
  }
  void open() {
    write([&](Transaction& tx) { return open_gate(tx, tenant, "claude", clock.wall()); });
    own_.push_back([this] { core_->gates_opened(tenant, "claude", now()); });
  }
  void cancel(const ExecutionId& id) {
    const auto was = write([&](Transaction& tx) -> Result<CancelResult::Was> {
      TRY(const auto done, request_cancel(tx, tenant, id, "x", clock.wall()));
      return done.was;
    });
    if (was != CancelResult::Was::kQueued && was != CancelResult::Was::kRunning) return;
    outside_.push_back([this, id] { core_->cancel(id, now()); });
  }
  void pass(Duration time) {
    while (time > Duration::zero()) {
      const Duration step = std::min<Duration>(time, seconds(10));
      clock.advance(step);
      time -= step;
      core_->worker_alive(WorkerId("w1"), now());
    }
    core_->tick(now());
    settle();
  }

  void step() {
    const auto pick = [&](const std::set<Run>& runs) {
      return *std::next(runs.begin(), static_cast<std::ptrdiff_t>(random.below(runs.size())));
    };
    switch (random.below(14)) {
      case 0:
      case 1:
        return submit_one();
      case 2:
        return held_.empty() ? void() : ask_something(pick(held_));
      case 3:
      case 4:
        return held_.empty() ? void() : end_one(pick(held_));
      case 5:
      case 6:
        answer_one();
        return chance(2) ? hear(outside_) : answer_one();
      case 7:
        return sweep();
      case 8:
        return chance(4) ? open() : void();
      case 9:
        return ids_.empty() || !chance(3) ? void() : cancel(ids_[random.below(ids_.size())]);
      case 10:
        return pass(seconds(static_cast<int>(random.below(300))));
      case 11:
        return chance(6) ? start() : void();
      default:
        for (int i = 0; i < 3; ++i) hear(chance(2) ? own_ : outside_);
    }
  }

  // ---- what holds at every moment ---------------------------------------------------------------

  void check() {
    std::set<ExecutionId> running;
    for (const auto& id : ids_) {
      const auto e = get(id, Output::kNone);
      if (e.status == ExecutionStatus::kRunning && !e.parked) running.insert(id);
      EXPECT_EQ(e.parked.has_value(), e.parked_until.has_value());
      if (e.parked == Parked::kQuota) {
        EXPECT_EQ(e.status, ExecutionStatus::kQueued);
      }
      if (e.parked != Parked::kReview) continue;
      EXPECT_EQ(e.status, ExecutionStatus::kRunning);
      EXPECT_EQ(e.worker_id, std::nullopt);
      const auto reviews =
          write([&](Transaction& tx) { return store::list_reviews(tx, tenant, id); });
      const bool open = std::ranges::any_of(reviews, [&](const Review& review) {
        const bool holds =
            e.persona_id == PersonaId("per_hold") || review.severity >= Severity::kHigh;
        return holds && review.status == ReviewStatus::kPending && review.expires_at;
      });
      EXPECT_TRUE(open) << id.str() << " is parked and nothing will let it go on";
    }
    EXPECT_EQ(running, live_);
  }
  bool all_over() {
    return std::ranges::all_of(
        ids_, [&](const auto& id) { return is_final(get(id, Output::kNone).status); });
  }

  std::unique_ptr<Dispatcher> core_;
  std::deque<News> own_;      // in the order of our own commits
  std::deque<News> outside_;  // from other threads
  std::set<Run> held_;        // by the worker
  std::set<ExecutionId> live_;
  std::map<Run, std::int64_t> seqs_;
  std::vector<ExecutionId> ids_;
};

TEST_P(GoingOn, NothingIsLostNothingIsLiveTwiceNothingWaitsForEver) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  for (int i = 0; i < 250; ++i) {
    step();
    if (i % 10 == 0) check();
    if (HasFailure()) return;
  }
  // From now on all is well: agents finish, humans answer, limits reset. All must come to an end.
  for (int round = 0; round < 400 && !all_over(); ++round) {
    hear_all();
    for (const auto& run : std::set<Run>(held_)) {
      AttemptEnd well;
      well.status = ExecutionStatus::kCompleted;
      finish(run, well);
    }
    hear_all();
    if (chance(2)) answer_one();
    pass(minutes(10));
    sweep();
  }
  check();
  const auto statuses = fold(whole_journal());
  EXPECT_EQ(statuses.size(), ids_.size());
  for (const auto& id : ids_) {
    const auto e = get(id, Output::kNone);
    EXPECT_TRUE(is_final(e.status)) << id.str() << " " << codec::name_of(e.status) << " "
                                    << core_->why_waiting(id, clock.wall());
    EXPECT_EQ(statuses.at(id.str()), codec::name_of(e.status));
    double cost = 0;
    for (const auto& attempt : e.attempts) cost += attempt.cost_usd.value_or(0);
    EXPECT_DOUBLE_EQ(e.cost_usd.value_or(0), cost);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, GoingOn, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace personas::execution
