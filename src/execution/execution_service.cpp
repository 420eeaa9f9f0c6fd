#include "personas/execution/execution_service.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/codec/json.hpp"
#include "personas/execution/session_store.hpp"

#include "assignment.hpp"

namespace personas::execution {
namespace {

// A write that the disk refused is tried again after this.
constexpr Duration kDiskRetry = seconds(1);
constexpr Duration kTimerSlack = milliseconds(1);

std::optional<Refused> refused_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kCorrupt:
      return Refused{FailureReason::kCredentialMissing, error.message};
    case ErrorCode::kUnauthorized:
      return Refused{FailureReason::kAgentNotAuthenticated, error.message};
    default:
      return std::nullopt;
  }
}

}  // namespace

ExecutionService::ExecutionService(ServiceOptions options, boost::asio::any_io_executor strand,
                                   store::Store& store, Clock& clock, Random& random,
                                   SecretSource secrets)
    : options_(std::move(options)),
      strand_(std::move(strand)),
      store_(store),
      clock_(clock),
      random_(random),
      secret_source_(std::move(secrets)),
      dispatcher_(options_.dispatcher),
      timer_(strand_) {}

ExecutionService::~ExecutionService() = default;

// ---- store operations --------------------------------------------------------------------------

store::Completion ExecutionService::counted(store::Completion done) {
  ++operations_;
  return [this, done = std::move(done)](Result<void> outcome) mutable {
    done(std::move(outcome));
    finished_operation();
  };
}

void ExecutionService::finished_operation() {
  if (--operations_ == 0 && idle_) idle_->cancel();
}

void ExecutionService::write(store::Operation operation, store::Completion done) {
  store_.submit_write(std::move(operation), strand_, counted(std::move(done)));
}

void ExecutionService::read(store::Operation operation, store::Completion done) {
  store_.submit_read(std::move(operation), strand_, counted(std::move(done)));
}

// ---- start and stop ----------------------------------------------------------------------------

Task<Result<void>> ExecutionService::start(WorkerLinks& links) {
  links_ = &links;
  struct State {
    std::vector<QueuedLane> lanes;
    std::vector<RunningExecution> running;
    std::vector<std::vector<NamedSecret>> secrets;  // of `running`, in its order
    std::vector<Gate> gates;
    std::optional<Timestamp> review_expiry;
  };
  auto state = co_await store_.read([this](store::Transaction& tx) -> Result<State> {
    State found;
    TRY(found.lanes, queued_lanes(tx));
    TRY(found.running, running_executions(tx));
    TRY(found.gates, all_gates(tx));
    TRY(found.review_expiry, next_review_expiry(tx));
    for (const auto& run : found.running) {
      TRY(auto secrets, secret_source_(tx, {.tenant = run.entry.tenant,
                                            .execution = run.entry.id,
                                            .persona = run.entry.persona,
                                            .credential_ids = run.credential_ids,
                                            .backend = run.entry.backend,
                                            .now = clock_.wall(),
                                            .purpose = SecretsRequest::Purpose::kMasking}));
      found.secrets.push_back(std::move(secrets));
    }
    return found;
  });
  if (!state) co_return fail(std::move(state).error());

  const Now start = now();
  std::int64_t queued = 0;
  for (std::size_t i = 0; i < state->running.size(); ++i) {
    auto& run = state->running[i];
    const auto kind = run.worker_instance.empty() ? WorkerKind::kSeed : WorkerKind::kFull;
    auto& live = open_run(run.entry, run.attempt, run.worker, run.last_seq);
    equip(live, state->secrets[i]);
    live.must_replay();
    ++running_;
    dispatcher_.adopt(run.entry, run.attempt, run.worker, run.worker_instance, kind, run.limits,
                      start.wall - run.started, start);
    if (run.cancel_requested) dispatcher_.cancel(run.entry.id, start);
  }
  for (const auto& gate : state->gates) dispatcher_.gate_changed(gate, start);
  expect_review_expiry(state->review_expiry);
  for (const auto& lane : state->lanes) {
    queued += lane.queued;
    dispatcher_.lane_has_more(lane.lane, lane.limit, start);
  }
  queued_.store(queued);
  settle();
  co_return Result<void>{};
}

