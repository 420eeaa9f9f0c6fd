// The connection: dialling, hello and ack, life, heartbeats, what is sent when.
#include "personas/worker_agent/session.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace personas::worker_agent {

WorkerSession::WorkerSession(WorkerOptions options, Random& random)
    : options_(std::move(options)), random_(random), timing_(options_.timing) {
  options_.slots = std::clamp<std::size_t>(options_.slots, 1, kMaxSlots);
}

std::vector<Output> WorkerSession::take() {
  return std::exchange(outputs_, {});
}

// ---- time ---------------------------------------------------------------------------------------

void WorkerSession::tick(Instant now) {
  check(now);
  check_stop(now);
}

// First in every input: what time has decided must not be undone by what arrives late.
void WorkerSession::check(Instant now) {
  if (link_ == Link::kStopped) return;
  check_leases(now);
  if (link_ == Link::kAwaitAck && now >= hello_sent_ + timing_.handshake) {
    drop_connection(wire::CloseCode::kTimedOut, "no ack came in time", now);
  }
  if (link_ == Link::kOpen && now >= last_life_ + timing_.dead_after) {
    drop_connection(wire::CloseCode::kTimedOut, "nothing was heard of the orchestrator", now);
  }
  if (link_ == Link::kOpen && now >= next_heartbeat_) send_heartbeat(now);
  if (link_ == Link::kWaiting && now >= redial_at_) dial();
}

Instant WorkerSession::next_deadline() const {
  if (link_ == Link::kStopped) return Instant::never();
  Instant next = std::min(stop_kill_at_, flush_until_);
  for (const auto& [key, run] : runs_) {
    if (run.state != State::kFinished && !run.killed) {
      next = std::min(next, run.lease_end - wire::kKillMargin);
    }
  }
  if (link_ == Link::kAwaitAck) next = std::min(next, hello_sent_ + timing_.handshake);
  if (link_ == Link::kWaiting) next = std::min(next, redial_at_);
  if (link_ == Link::kOpen) {
    next = std::min({next, next_heartbeat_, last_life_ + timing_.dead_after});
  }
  return next;
}

// ---- the connection -----------------------------------------------------------------------------

void WorkerSession::start(Instant) {
  if (link_ == Link::kIdle) dial();
}

void WorkerSession::dial() {
  link_ = Link::kDialling;
  ++counters_.dials;
  outputs_.push_back(Dial{});
}

void WorkerSession::connected(Instant now) {
  check(now);
  if (link_ != Link::kDialling) return;
  link_ = Link::kAwaitAck;
  hello_sent_ = now;
  signer_.reset();
  verifier_.reset();
  heartbeats_.clear();
  wire::Hello hello{.worker_id = options_.worker_id,
                    .capabilities = options_.capabilities,
                    .version = options_.version,
                    .token = std::nullopt,
                    .instance_id = options_.instance_id,
                    .session_token = std::nullopt,
                    .slots = static_cast<std::int64_t>(options_.slots),
                    .labels = options_.labels,
                    .agent_versions = options_.agent_versions,
                    .sandbox = options_.sandbox,
                    .signed_frames = std::nullopt};
  if (options_.send_token == SendToken::kInHello) hello.token = options_.token.reveal();
  if (!session_token_.empty()) hello.session_token = session_token_;
  if (options_.signing == Signing::kAlways) hello.signed_frames = true;
  send(std::move(hello));
}

void WorkerSession::connect_failed(Instant now) {
  if (link_ == Link::kDialling) schedule_redial(now);
  tick(now);
}

void WorkerSession::disconnected(Instant now) {
  if (link_ == Link::kAwaitAck || link_ == Link::kOpen) schedule_redial(now);
  tick(now);
}

void WorkerSession::drop_connection(wire::CloseCode code, std::string_view reason, Instant now) {
  if (link_ != Link::kAwaitAck && link_ != Link::kOpen) return;
  outputs_.push_back(CloseConnection{code, std::string(reason)});
  schedule_redial(now);
}

