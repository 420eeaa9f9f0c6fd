// The runs: assignment, leases, confirmation, the end.
#include <algorithm>
#include <utility>

#include "personas/base/bytes.hpp"
#include "personas/worker_agent/session.hpp"

namespace personas::worker_agent {
// ---- assignment ---------------------------------------------------------------------------------

// Kept until the assign they belong to; a connection that breaks takes them along. What cannot be
// kept is missing then, and the assign is given back.
void WorkerSession::on_session_part(const wire::SessionPart& frame) {
  const wire::RunKey key{ExecutionId(frame.execution_id), frame.attempt};
  auto data = from_base64(frame.data);
  if (!data || (!arriving_.contains(key) && arriving_.size() >= kMaxSlots)) {
    ++counters_.ignored;
    return;
  }
  auto& session = arriving_[key];
  // Whatever a link does to frames, a piece counts once, and they are put in order at the end.
  const bool again = std::ranges::any_of(session.pieces, [&](const SessionPiece& piece) {
    return piece.path == frame.path && piece.offset == frame.offset;
  });
  if (again) {
    ++counters_.ignored;
    return;
  }
  session.bytes += data->size();
  if (session.bytes > static_cast<std::size_t>(wire::kMaxSessionBytes)) {
    ++counters_.ignored;
    session.pieces.clear();
    return;
  }
  session.pieces.push_back({frame.path, frame.offset, std::string(as_text(*data))});
}

std::optional<std::vector<SessionPiece>> WorkerSession::take_session(const wire::Assign& frame,
                                                                     const wire::RunKey& key) {
  auto arrived = arriving_.extract(key);
  auto pieces = arrived ? std::move(arrived.mapped().pieces) : std::vector<SessionPiece>();
  if (static_cast<std::int64_t>(pieces.size()) != frame.session_parts.value_or(0)) {
    return std::nullopt;
  }
  std::ranges::sort(pieces, {}, [](const SessionPiece& piece) {
    return std::pair<std::string_view, std::int64_t>(piece.path, piece.offset);
  });
  return pieces;
}

void WorkerSession::on_assign(const wire::Assign& frame, Instant now) {
  const wire::RunKey key{ExecutionId(frame.execution_id), frame.attempt.value_or(1)};
  auto session = take_session(frame, key);
  if (is_over(key) || runs_.contains(key)) {
    ++counters_.ignored;
    return;
  }
  const auto older = newest(frame.execution_id, std::nullopt);
  if (older != runs_.end() && older->first.attempt > key.attempt) {
    ++counters_.ignored;
    return;
  }
  if (stopping_) return answer_busy(key, "the worker stops");
  if (!session) return answer_busy(key, "the session to go on with did not arrive whole");
  const bool replaces = older != runs_.end() && older->second.state != State::kFinished;
  if (!replaces && used_slots() >= options_.slots) return answer_busy(key, "no free slot");
  if (runs_.size() >= wire::kMaxRunsPerWorker) {
    return answer_busy(key, "too many runs wait for their confirmation");
  }
  const Duration lease = frame.lease_ms ? Duration(milliseconds(*frame.lease_ms)) : timing_.lease;
  // From what the orchestrator is known to have heard, not from now: the frame may be old.
  const Instant lease_end = basis_ + lease;
  if (now >= lease_end - wire::kKillMargin) return answer_busy(key, "its lease is over already");

  const auto [run, inserted] = runs_.try_emplace(key);
  run->second.lease = lease;
  run->second.lease_end = lease_end;
  run->second.sendable = true;
  run->second.assign = frame;
  run->second.session = *std::move(session);
  for (auto it = runs_.begin(); it != runs_.end();) {
    const auto other = it++;
    if (other->first.execution == key.execution && other->first.attempt < key.attempt) {
      discard(other, KillReason::kSuperseded);
    }
  }
  start_pending(key.execution, now);
}

void WorkerSession::answer_busy(const wire::RunKey& key, std::string_view reason) {
  ++counters_.busy;
  remember_ended(key);
  send(wire::Busy{key.execution.str(), std::string(reason), key.attempt});
  send_ready();  // a `busy` closes us for everything until we say what we can take
}

// Starts the newest attempt of an execution once no older one is alive.
void WorkerSession::start_pending(const ExecutionId& execution, Instant now) {
  auto candidate = runs_.end();
  for (auto it = runs_.lower_bound({execution, 0});
       it != runs_.end() && it->first.execution == execution; ++it) {
    if (it->second.state == State::kRunning) return;
    if (it->second.state == State::kPending) candidate = it;
  }
  if (candidate == runs_.end()) return;
  if (now >= candidate->second.lease_end - wire::kKillMargin) return;  // check_leases ends it
  start_run(candidate);
}

void WorkerSession::start_run(RunRef run) {
  run->second.state = State::kRunning;
  outputs_.push_back(StartRun{run->first, std::exchange(run->second.assign, {}),
                              std::exchange(run->second.session, {}),
                              run->second.lease_end - wire::kKillMargin});
}

std::size_t WorkerSession::live_runs() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      runs_, [](const auto& entry) { return entry.second.state != State::kFinished; }));
}

// An attempt that waits for the death of an older one shares its slot.
std::size_t WorkerSession::used_slots() const {
  std::size_t used = 0;
  const ExecutionId* last = nullptr;
  for (const auto& [key, run] : runs_) {
    if (run.state == State::kFinished || (last != nullptr && *last == key.execution)) continue;
    last = &key.execution;
    ++used;
  }
  return used;
}

// ---- leases -------------------------------------------------------------------------------------

