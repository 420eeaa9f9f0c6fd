#include "personas/execution/dispatcher.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace personas::execution {
namespace {

// A claim that the store could not answer is tried again after this.
constexpr Duration kClaimRetry = milliseconds(500);
// So many timers of ended runs may be left before they are swept: the sweep costs nothing per run.
constexpr std::size_t kStaleTimers = 1'024;

LaneKey lane_key(const QueuedExecution& entry) {
  return {entry.tenant, entry.persona};
}

}  // namespace

// ---- the queue ---------------------------------------------------------------------------------

void Dispatcher::enqueue(QueuedExecution entry, Now now) {
  if (const auto found = leases_.find(entry.id); found != leases_.end()) {
    // Of an attempt before the live one it is an old snapshot. Else whoever answered its question
    // was faster than the news that it had ended.
    if (entry.attempt >= found->second.attempt) found->second.next = std::move(entry);
    return;
  }
  queue_.insert(std::move(entry), now.wall);
  dispatch(now);
}

void Dispatcher::dequeued(const ExecutionId& id) {
  queue_.erase(id);
  busy_.erase(id);
}

void Dispatcher::refilled(const LaneKey& lane, std::vector<QueuedExecution> entries, bool more,
                          std::optional<Timestamp> next_not_before, Now now) {
  std::erase_if(entries, [&](const auto& entry) { return leases_.contains(entry.id); });
  queue_.refilled(lane, std::move(entries), more, next_not_before, now.wall);
  dispatch(now);
}

void Dispatcher::lane_has_more(const LaneKey& lane, std::int64_t limit, Now now) {
  queue_.set_lane_limit(lane, limit);
  queue_.mark_more(lane);
  dispatch(now);
}

void Dispatcher::set_lane_limit(const LaneKey& lane, std::int64_t limit, Now now) {
  queue_.set_lane_limit(lane, limit);
  dispatch(now);
}

void Dispatcher::dispatch(Now now) {
  static const std::set<WorkerId> kNobody;
  while (pool_.any_free()) {
    const WorkerPool::Worker* worker = nullptr;
    const auto entry = queue_.take([&](const QueuedExecution& candidate) {
      const std::set<WorkerId>* skip = &kNobody;
      std::set<WorkerId> refused;
      if (const auto found = busy_.find(candidate.id); found != busy_.end()) {
        for (const auto& [id, until] : found->second) {
          if (until > now.mono) refused.insert(id);
        }
        skip = &refused;
      }
      worker = pool_.choose(candidate, *skip);
      return worker != nullptr;
    });
    if (!entry) break;
    const WorkerId chosen = worker->info.id;
    Lease lease{.entry = *entry,
                .attempt = entry->attempt + 1,
                .worker = chosen,
                .instance = worker->info.instance,
                .kind = worker->info.kind,
                .idle_limit = {},
                .last_activity = now.mono,
                .stopped_for = {}};
    pool_.take_slot(chosen, now.mono);
    by_worker_[chosen].insert(entry->id);
    effects_.push_back(effect::Claim{*entry, lease.attempt, chosen});
    leases_.emplace(entry->id, std::move(lease));
  }
  for (auto& lane : queue_.take_refills()) effects_.push_back(effect::Refill{std::move(lane)});
}

// ---- gates -------------------------------------------------------------------------------------

void Dispatcher::gate_changed(const Gate& gate, Now now) {
  const GateKey key{gate.tenant, gate.account};
  GateState& state = gates_[key];
  state.until = gate.until;
  state.closings = gate.closings;
  state.closed = gate.until > now.wall;
  if (state.closed) {
    queue_.close_gate(key);
  } else {
    queue_.open_gate(key);
    dispatch(now);
  }
}

void Dispatcher::gates_opened(const TenantId& tenant, std::string_view backend, Now now) {
  gates_.try_emplace({tenant, std::string(backend)});
  for (auto& [key, gate] : gates_) {
    if (key.tenant != tenant || backend_of(key.account) != backend) continue;
    gate = {.until = now.wall};
    queue_.open_gate(key);
    queue_.unpark(key);
  }
  dispatch(now);
}

bool Dispatcher::gate_in_doubt(const TenantId& tenant, const std::string& account) const {
  const auto found = gates_.find({tenant, account});
  return found != gates_.end() && found->second.closings > 0;
}

void Dispatcher::gate_proven(const TenantId& tenant, const std::string& account) {
  const auto found = gates_.find({tenant, account});
  if (found != gates_.end() && !found->second.closed) found->second.closings = 0;
}

void Dispatcher::open_due_gates(Now now) {
  for (auto& [key, gate] : gates_) {
    if (!gate.closed || gate.until > now.wall) continue;
    gate.closed = false;
    queue_.open_gate(key);
  }
}