void WorkerSession::schedule_redial(Instant now) {
  link_ = Link::kWaiting;
  arriving_.clear();
  for (auto& [key, run] : runs_) run.sendable = false;
  // Half of it is certain and half is random, so that workers that lost one orchestrator together
  // do not come back together.
  const auto half = static_cast<std::uint64_t>(back_off_.count()) / 2;
  redial_at_ = now + Duration(static_cast<Duration::rep>(half + random_.below(half + 1)));
  back_off_ = std::min<Duration>(back_off_ * 2, kMaxBackOff);
}

void WorkerSession::send_text(std::string text) {
  outputs_.push_back(SendText{signer_ ? signer_->sign(text) : std::move(text)});
}

// ---- frames -------------------------------------------------------------------------------------

void WorkerSession::on_text(std::string_view text, Instant now) {
  check(now);
  if (link_ != Link::kAwaitAck && link_ != Link::kOpen) return;
  std::string payload(text);
  if (verifier_) {
    auto verified = verifier_->verify(text);
    if (!verified) {
      return drop_connection(wire::CloseCode::kPolicyViolation, verified.error().message, now);
    }
    payload = *std::move(verified);
  }
  const auto frame = wire::parse_orchestrator_frame(payload);
  if (!frame) {
    return drop_connection(wire::CloseCode::kPolicyViolation, frame.error().message, now);
  }
  last_life_ = now;
  const auto* ack = std::get_if<wire::Ack>(&*frame);
  if ((ack != nullptr) != (link_ == Link::kAwaitAck)) {
    ++counters_.ignored;
    return;
  }
  std::visit(
      [this, now](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, wire::Ack>) {
          on_ack(value, now);
        } else if constexpr (std::is_same_v<T, wire::SessionPart>) {
          on_session_part(value);
        } else if constexpr (std::is_same_v<T, wire::Assign>) {
          on_assign(value, now);
        } else if constexpr (std::is_same_v<T, wire::Received>) {
          on_received(value);
        } else if constexpr (std::is_same_v<T, wire::Cancel>) {
          on_cancel(value);
        } else if constexpr (std::is_same_v<T, wire::ReviewResponse>) {
          on_review_response(value);
        } else if constexpr (std::is_same_v<T, wire::Shutdown>) {
          stop(value.grace_period_ms ? milliseconds(*value.grace_period_ms) : kDefaultGrace, now);
        } else if constexpr (std::is_same_v<T, wire::Heartbeat>) {
          on_heartbeat(value);
        } else {
          static_assert(std::is_same_v<T, wire::Unknown>);
          ++counters_.unknown_types;
        }
      },
      *frame);
  check_stop(now);
}

void WorkerSession::on_ack(const wire::Ack& ack, Instant now) {
  if (!take_terms(ack)) {
    return drop_connection(wire::CloseCode::kPolicyViolation, "the terms of the ack are not usable",
                           now);
  }
  link_ = Link::kOpen;
  if (ack.session_token) session_token_ = *ack.session_token;
  basis_ = std::max(basis_, hello_sent_);
  resume(ack);
  send_run_list();
  send_ready();
  send_spools();
  send_heartbeat(now);
}

bool WorkerSession::take_terms(const wire::Ack& ack) {
  wire::Timing timing = options_.timing;
  if (ack.heartbeat_ms) {
    timing.heartbeat = milliseconds(*ack.heartbeat_ms);
    timing.dead_after = 3 * timing.heartbeat;
  }
  if (ack.lease_ms) timing.lease = milliseconds(*ack.lease_ms);
  // Such leases could not be kept: they would end between two heartbeats.
  if (timing.lease <= timing.heartbeat + wire::kKillMargin) return false;
  timing_ = timing;
  features_.clear();
  if (ack.features) features_.insert(ack.features->begin(), ack.features->end());
  if (!ack.signed_frames.value_or(false)) return options_.signing == Signing::kIfAsked;
  if (!ack.nonce || ack.nonce->empty()) return false;
  signer_.emplace(
      wire::derive_frame_key(options_.token, *ack.nonce, wire::Direction::kToOrchestrator));
  verifier_.emplace(wire::derive_frame_key(options_.token, *ack.nonce, wire::Direction::kToWorker));
  return true;
}