Task<void> ExecutionService::stop() {
  stopping_ = true;
  timer_.cancel();
  if (operations_ == 0) co_return;
  idle_ = std::make_unique<Timer>(strand_);
  boost::system::error_code ignored;
  co_await idle_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

// ---- effects of the core -----------------------------------------------------------------------

void ExecutionService::settle() {
  if (settling_) return;
  settling_ = true;
  for (auto effects = dispatcher_.take_effects(); !effects.empty();
       effects = dispatcher_.take_effects()) {
    for (const auto& one : effects) {
      std::visit([this](const auto& e) { perform(e); }, one);
    }
  }
  settling_ = false;
  arm();
}

void ExecutionService::arm() {
  if (stopping_) return;
  const Instant next = std::min({dispatcher_.next_deadline(now()), retry_at_, look_at_reviews_});
  // Retries are due by the wall clock; mapped onto the other one they move by microseconds.
  const bool same = next == armed_for_ || (armed_for_ != Instant::never() &&
                                           std::chrono::abs(next - armed_for_) < kTimerSlack);
  if (same) return;
  armed_for_ = next;
  if (next == Instant::never()) {
    timer_.cancel();
    return;
  }
  const Duration wait = std::max(next - clock_.now(), Duration::zero());
  timer_.expires_after(wait);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    armed_for_ = Instant::never();
    if (retry_at_ <= clock_.now()) retry_now();
    if (look_at_reviews_ <= clock_.now()) sweep_reviews();
    dispatcher_.tick(now());
    settle();
  });
}

void ExecutionService::perform(const effect::Claim& claim) {
  if (stopping_) return;  // the row stays queued; the next start finds it
  const auto* worker = dispatcher_.workers().find(claim.worker);
  struct Won {
    std::optional<ClaimedRun> run;
    std::vector<NamedSecret> secrets;
  };
  auto won = std::make_shared<Won>();
  ClaimRequest request{.tenant = claim.entry.tenant,
                       .id = claim.entry.id,
                       .attempt = claim.attempt,
                       .worker = claim.worker,
                       .worker_instance = worker != nullptr ? worker->info.instance : "",
                       .node = options_.node,
                       .now = clock_.wall()};
  if (worker != nullptr && offers(worker->info, wire::kSessionFeature)) {
    request.session_key = &options_.session_key;
  }
  write(
      [this, won, request = std::move(request), persona = claim.entry.persona,
       backend = claim.entry.backend](store::Transaction& tx) -> Result<void> {
        TRY(won->run, execution::claim(tx, request));
        if (!won->run) return {};
        if (won->run->refused) return {};
        auto secrets = secret_source_(tx, {.tenant = request.tenant,
                                           .execution = request.id,
                                           .persona = persona,
                                           .credential_ids = won->run->credential_ids,
                                           .backend = won->run->config.backend.value_or(backend),
                                           .now = request.now});
        if (secrets) {
          won->secrets = std::move(*secrets);
          return {};
        }
        // What is missing stays missing: the attempt ends, and says so.
        won->run->refused = refused_for(secrets.error());
        if (!won->run->refused) return fail(std::move(secrets).error());
        return {};
      },
      [this, claim, won](Result<void> outcome) {
        claimed(claim, std::move(outcome), std::move(won->run), std::move(won->secrets));
        settle();
      });
}

void ExecutionService::perform(const effect::Cancel& cancel) {
  links_->cancel(cancel.worker, {cancel.execution, cancel.attempt}, cancel.reason);
}

void ExecutionService::perform(const effect::Lose& lose) {
  LiveRun* run = find_run({lose.entry.id, lose.attempt});
  if (run == nullptr) return;
  AttemptEnd end;
  end.status = lose.reason == FailureReason::kCancelled ? ExecutionStatus::kCancelled
                                                        : ExecutionStatus::kFailed;
  end.reason = lose.reason;
  end.message = lose.message;
  end.silence = lose.silence;
  run->end_without_frame(std::move(end));
  links_->release(run->identity().worker, run->identity().run);
  pump(*run);
}