// ---- claims ------------------------------------------------------------------------------------

void Dispatcher::claim_won(const ExecutionId& id, AttemptLimits limits, Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return;
  Lease& lease = found->second;
  lease.state = Lease::State::kRunning;
  lease.last_activity = now.mono;
  lease.idle_limit = limits.idle;
  if (limits.wall > Duration::zero()) lease.wall_deadline = now.mono + limits.wall;
  busy_.erase(id);
  const auto* worker = pool_.find(lease.worker);
  const bool gone = worker == nullptr || worker->info.instance != lease.instance ||
                    (lease.kind == WorkerKind::kSeed && !worker->connected);
  if (gone) {
    lose(lease, FailureReason::kWorkerLost, "The worker left while the run was being assigned");
  } else if (lease.cancel_deadline != Instant::never()) {
    effects_.push_back(effect::Cancel{lease.worker, id, lease.attempt, "cancelled"});
  }
  arm(lease);
}

void Dispatcher::release_claim(const ExecutionId& id) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return;
  const Lease& lease = found->second;
  queue_.finished(lease.entry);
  pool_.give_slot(lease.worker);
  by_worker_[lease.worker].erase(id);
  leases_.erase(found);
}

void Dispatcher::claim_lost(const ExecutionId& id, Now now) {
  release_claim(id);
  busy_.erase(id);
  dispatch(now);
}

void Dispatcher::claim_failed(const ExecutionId& id, Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return;
  QueuedExecution entry = found->second.entry;
  release_claim(id);
  entry.not_before = std::max(entry.not_before, now.wall + kClaimRetry);
  queue_.insert(std::move(entry), now.wall);
  dispatch(now);
}

// ---- workers -----------------------------------------------------------------------------------

void Dispatcher::worker_joined(WorkerInfo info, Now now) {
  const WorkerId id = info.id;
  for (const auto& execution : std::set<ExecutionId>(by_worker_[id])) {
    Lease& lease = leases_.at(execution);
    if (lease.instance != info.instance && lease.state == Lease::State::kRunning) {
      lose(lease, FailureReason::kWorkerLost, "The worker was restarted");
    }
  }
  pool_.join(std::move(info));
  alive_until_[id] = now.mono + options_.lease;
}

void Dispatcher::worker_ready(const WorkerId& id, std::int64_t available, Now now) {
  pool_.set_ready(id, available);
  dispatch(now);
}

void Dispatcher::worker_alive(const WorkerId& id, Now now) {
  alive_until_[id] = now.mono + options_.lease;
}

void Dispatcher::worker_left(const WorkerId& id, Now now) {
  const auto* worker = pool_.find(id);
  if (worker == nullptr) return;
  const bool seed = worker->info.kind == WorkerKind::kSeed;
  pool_.leave(id);
  for (const auto& execution : std::set<ExecutionId>(by_worker_[id])) {
    Lease& lease = leases_.at(execution);
    if (seed && lease.state == Lease::State::kRunning) {
      lose(lease, FailureReason::kWorkerLost, "The worker's connection closed");
    }
  }
  if (by_worker_[id].empty()) {
    by_worker_.erase(id);
    alive_until_.erase(id);
    pool_.forget(id);
  }
  dispatch(now);
}

void Dispatcher::run_missing(const ExecutionId& id, std::int64_t attempt, Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end() || found->second.attempt != attempt) return;
  if (found->second.state != Lease::State::kRunning) return;
  lose(found->second, FailureReason::kWorkerLost, "The worker no longer knows this run");
  dispatch(now);
}

// ---- leases ------------------------------------------------------------------------------------

void Dispatcher::adopt(QueuedExecution entry, std::int64_t attempt, const WorkerId& worker,
                       std::string instance, WorkerKind kind, AttemptLimits limits,
                       Duration ran_already, Now now) {
  const ExecutionId id = entry.id;
  queue_.set_lane_limit(lane_key(entry), entry.max_concurrent);
  queue_.count_running(entry);
  Lease lease{.entry = std::move(entry),
              .attempt = attempt,
              .worker = worker,
              .instance = std::move(instance),
              .kind = kind,
              .state = Lease::State::kRunning,
              .idle_limit = limits.idle,
              .last_activity = now.mono,
              .stopped_for = {}};
  if (limits.wall > Duration::zero()) {
    lease.wall_deadline = now.mono + std::max(limits.wall - ran_already, Duration::zero());
  }
  if (pool_.find(worker) == nullptr) {
    WorkerInfo absent;
    absent.id = worker;
    absent.instance = lease.instance;
    absent.kind = kind;
    pool_.join(std::move(absent));
    pool_.leave(worker);
  }
  pool_.take_slot(worker, now.mono);
  by_worker_[worker].insert(id);
  alive_until_[worker] = now.mono + options_.lease;
  auto& kept = leases_.emplace(id, std::move(lease)).first->second;
  // A seed worker's run ended with its socket, and that ended with the previous process.
  if (kind == WorkerKind::kSeed) {
    lose(kept, FailureReason::kWorkerLost, "The orchestrator was restarted");
  }
  arm(kept);
}

