// The dispatcher core: decides which execution runs on which worker, watches leases and deadlines.
//
// A state machine without I/O: inputs carry `now`, what should be done comes out as effects. It
// PROPOSES; the store's transaction arbitrates. A claim may be lost (somebody cancelled it, another
// node took it), and that is a normal input.
//
// Invariants: a lease exists for at most one attempt per execution; a lease holds exactly one slot
// of its worker and one place of its lane, from the claim until ended(). The truth is the store:
// everything here can be rebuilt from it (adopt(), enqueue()).
//
// Strand: the core's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/dispatch_effects.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/execution/fair_queue.hpp"
#include "personas/execution/gate_store.hpp"
#include "personas/execution/worker_pool.hpp"
#include "personas/model/failure.hpp"

namespace personas::execution {

struct DispatcherOptions {
  Duration lease = seconds(18);
  // After a cancel the worker has this long to say `complete`; then its lease is not renewed.
  Duration cancel_grace = seconds(30);
  // Full workers keep the wall and idle limits themselves; we only step in this much later.
  Duration worker_margin = seconds(10);
  // How long a worker that said `busy` is passed over for that execution.
  Duration busy_backoff = seconds(2);
  std::int64_t tenant_limit = 0;  // running executions per tenant; 0: none
};

class Dispatcher {
 public:
  explicit Dispatcher(DispatcherOptions options)
      : options_(options), queue_(options.tenant_limit) {}

  // ---- the queue ----
  void enqueue(QueuedExecution entry, Now now);
  void dequeued(const ExecutionId& id);  // cancelled while it was queued
  void refilled(const LaneKey& lane, std::vector<QueuedExecution> entries, bool more,
                std::optional<Timestamp> next_not_before, Now now);
  void lane_has_more(const LaneKey& lane, std::int64_t limit, Now now);
  void set_lane_limit(const LaneKey& lane, std::int64_t limit, Now now);

  // ---- gates ----
  // As the store has it; one whose `until` has passed is open.
  void gate_changed(const Gate& gate, Now now);
  // Somebody opened the gates of this backend, in the store too.
  void gates_opened(const TenantId& tenant, std::string_view backend, Now now);
  // The account has been refused and no attempt has gone well since; gate_proven() says that one
  // has.
  bool gate_in_doubt(const TenantId& tenant, const std::string& account) const;
  void gate_proven(const TenantId& tenant, const std::string& account);

  // ---- claims ----
  void claim_won(const ExecutionId& id, AttemptLimits limits, Now now);
  void claim_lost(const ExecutionId& id, Now now);    // the store says it is not ours to run
  void claim_failed(const ExecutionId& id, Now now);  // the store could not say; try again later

  // ---- workers ----
  // A new connection. A changed instance loses the worker's older runs at once.
  void worker_joined(WorkerInfo info, Now now);
  void worker_ready(const WorkerId& id, std::int64_t available, Now now);
  void worker_alive(const WorkerId& id, Now now);  // renews its leases
  // The socket closed. Seed workers lose their runs; full workers keep them until the lease ends.
  void worker_left(const WorkerId& id, Now now);
  // The worker's own list of runs lacks this one: it is lost at once.
  void run_missing(const ExecutionId& id, std::int64_t attempt, Now now);

  // ---- leases ----
  // A running attempt found in the store at start: one fresh term (docs/decisions/0005).
  void adopt(QueuedExecution entry, std::int64_t attempt, const WorkerId& worker,
             std::string instance, WorkerKind kind, AttemptLimits limits, Duration ran_already,
             Now now);
  void activity(const ExecutionId& id, std::int64_t attempt, Now now);
  void cancel(const ExecutionId& id, Now now);
  // Ends a running attempt for a reason of ours (its output limit, its prompt, …).
  void stop_run(const ExecutionId& id, std::int64_t attempt, FailureReason reason, Now now);
  // The end of the attempt is on disk: frees slot and lane.
  void ended(const ExecutionId& id, std::int64_t attempt, Now now);
  // The worker gave it back; the attempt does not count. The store requeues, then enqueue() comes.
  void busy(const ExecutionId& id, std::int64_t attempt, Now now);

  // ---- time ----
  void tick(Now now);
  // When tick() has something to do; wall-clock retries are mapped onto the monotonic clock.
  Instant next_deadline(Now now) const;

  // The part of it that concerns leases; cheap enough to ask before every input.
  Instant next_lease_check() const { return timers_.empty() ? Instant::never() : timers_.top().at; }

  std::vector<DispatchEffect> take_effects() { return std::exchange(effects_, {}); }

  // ---- views ----
  struct Lease {
    QueuedExecution entry;
    std::int64_t attempt = 0;
    WorkerId worker;
    std::string instance;
    WorkerKind kind = WorkerKind::kFull;
    enum class State : std::uint8_t { kClaiming, kRunning, kEnding } state = State::kClaiming;
    Instant wall_deadline = Instant::never();
    std::optional<Duration> idle_limit;
    Instant last_activity;
    Instant cancel_deadline = Instant::never();  // set once it is asked to stop
    std::optional<FailureReason> stopped_for;    // why we asked it to stop
    // The store has queued it again already; the news of this attempt's end is on its way to us.
    std::optional<QueuedExecution> next = {};
  };
  const Lease* lease(const ExecutionId& id) const;
  std::vector<const Lease*> leases_of(const WorkerId& worker) const;
  const WorkerPool& workers() const { return pool_; }
  // Why a queued execution is not running, as a sentence for people.
  std::string why_waiting(const ExecutionId& id, Timestamp now) const;

 private:
  struct Timer {
    Instant at;
    ExecutionId id;
    bool operator>(const Timer& other) const { return at > other.at; }
  };

  void dispatch(Now now);
  void open_due_gates(Now now);
  std::optional<std::string> why_held(const QueuedExecution& entry, Timestamp now) const;
  void lose(Lease& lease, FailureReason reason, std::string message, Duration silence = {});
  void stop(Lease& lease, FailureReason reason, std::string why, Now now);
  void release_claim(const ExecutionId& id);
  Instant lease_until(const Lease& lease) const;
  Instant deadline_of(const Lease& lease) const;
  void arm(const Lease& lease);
  void check(Lease& lease, Now now);

  DispatcherOptions options_;
  FairQueue queue_;
  WorkerPool pool_;
  std::unordered_map<ExecutionId, Lease> leases_;
  std::unordered_map<WorkerId, std::set<ExecutionId>> by_worker_;
  std::unordered_map<WorkerId, Instant> alive_until_;  // end of the worker's present lease term
  std::map<ExecutionId, std::map<WorkerId, Instant>> busy_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  struct GateState {
    Timestamp until;
    std::int64_t closings = 0;
    bool closed = false;
  };
  std::map<GateKey, GateState> gates_;
  std::vector<DispatchEffect> effects_;
};

}  // namespace personas::execution