void ExecutionService::perform(const effect::Refill& refill) {
  if (stopping_) return;
  auto window = std::make_shared<Window>();
  const Timestamp at = clock_.wall();
  read(
      [window, lane = refill.lane, at](store::Transaction& tx) -> Result<void> {
        TRY(*window, load_window(tx, lane, at));
        return {};
      },
      [this, window, lane = refill.lane](Result<void> outcome) {
        if (outcome) {
          dispatcher_.refilled(lane, std::move(window->entries), window->more,
                               window->next_not_before, now());
        } else {
          // The store could not say: look again in a while.
          dispatcher_.refilled(lane, {}, false, clock_.wall() + kDiskRetry, now());
        }
        settle();
      });
}

// ---- claims ------------------------------------------------------------------------------------

void ExecutionService::claimed(const effect::Claim& claim, Result<void> outcome,
                               std::optional<ClaimedRun> claimed_run,
                               std::vector<NamedSecret> secrets) {
  const ExecutionId& id = claim.entry.id;
  if (!outcome) {
    dispatcher_.claim_failed(id, now());
    return;
  }
  if (!claimed_run) {
    dispatcher_.claim_lost(id, now());
    recount();
    return;
  }
  queued_.fetch_sub(1);
  ++running_;
  LiveRun& run = open_run(claim.entry, claim.attempt, claim.worker, 0);
  const AttemptLimits limits = limits_of(claimed_run->config);
  auto refused = std::move(claimed_run->refused);
  if (!refused) {
    auto assign = make_assign_frame(claim, *claimed_run, secrets, options_.dispatcher.lease,
                                    clock_.wall(), random_);
    if (assign) {
      equip(run, secrets);
      const auto parts = session_frames({id, claim.attempt}, claimed_run->session);
      if (!parts.empty()) assign->session_parts = static_cast<std::int64_t>(parts.size());
      links_->assign(claim.worker, *assign, parts);
      dispatcher_.claim_won(id, limits, now());
      return;
    }
    const bool too_large = assign.error().code == ErrorCode::kPayloadTooLarge;
    refused = Refused{too_large ? FailureReason::kPromptTooLarge : FailureReason::kUnknown,
                      assign.error().message};
  }
  // It cannot be told its job: over before it began, and no worker is troubled.
  dispatcher_.claim_won(id, limits, now());
  AttemptEnd end;
  end.reason = refused->reason;
  end.message = std::move(refused->message);
  run.end_without_frame(std::move(end));
  pump(run);
}

LiveRun& ExecutionService::open_run(const QueuedExecution& entry, std::int64_t attempt,
                                    const WorkerId& worker, std::int64_t committed_seq) {
  const wire::RunKey key{entry.id, attempt};
  auto run = std::make_unique<LiveRun>(
      LiveRun::Identity{entry.tenant, key, entry.persona, worker, entry.backend, entry.gate},
      committed_seq);
  const auto* known = dispatcher_.workers().find(worker);
  const bool parses = known != nullptr && offers(known->info, wire::kProtocolsCapability);
  run->set_parsing(parses ? Parsing::kByWorker : Parsing::kByGateway);
  return *(runs_[key] = std::move(run));
}

void ExecutionService::equip(LiveRun& run, const std::vector<NamedSecret>& secrets) {
  run.set_redactor(std::make_shared<const Redactor>(secrets));
}

LiveRun* ExecutionService::find_run(const wire::RunKey& key) {
  const auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : found->second.get();
}

// ---- writing what runs produce -----------------------------------------------------------------

// Frames that came in one read are written in one transaction: a run's last words and its end
// arrive together more often than not, and each transaction reads and writes the run's row.
void ExecutionService::pump_soon(const LiveRun& run) {
  const wire::RunKey& key = run.identity().run;
  if (!heard_.empty()) {
    if (heard_.back() != key) heard_.push_back(key);
    return;
  }
  heard_.push_back(key);
  ++operations_;  // stop() waits for it
  boost::asio::post(strand_, [this] {
    for (const auto& heard : std::exchange(heard_, {})) {
      if (LiveRun* found = find_run(heard)) pump(*found);
    }
    settle();
    finished_operation();
  });
}