void Dispatcher::activity(const ExecutionId& id, std::int64_t attempt, Now now) {
  const auto found = leases_.find(id);
  if (found != leases_.end() && found->second.attempt == attempt) {
    found->second.last_activity = now.mono;
  }
}

void Dispatcher::cancel(const ExecutionId& id, Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) {
    dequeued(id);
    return;
  }
  stop(found->second, FailureReason::kCancelled, "cancelled", now);
}

void Dispatcher::stop_run(const ExecutionId& id, std::int64_t attempt, FailureReason reason,
                          Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end() || found->second.attempt != attempt) return;
  stop(found->second, reason, std::string(info(reason).name), now);
}

void Dispatcher::stop(Lease& lease, FailureReason reason, std::string why, Now now) {
  if (lease.cancel_deadline != Instant::never()) return;
  lease.cancel_deadline = now.mono + options_.cancel_grace;
  lease.stopped_for = reason;
  if (lease.state == Lease::State::kRunning) {
    effects_.push_back(effect::Cancel{lease.worker, lease.entry.id, lease.attempt, std::move(why)});
  }
  arm(lease);
}

void Dispatcher::lose(Lease& lease, FailureReason reason, std::string message, Duration silence) {
  if (lease.state == Lease::State::kEnding) return;
  lease.state = Lease::State::kEnding;
  effects_.push_back(effect::Lose{lease.entry, lease.attempt, lease.stopped_for.value_or(reason),
                                  std::move(message), silence});
}

void Dispatcher::ended(const ExecutionId& id, std::int64_t attempt, Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end() || found->second.attempt != attempt) return;
  const WorkerId worker = found->second.worker;
  auto next = std::move(found->second.next);
  release_claim(id);
  if (next) queue_.insert(std::move(*next), now.wall);
  const auto* known = pool_.find(worker);
  if (known != nullptr && !known->connected && by_worker_[worker].empty()) {
    by_worker_.erase(worker);
    alive_until_.erase(worker);
    pool_.forget(worker);
  }
  dispatch(now);
}

void Dispatcher::busy(const ExecutionId& id, std::int64_t attempt, Now now) {
  const auto found = leases_.find(id);
  if (found == leases_.end() || found->second.attempt != attempt) return;
  busy_[id][found->second.worker] = now.mono + options_.busy_backoff;
  pool_.set_ready(found->second.worker, 0);  // until it says `ready` again
}

// ---- time --------------------------------------------------------------------------------------

Instant Dispatcher::lease_until(const Lease& lease) const {
  const auto found = alive_until_.find(lease.worker);
  const Instant worker_until = found == alive_until_.end() ? Instant{} : found->second;
  // After an unanswered cancel the lease is no longer renewed by the worker's heartbeats.
  return std::min(worker_until, lease.cancel_deadline);
}

Instant Dispatcher::deadline_of(const Lease& lease) const {
  Instant deadline = lease_until(lease);
  if (lease.stopped_for) return deadline;
  const Duration margin =
      lease.kind == WorkerKind::kFull ? options_.worker_margin : Duration::zero();
  if (lease.wall_deadline != Instant::never()) {
    deadline = std::min(deadline, lease.wall_deadline + margin);
  }
  if (lease.idle_limit && lease.kind == WorkerKind::kSeed) {
    deadline = std::min(deadline, lease.last_activity + *lease.idle_limit);
  }
  return deadline;
}

void Dispatcher::arm(const Lease& lease) {
  // Runs that ended leave their timers behind; a fast queue would pile them up for a whole lease.
  if (timers_.size() > 2 * leases_.size() + kStaleTimers) {
    timers_ = {};
    for (const auto& [id, other] : leases_) {
      if (other.state == Lease::State::kRunning) timers_.push({deadline_of(other), id});
    }
  }
  timers_.push({deadline_of(lease), lease.entry.id});
}