// Takes up what the orchestrator has on disk of each run.
void WorkerSession::resume(const wire::Ack& ack) {
  if (!ack.resume_from) return;
  for (const auto& point : *ack.resume_from) {
    const auto run = runs_.find({ExecutionId(point.execution_id), point.attempt});
    if (run == runs_.end() || run->second.discard) continue;
    const Spool& spool = run->second.spool;
    const bool understood = std::ranges::includes(features_, run->second.features_used);
    if (point.seq < spool.trimmed_to() || point.seq > spool.last_seq() || !understood) {
      // It lost what it had confirmed, never was our orchestrator, or is an older one that would
      // see gaps where frames of our features are: there is no way to go on.
      discard(run, KillReason::kNotLeased);
      const auto still = runs_.find({ExecutionId(point.execution_id), point.attempt});
      if (still != runs_.end()) still->second.redial = true;
      continue;
    }
    trim(run, point.seq);
    run->second.sendable = true;
  }
  resume_reading();
}

// Every run the orchestrator may think of, the dying too: what is missing is given away at once.
void WorkerSession::send_run_list() {
  wire::ActiveExecutions frame;
  auto& list = frame.runs.emplace();
  for (const auto& [key, run] : runs_) {
    frame.execution_ids.push_back(key.execution.str());
    list.push_back(
        {key.execution.str(), key.attempt, run.spool.last_seq(),
         run.state == State::kFinished ? wire::RunState::kFinished : wire::RunState::kRunning});
  }
  send(std::move(frame));
}

void WorkerSession::send_spools() {
  for (const auto& [key, run] : runs_) {
    if (!run.sendable) continue;
    for (const auto& frame : run.spool.frames()) send_text(frame.text);
  }
}

void WorkerSession::send_ready() {
  if (link_ != Link::kOpen) return;
  const std::size_t used = used_slots();
  const std::size_t available = stopping_ || used >= options_.slots ? 0 : options_.slots - used;
  send(
      wire::Ready{static_cast<std::int64_t>(available), static_cast<std::int64_t>(options_.slots)});
}

void WorkerSession::send_heartbeat(Instant now) {
  next_heartbeat_ = now + timing_.heartbeat;
  heartbeats_.push_back(now);
  if (heartbeats_.size() > kMaxHeartbeatsInFlight) heartbeats_.pop_front();
  send(wire::Heartbeat{codec::RawJson{std::to_string(now.micros)}, metrics_});
}

void WorkerSession::on_heartbeat(const wire::Heartbeat& frame) {
  if (!frame.timestamp) return;
  const auto sent = std::ranges::find_if(
      heartbeats_, [&](Instant at) { return std::to_string(at.micros) == frame.timestamp->text; });
  if (sent == heartbeats_.end()) {
    ++counters_.ignored;
    return;
  }
  basis_ = std::max(basis_, *sent);
  heartbeats_.erase(heartbeats_.begin(), std::next(sent));
  back_off_ = kMinBackOff;  // the connection has proved itself
  renew_leases();
}

// ---- the end ------------------------------------------------------------------------------------

void WorkerSession::stop(Duration grace, Instant now) {
  if (link_ == Link::kStopped) return;
  if (!stopping_) {
    stopping_ = true;
    stop_kill_at_ = now + grace;
    send_ready();
  }
  stop_kill_at_ = std::min(stop_kill_at_, now + grace);
  check_stop(now);
}

void WorkerSession::check_stop(Instant now) {
  if (!stopping_ || link_ == Link::kStopped) return;
  if (now >= stop_kill_at_) {
    stop_kill_at_ = Instant::never();
    for (auto run = runs_.begin(); run != runs_.end(); ++run) {
      kill_run(run, KillReason::kShutdown, "the worker stops");
    }
  }
  if (live_runs() > 0) return;
  if (!runs_.empty()) {
    if (flush_until_ == Instant::never()) flush_until_ = now + kFlushTime;
    if (now < flush_until_) return;
  }
  if (link_ == Link::kAwaitAck || link_ == Link::kOpen) {
    outputs_.push_back(CloseConnection{wire::CloseCode::kGoingAway, "the worker stops"});
  }
  link_ = Link::kStopped;
  outputs_.push_back(Stopped{});
}

}  // namespace personas::worker_agent