void WorkerSession::check_leases(Instant now) {
  for (auto it = runs_.begin(); it != runs_.end();) {
    const auto run = it++;
    if (run->second.state == State::kFinished || run->second.killed) continue;
    if (now < run->second.lease_end - wire::kKillMargin) continue;
    ++counters_.leases_ended;
    kill_run(run, KillReason::kLeaseEnded, "the lease ended without renewal");
  }
}

void WorkerSession::renew_leases() {
  for (auto& [key, run] : runs_) {
    if (run.state == State::kFinished || run.killed || !run.sendable) continue;
    const Instant end = basis_ + run.lease;
    if (end <= run.lease_end) continue;
    run.lease_end = end;
    if (run.state == State::kRunning) outputs_.push_back(RenewLease{key, end - wire::kKillMargin});
  }
}

// ---- the end of a run ---------------------------------------------------------------------------

// Without effect on what is finished. A run that never started is finished at once.
void WorkerSession::kill_run(RunRef run, KillReason reason, std::string_view text) {
  if (run->second.state == State::kFinished) return;
  const bool first = !run->second.killed;
  // A cancel decides about the status even of what is being killed already.
  if (first || reason == KillReason::kCancelled) run->second.killed = reason;
  if (run->second.state == State::kPending) {
    wire::Complete complete;
    complete.status = "failed";
    complete.error_message = std::string(text);
    finish(run, std::move(complete));
  } else if (first) {
    outputs_.push_back(KillRun{run->first, reason, std::string(text)});
  }
}

// Nobody wants its frames: it is forgotten, once it is dead.
void WorkerSession::discard(RunRef run, KillReason reason) {
  run->second.discard = true;
  run->second.sendable = false;
  if (run->second.state != State::kRunning) {
    forget(run);
  } else {
    kill_run(run, reason);
  }
}

void WorkerSession::run_finished(const wire::RunKey& key, wire::Complete complete, Instant now) {
  check(now);
  const auto run = running(key);
  if (run == runs_.end()) return;
  if (run->second.discard) {
    const bool redial = run->second.redial;
    forget(run);
    if (redial) {
      drop_connection(wire::CloseCode::kConflict, "the history of a run does not fit", now);
    }
  } else {
    finish(run, std::move(complete));
  }
  start_pending(key.execution, now);
  send_ready();
  check_stop(now);
}

WorkerSession::RunRef WorkerSession::forget(RunRef run) {
  remember_ended(run->first);
  spooled_total_ -= run->second.spool.bytes();
  const auto next = runs_.erase(run);
  resume_reading();
  return next;
}

// So that an assign that comes twice never starts twice.
void WorkerSession::remember_ended(const wire::RunKey& key) {
  auto& highest = ended_[key.execution];
  if (highest >= key.attempt) return;
  highest = key.attempt;
  ended_order_.push_back(key);
  if (ended_order_.size() <= kMaxEndedRuns) return;
  const auto oldest = ended_.find(ended_order_.front().execution);
  if (oldest != ended_.end() && oldest->second == ended_order_.front().attempt) {
    ended_.erase(oldest);
  }
  ended_order_.pop_front();
}

bool WorkerSession::is_over(const wire::RunKey& key) const {
  const auto ended = ended_.find(key.execution);
  return ended != ended_.end() && ended->second >= key.attempt;
}

WorkerSession::RunRef WorkerSession::running(const wire::RunKey& key) {
  const auto run = runs_.find(key);
  return run != runs_.end() && run->second.state == State::kRunning ? run : runs_.end();
}

WorkerSession::RunRef WorkerSession::newest(const std::string& execution,
                                            std::optional<std::int64_t> attempt) {
  const ExecutionId id(execution);
  if (attempt) return runs_.find({id, *attempt});
  auto found = runs_.end();
  for (auto it = runs_.lower_bound({id, 0}); it != runs_.end() && it->first.execution == id; ++it) {
    found = it;
  }
  return found;
}

// ---- what the orchestrator says of a run --------------------------------------------------------

void WorkerSession::on_received(const wire::Received& frame) {
  const auto run = runs_.find({ExecutionId(frame.execution_id), frame.attempt});
  if (run == runs_.end() || frame.seq > run->second.spool.last_seq()) {
    ++counters_.ignored;
    return;
  }
  trim(run, frame.seq);
  const bool all = frame.seq == run->second.spool.last_seq();
  if (frame.final_.value_or(false) && all && run->second.state == State::kFinished) {
    forget(run);
  } else {
    resume_reading();
  }
}

void WorkerSession::on_cancel(const wire::Cancel& frame) {
  const auto run = newest(frame.execution_id, frame.attempt);
  if (run == runs_.end()) {
    ++counters_.ignored;
    // Should its assign come after all, it must not start.
    if (frame.attempt && frame.reason == wire::kNotLeasedReason) {
      remember_ended({ExecutionId(frame.execution_id), *frame.attempt});
    }
    return;
  }
  if (frame.reason == wire::kNotLeasedReason) return discard(run, KillReason::kNotLeased);
  kill_run(run, KillReason::kCancelled, frame.reason.value_or("cancelled"));
}

void WorkerSession::on_review_response(const wire::ReviewResponse& frame) {
  const auto run = newest(frame.execution_id, frame.attempt);
  if (run == runs_.end() || run->second.state != State::kRunning) {
    ++counters_.ignored;
    return;
  }
  auto& answered = run->second.answered_reviews;
  if (answered.contains(frame.review_id)) return;
  if (answered.size() >= kMaxAnsweredReviews) answered.erase(answered.begin());
  answered.insert(frame.review_id);
  outputs_.push_back(ReviewAnswered{run->first, frame.review_id, frame.decision, frame.message});
}

}  // namespace personas::worker_agent