void Dispatcher::check(Lease& lease, Now now) {
  if (lease.state != Lease::State::kRunning) return;
  if (lease_until(lease) <= now.mono) {
    const auto* worker = pool_.find(lease.worker);
    if (worker != nullptr && worker->connected) {
      lose(lease, FailureReason::kLeaseExpired, "Nothing was heard of the worker for a whole lease",
           options_.lease);
    } else {
      lose(lease, FailureReason::kWorkerLost,
           "The worker's connection closed, and it did not come back within its lease",
           options_.lease);
    }
    return;
  }
  if (deadline_of(lease) <= now.mono) {
    const bool wall = lease.wall_deadline <= now.mono;
    stop(lease, wall ? FailureReason::kTimeout : FailureReason::kIdleTimeout,
         wall ? "timeout" : "idle timeout", now);
    return;
  }
  arm(lease);
}

void Dispatcher::tick(Now now) {
  while (!timers_.empty() && timers_.top().at <= now.mono) {
    const ExecutionId id = timers_.top().id;
    timers_.pop();
    if (const auto found = leases_.find(id); found != leases_.end()) check(found->second, now);
  }
  open_due_gates(now);
  queue_.release_due(now.wall);
  dispatch(now);
}

Instant Dispatcher::next_deadline(Now now) const {
  Instant next = timers_.empty() ? Instant::never() : timers_.top().at;
  const auto at = [&now](Timestamp due) {
    return now.mono + std::max(due - now.wall, Duration::zero());
  };
  if (const auto due = queue_.next_due()) next = std::min(next, at(*due));
  for (const auto& [key, gate] : gates_) {
    if (gate.closed) next = std::min(next, at(gate.until));
  }
  // A busy back-off ends without an event of its own.
  for (const auto& [id, workers] : busy_) {
    for (const auto& [worker, until] : workers) {
      if (until > now.mono) next = std::min(next, until);
    }
  }
  return next;
}

// ---- views -------------------------------------------------------------------------------------

const Dispatcher::Lease* Dispatcher::lease(const ExecutionId& id) const {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second;
}

std::vector<const Dispatcher::Lease*> Dispatcher::leases_of(const WorkerId& worker) const {
  std::vector<const Lease*> all;
  if (const auto found = by_worker_.find(worker); found != by_worker_.end()) {
    for (const auto& id : found->second) all.push_back(&leases_.at(id));
  }
  return all;
}

std::optional<std::string> Dispatcher::why_held(const QueuedExecution& entry, Timestamp now) const {
  const auto found = gates_.find({entry.tenant, entry.gate});
  std::optional<Timestamp> until;
  if (found != gates_.end() && found->second.closed) until = found->second.until;
  if (!until && entry.parked && entry.not_before > now) until = entry.not_before;
  if (!until) return std::nullopt;
  return fmt::format("provider quota until {} ({})", to_rfc3339(*until), entry.gate);
}

std::string Dispatcher::why_waiting(const ExecutionId& id, Timestamp now) const {
  if (leases_.contains(id)) return "It is being assigned to a worker.";
  const QueuedExecution* entry = queue_.find(id);
  if (entry == nullptr) return "Its turn: many executions of the same persona are ahead of it.";
  if (auto held = why_held(*entry, now)) return std::move(*held);
  if (entry->not_before > now) {
    return fmt::format("Attempt {} starts at {} (retry back-off).", entry->attempt + 1,
                       to_rfc3339(entry->not_before));
  }
  if (entry->concurrency) {
    const auto& [key, limit] = *entry->concurrency;
    if (const auto running = queue_.running_of_key(*entry); running >= limit) {
      return fmt::format("Its subscription runs {} of {} at once with the concurrency key '{}'.",
                         running, limit, key);
    }
  }
  const LaneKey lane = lane_key(*entry);
  if (const auto limit = queue_.lane_limit(lane); limit > 0 && queue_.running(lane) >= limit) {
    return fmt::format("Its persona runs {} of {} at once (maxConcurrent).", queue_.running(lane),
                       limit);
  }
  if (const auto limit = queue_.tenant_limit();
      limit > 0 && queue_.running(entry->tenant) >= limit) {
    return fmt::format("The tenant runs {} of {} at once.", queue_.running(entry->tenant), limit);
  }
  const auto connected = std::count_if(pool_.all().begin(), pool_.all().end(),
                                       [](const auto& item) { return item.second.connected; });
  if (connected == 0) return "No worker is connected; start one with: personas worker";
  if (!pool_.any_capable(*entry)) {
    std::string needs = "'" + entry->backend + "'";
    for (const auto& capability : entry->capabilities) needs += ", '" + capability + "'";
    for (const auto& [name, value] : entry->labels) needs += ", " + name + "=" + value;
    const std::string who =
        connected == 1 ? "The connected worker does not offer "
                       : fmt::format("None of the {} connected workers offers ", connected);
    return who + needs + "; install its program on a worker, or start a worker that has it.";
  }
  return "All workers that can run it are busy.";
}

}  // namespace personas::execution