void ExecutionService::pump(LiveRun& run) {
  if (run.needs_replay() && (run.pending_bytes() > 0 || run.ending())) {
    replay(run);
    return;
  }
  auto batch = run.next_batch(clock_.wall());
  if (!batch) return;
  seal_session(options_.session_key, *batch, random_);
  batch->origin = options_.origin;
  batch->events = options_.events;
  batch->now = clock_.wall();
  batch->jitter = random_.next();
  batch->backend = run.identity().backend;
  if (dispatcher_.gate_in_doubt(batch->tenant, run.identity().gate)) {
    batch->proves_gate = run.identity().gate;
  }
  auto appended = std::make_shared<AppendOutcome>();
  write(
      [batch, appended](store::Transaction& tx) -> Result<void> {
        TRY(*appended, append(tx, *batch));
        return {};
      },
      [this, key = run.identity().run, appended](Result<void> outcome) {
        written(key, std::move(outcome), *appended);
        settle();
      });
}

// An adopted run whose text we parse: the parser sees what is on disk before it sees more.
void ExecutionService::replay(LiveRun& run) {
  auto text = std::make_shared<std::string>();
  const auto& identity = run.identity();
  read(
      [text, tenant = identity.tenant, key = identity.run](store::Transaction& tx) -> Result<void> {
        TRY(*text, load_stdout(tx, tenant, key.execution, key.attempt));
        return {};
      },
      [this, text, key = identity.run](Result<void> outcome) {
        LiveRun* found = find_run(key);
        if (found == nullptr || !found->needs_replay()) return;
        if (!outcome) {
          pump_later(key);
          return;
        }
        found->replayed(*text, clock_.wall());
        pump(*found);
        settle();
      });
}

void ExecutionService::pump_later(const wire::RunKey& key) {
  waiting_for_disk_.insert(key);
  retry_later();
}

void ExecutionService::retry_now() {
  retry_at_ = Instant::never();
  for (const auto& key : std::exchange(waiting_for_disk_, {})) {
    if (LiveRun* run = find_run(key)) pump(*run);
  }
  for (const auto& key : std::exchange(give_back_later_, {})) busy(key);
  for (const auto& [tenant, backend] : std::exchange(open_later_, {})) open_gates(tenant, backend);
}

// The count of queued executions is kept by increments; a lost claim says that one was missed.
void ExecutionService::recount() {
  if (recounting_) return;
  recounting_ = true;
  auto count = std::make_shared<std::int64_t>(0);
  read(
      [count](store::Transaction& tx) -> Result<void> {
        TRY(const auto lanes, queued_lanes(tx));
        *count = 0;
        for (const auto& lane : lanes) *count += lane.queued;
        return {};
      },
      [this, count](Result<void> outcome) {
        recounting_ = false;
        if (outcome) queued_.store(*count);
      });
}

void ExecutionService::retry_later() {
  retry_at_ = std::min(retry_at_, clock_.now() + kDiskRetry);
  arm();
}

void ExecutionService::written(const wire::RunKey& key, Result<void> outcome,
                               const AppendOutcome& appended) {
  if (outcome) {
    for (const auto& action : appended.after) action();
  }
  LiveRun* run = find_run(key);
  if (run == nullptr) return;
  const WorkerId worker = run->identity().worker;
  if (!outcome) {
    run->batch_failed();
    pump_later(key);
    return;
  }
  if (!appended.accepted) {
    // Fenced: the store has gone on without this attempt.
    links_->release(worker, key);
    dispatcher_.ended(key.execution, key.attempt, now());
    runs_.erase(key);
    --running_;
    return;
  }
  run->batch_committed();
  expect_review_expiry(appended.review_expiry);
  const Finality finality = appended.status ? Finality::kFinal : Finality::kOpen;
  links_->committed(worker, key, run->committed_seq(), finality);
  if (finality == Finality::kOpen) {
    pump(*run);
    return;
  }
  const LiveRun::Identity identity = run->identity();
  runs_.erase(key);
  --running_;
  if (appended.status == ExecutionStatus::kCompleted) {
    dispatcher_.gate_proven(identity.tenant, identity.gate);
  }
  if (appended.gate) dispatcher_.gate_changed(*appended.gate, now());
  dispatcher_.ended(key.execution, key.attempt, now());
  if (appended.retry) let_go_on(*appended.retry);
  if (is_final(*appended.status)) ++finished_;
}

}  // namespace personas::execution
