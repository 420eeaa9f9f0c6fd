// The two faces of ExecutionService: what the gateway's hub tells it, and what operations ask.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "personas/execution/execution_service.hpp"

#include "assignment.hpp"

namespace personas::execution {

// ---- from the hub ------------------------------------------------------------------------------

std::vector<ExecutionService::LeasedRun> ExecutionService::worker_joined(WorkerInfo info) {
  const WorkerId id = info.id;
  const bool parses = offers(info, wire::kProtocolsCapability);
  dispatcher_.worker_joined(std::move(info), now());
  std::vector<LeasedRun> leased;
  for (const auto* lease : dispatcher_.leases_of(id)) {
    if (lease->state != Dispatcher::Lease::State::kRunning) continue;
    const wire::RunKey key{lease->entry.id, lease->attempt};
    LiveRun* run = find_run(key);
    if (run == nullptr || run->ending()) continue;
    run->set_parsing(parses ? Parsing::kByWorker : Parsing::kByGateway);
    if (parses) run->replayed({}, clock_.wall());
    leased.push_back({key, run->committed_seq(), run->accepted_seq()});
  }
  settle();
  return leased;
}

void ExecutionService::expire() {
  const Now at = now();
  if (dispatcher_.next_lease_check() > at.mono) return;
  dispatcher_.tick(at);
  settle();
}

void ExecutionService::worker_left(const WorkerId& worker) {
  dispatcher_.worker_left(worker, now());
  settle();
}

void ExecutionService::worker_ready(const WorkerId& worker, std::int64_t available) {
  dispatcher_.worker_ready(worker, available, now());
  settle();
}

void ExecutionService::worker_alive(const WorkerId& worker) {
  dispatcher_.worker_alive(worker, now());
}

void ExecutionService::runs_missing(const WorkerId& worker,
                                    const std::vector<wire::RunKey>& missing) {
  for (const auto& key : missing) dispatcher_.run_missing(key.execution, key.attempt, now());
  for (const auto* lease : dispatcher_.leases_of(worker)) {
    if (lease->state == Dispatcher::Lease::State::kRunning && lease->stopped_for) {
      links_->cancel(worker, {lease->entry.id, lease->attempt}, info(*lease->stopped_for).name);
    }
  }
  settle();
}

void ExecutionService::frame(const wire::RunKey& key, std::int64_t seq, wire::WorkerFrame frame) {
  LiveRun* run = find_run(key);
  if (run == nullptr || run->ending()) return;
  dispatcher_.activity(key.execution, key.attempt, now());
  run->add(seq, std::move(frame));
  if (run->output_bytes() > kMaxOutputAccepted) {
    // Workers keep the run's own limit; this one is ours, against those that do not.
    dispatcher_.stop_run(key.execution, key.attempt, FailureReason::kOutputLimit, now());
  }
  if (run->pending_bytes() > kMaxPendingBytes) {
    links_->drop(run->identity().worker, "its output comes faster than it can be stored");
  }
  pump_soon(*run);
  settle();
}

void ExecutionService::complete(const wire::RunKey& key, std::int64_t seq,
                                const wire::Complete& frame) {
  LiveRun* run = find_run(key);
  if (run == nullptr) return;
  AttemptEnd end = to_end(frame);
  const auto* lease = dispatcher_.lease(key.execution);
  if (lease != nullptr && lease->attempt == key.attempt && lease->stopped_for) {
    // We ended it: our reason counts, whatever the worker calls it.
    end.reason = *lease->stopped_for;
    end.status = end.reason == FailureReason::kCancelled ? ExecutionStatus::kCancelled
                                                         : ExecutionStatus::kFailed;
  }
  run->add_end(seq, std::move(end));
  pump_soon(*run);
  settle();
}

void ExecutionService::busy(const wire::RunKey& key) {
  LiveRun* run = find_run(key);
  if (run == nullptr) return;
  auto entry = std::make_shared<std::optional<QueuedExecution>>();
  dispatcher_.busy(key.execution, key.attempt, now());
  write(
      [entry, tenant = run->identity().tenant, key,
       at = clock_.wall()](store::Transaction& tx) -> Result<void> {
        TRY(*entry, give_back(tx, tenant, key.execution, key.attempt, at));
        return {};
      },
      [this, entry, key](Result<void> outcome) {
        if (outcome) {
          given_back(key, std::move(*entry));
        } else {
          give_back_later_.insert(key);
          retry_later();
        }
      });
}

void ExecutionService::given_back(const wire::RunKey& key, std::optional<QueuedExecution> entry) {
  if (runs_.erase(key) > 0) --running_;
  dispatcher_.ended(key.execution, key.attempt, now());
  if (entry) let_go_on(std::move(*entry));
  settle();
}

namespace {

template <class F>
Task<std::invoke_result_t<F&>> call(F function) {
  co_return function();
}

// Runs `function` on the strand; the caller goes on where it was.
template <class F>
Task<std::invoke_result_t<F&>> on(boost::asio::any_io_executor strand, F function) {
  co_return co_await boost::asio::co_spawn(strand, call(std::move(function)),
                                           boost::asio::use_awaitable);
}

}  // namespace

// ---- Executions: thread-safe -------------------------------------------------------------------

Result<void> ExecutionService::admit(const TenantId&) const {
  if (queued_.load() < options_.max_queued) return {};
  return fail(ErrorCode::kUnavailable, "The queue is full; try again later, or start more workers");
}

void ExecutionService::enqueued(QueuedExecution execution) {
  queued_.fetch_add(1);
  boost::asio::post(strand_, [this, execution = std::move(execution)]() mutable {
    dispatcher_.enqueue(std::move(execution), now());
    settle();
  });
}

void ExecutionService::cancel_requested(const TenantId&, const ExecutionId& id) {
  boost::asio::post(strand_, [this, id] {
    const auto* lease = dispatcher_.lease(id);
    // With a claim under way the row may have been either; the lost claim will tell.
    if (lease == nullptr) queued_.fetch_sub(1);
    dispatcher_.cancel(id, now());
    settle();
  });
}

void ExecutionService::review_answered(const TenantId&, const Review& review) {
  if (!review.execution_id) return;
  boost::asio::post(strand_, [this, review] { tell_worker(review); });
}

void ExecutionService::persona_changed(const TenantId& tenant, const PersonaId& id,
                                       std::int64_t max_concurrent) {
  boost::asio::post(strand_, [this, lane = LaneKey{tenant, id}, max_concurrent] {
    dispatcher_.set_lane_limit(lane, max_concurrent, now());
    settle();
  });
}

Task<std::vector<std::string>> ExecutionService::why_waiting(TenantId,
                                                             std::vector<ExecutionId> ids) {
  auto ask = [this, ids = std::move(ids)] {
    std::vector<std::string> reasons;
    reasons.reserve(ids.size());
    for (const auto& id : ids) reasons.push_back(dispatcher_.why_waiting(id, clock_.wall()));
    return reasons;
  };
  co_return co_await on(strand_, std::move(ask));
}

std::vector<WorkerStatus> ExecutionService::worker_statuses() const {
  std::vector<WorkerStatus> all;
  for (const auto& [id, worker] : dispatcher_.workers().all()) {
    if (!worker.connected) continue;
    WorkerStatus status;
    status.worker_id = id.str();
    status.state = worker.used > 0 ? "busy" : "idle";
    status.kind = worker.info.kind == WorkerKind::kFull ? "full" : "seed";
    status.version = worker.info.version;
    status.slots = worker.info.slots;
    status.used_slots = worker.used;
    status.capabilities = worker.info.capabilities;
    status.labels = worker.info.labels;
    status.sandbox = worker.info.sandbox;
    status.connected_at = worker.info.connected_at;
    status.agent_versions = worker.info.agent_versions;
    for (const auto* lease : dispatcher_.leases_of(id)) {
      status.executions.push_back(lease->entry.id.str());
    }
    all.push_back(std::move(status));
  }
  return all;
}

Task<std::vector<WorkerStatus>> ExecutionService::workers() {
  auto ask = [this] { return worker_statuses(); };
  co_return co_await on(strand_, std::move(ask));
}

Task<QueueStatus> ExecutionService::queue() {
  auto ask = [this] { return QueueStatus{queued_.load(), running_, finished_}; };
  co_return co_await on(strand_, std::move(ask));
}

}  // namespace personas::execution
