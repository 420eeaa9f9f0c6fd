#include "personas/worker_gateway/session.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "personas/base/bytes.hpp"

namespace personas::worker_gateway {
namespace {

template <class T>
constexpr bool is_run_frame =
    std::is_same_v<T, wire::Stdout> || std::is_same_v<T, wire::Stderr> ||
    std::is_same_v<T, wire::AgentEvent> || std::is_same_v<T, wire::Progress> ||
    std::is_same_v<T, wire::ReviewRequest> || std::is_same_v<T, wire::AgentTurn> ||
    std::is_same_v<T, wire::SessionBytes> || std::is_same_v<T, wire::Complete>;
// Announced in the ack of full workers; from others they are frames we do not know.
template <class T>
constexpr bool is_feature_frame =
    std::is_same_v<T, wire::AgentTurn> || std::is_same_v<T, wire::SessionBytes>;

wire::RunKey key_of(const std::string& execution, std::int64_t attempt) {
  return {ExecutionId(execution), attempt};
}

// A seed worker's statuses are what its author wrote; anything that is not success is failure.
void normalise_status(wire::Complete& complete, bool cancelled) {
  if (cancelled) {
    complete.status = "cancelled";
  } else if (complete.status != "completed" && complete.status != "cancelled") {
    complete.status = "failed";
  }
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

GatewaySession::GatewaySession(SessionOptions options, TokenVerifier verify)
    : options_(options), verify_(std::move(verify)) {}

std::vector<Output> GatewaySession::take() {
  return std::exchange(outputs_, {});
}

// ---- the connection -----------------------------------------------------------------------------

void GatewaySession::opened(std::optional<std::string_view> bearer_token, Instant now) {
  if (phase_ != Phase::kNew) return;
  phase_ = Phase::kAwaitHello;
  last_life_ = now;
  handshake_until_ = now + options_.timing.handshake;
  const auto period = static_cast<std::uint64_t>(options_.timing.ping.count());
  next_ping_ =
      now + Duration(static_cast<Duration::rep>(options_.ping_phase % period)) + microseconds(1);
  if (bearer_token && !authenticate(*bearer_token)) return;
}

bool GatewaySession::authenticate(std::string_view token) {
  auto grant = verify_(token);
  if (!grant) {
    close(wire::CloseCode::kUnauthorized, "the worker token is not valid");
    return false;
  }
  grant_ = std::move(*grant);
  token_ = Secret(std::string(token));
  return true;
}

void GatewaySession::on_text(std::string_view text, Instant now) {
  if (closed() || phase_ == Phase::kNew) return;
  check_deadlines(now);
  if (closed()) return;
  last_life_ = now;
  const bool enveloped =
      verifier_.has_value() || options_.legacy_signatures == LegacySignatures::kAccept;
  if (text.size() > (enveloped ? wire::kMaxEnvelopeBytes : wire::kMaxFrameBytes)) {
    return close(wire::CloseCode::kTooBig, "a frame is larger than 8 MiB");
  }
  if (phase_ != Phase::kAwaitAccept) return on_frame_text(text, now);
  early_bytes_ += text.size();
  if (early_.size() == kMaxEarlyFrames || early_bytes_ > kMaxEarlyBytes) {
    return close(wire::CloseCode::kPolicyViolation, "wait for the ack before sending more");
  }
  early_.emplace_back(text);
}

void GatewaySession::on_pong(Instant now) {
  if (closed() || phase_ == Phase::kNew) return;
  check_deadlines(now);
  last_life_ = now;
}

void GatewaySession::on_closed(Instant) {
  phase_ = Phase::kClosed;
  runs_.clear();
  early_.clear();
}

void GatewaySession::tick(Instant now) {
  if (closed() || phase_ == Phase::kNew) return;
  check_deadlines(now);
  if (closed() || now < next_ping_) return;
  emit(Ping{});
  // From now, not from when it was due: after a pause one ping, not all that were missed.
  next_ping_ = now + options_.timing.ping;
}

Instant GatewaySession::next_deadline() const {
  if (phase_ == Phase::kNew || closed()) return Instant::never();
  return std::min({handshake_until_, next_ping_, last_life_ + options_.timing.dead_after});
}

void GatewaySession::check_deadlines(Instant now) {
  if (now >= handshake_until_) {
    close(wire::CloseCode::kTimedOut, phase_ == Phase::kAwaitHello
                                          ? "no hello came in time"
                                          : "no active_executions came in time");
  } else if (now >= last_life_ + options_.timing.dead_after) {
    close(wire::CloseCode::kTimedOut, "nothing was heard of the worker");
  }
}

void GatewaySession::close(wire::CloseCode code, std::string_view reason) {
  if (closed()) return;
  emit(Close{code, std::string(utf8_prefix(reason, kMaxCloseReason))});
  phase_ = Phase::kClosed;
  runs_.clear();
  early_.clear();
}

void GatewaySession::send(const wire::OrchestratorFrame& frame) {
  std::string text = wire::to_text(frame);
  emit(Send{signer_ ? signer_->sign(text) : std::move(text)});
}

// ---- frames -------------------------------------------------------------------------------------

// The frame's own text, out of its signed envelope if this connection has one.
std::optional<std::string> GatewaySession::unwrap(std::string_view text) {
  if (phase_ == Phase::kAwaitHello && options_.legacy_signatures == LegacySignatures::kAccept &&
      grant_ && wire::looks_signed(text)) {
    verifier_.emplace(wire::legacy_frame_key(token_));
    signer_.emplace(wire::legacy_frame_key(token_));
  }
  if (!verifier_) return std::string(text);
  auto payload = verifier_->verify(text);
  if (payload) return *std::move(payload);
  close(wire::CloseCode::kPolicyViolation, payload.error().message);
  return std::nullopt;
}

void GatewaySession::on_frame_text(std::string_view text, Instant now) {
  const auto payload = unwrap(text);
  if (!payload) return;
  auto frame = wire::parse_worker_frame(*payload);
  if (!frame) {
    return close(frame.error().code == ErrorCode::kPayloadTooLarge
                     ? wire::CloseCode::kTooBig
                     : wire::CloseCode::kPolicyViolation,
                 frame.error().describe());
  }
  dispatch(*std::move(frame), now);
}

void GatewaySession::dispatch(wire::WorkerFrame frame, Instant now) {
  if (phase_ == Phase::kAwaitHello) {
    if (auto* hello = std::get_if<wire::Hello>(&frame)) return on_hello(std::move(*hello));
    return close(wire::CloseCode::kPolicyViolation, "the first frame must be a hello");
  }
  std::visit(
      [this, now](auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (is_run_frame<T>) {
          on_run_frame(std::move(value));
        } else if constexpr (std::is_same_v<T, wire::Hello>) {
          ++counters_.out_of_place;
        } else if constexpr (std::is_same_v<T, wire::ActiveExecutions>) {
          on_active(value);
        } else if constexpr (std::is_same_v<T, wire::Ready>) {
          on_ready(value);
        } else if constexpr (std::is_same_v<T, wire::Busy>) {
          on_busy(value);
        } else if constexpr (std::is_same_v<T, wire::Heartbeat>) {
          on_heartbeat(value, now);
        } else {
          static_assert(std::is_same_v<T, wire::Unknown>);
          ++counters_.unknown_types;
        }
      },
      frame);
}

void GatewaySession::on_hello(wire::Hello hello) {
  if (!grant_) {
    if (!hello.token) {
      return close(wire::CloseCode::kUnauthorized, "a worker token is needed");
    }
    if (!authenticate(*hello.token)) return;
  }
  hello.token.reset();
  if (has_control_characters(hello.worker_id)) {
    return close(wire::CloseCode::kPolicyViolation, "workerId has control characters");
  }
  kind_ = hello.version ? WorkerKind::kFull : WorkerKind::kSeed;
  if (kind_ == WorkerKind::kFull && !hello.instance_id) {
    return close(wire::CloseCode::kPolicyViolation, "a hello with version needs an instanceId");
  }
  wants_signing_ = hello.signed_frames.value_or(false);
  worker_id_ = hello.worker_id;
  phase_ = Phase::kAwaitAccept;
  handshake_until_ = Instant::never();  // it is the hub's turn
  emit(HelloReceived{std::move(hello), kind_, *grant_});
}

void GatewaySession::accept(const AckParams& params, Instant now) {
  if (phase_ != Phase::kAwaitAccept) return;
  wire::Ack ack{.worker_id = worker_id_,
                .token = params.session_token,
                .session_token = params.session_token,
                .protocol_version = std::string(wire::kProtocolVersion),
                .heartbeat_ms = to_millis(options_.timing.heartbeat),
                .lease_ms = to_millis(options_.timing.lease),
                .nonce = params.nonce,
                .signed_frames = std::nullopt,
                .resume_from = std::nullopt,
                .features = std::nullopt};
  const bool sign = !verifier_ && (wants_signing_ || options_.signing == Signing::kRequired);
  if (sign) ack.signed_frames = true;
  if (kind_ == WorkerKind::kFull) {
    ack.features = {std::string(wire::kTurnsFeature), std::string(wire::kSessionFeature)};
    auto& points = ack.resume_from.emplace();
    for (const auto& leased : params.runs) {
      runs_[leased.run] = {.committed_seq = leased.committed_seq,
                           .accepted_seq = std::max(leased.accepted_seq, leased.committed_seq),
                           .complete = leased.completion == Final::kYes,
                           .on_disk = leased.completion == Final::kYes,
                           .cancelled = false,
                           .from_ack = true};
      points.push_back({leased.run.execution.str(), leased.run.attempt, leased.committed_seq});
    }
  }
  send(std::move(ack));
  if (sign) start_signing(params);
  token_ = Secret();
  phase_ = kind_ == WorkerKind::kFull ? Phase::kAwaitRuns : Phase::kOpen;
  if (phase_ == Phase::kAwaitRuns) handshake_until_ = now + options_.timing.handshake;
  for (const auto& text : std::exchange(early_, {})) {
    if (closed()) return;
    on_frame_text(text, now);
  }
}

void GatewaySession::start_signing(const AckParams& params) {
  signer_.emplace(wire::derive_frame_key(token_, params.nonce, wire::Direction::kToWorker));
  verifier_.emplace(wire::derive_frame_key(token_, params.nonce, wire::Direction::kToOrchestrator));
}

void GatewaySession::refuse(wire::CloseCode code, std::string_view reason) {
  close(code, reason);
}

void GatewaySession::on_active(const wire::ActiveExecutions& frame) {
  // Only the first one counts: a later one could deny a run that was assigned in between.
  if (phase_ != Phase::kAwaitRuns) {
    ++counters_.out_of_place;
    return;
  }
  if (!frame.runs) {
    return close(wire::CloseCode::kPolicyViolation, "active_executions needs its runs");
  }
  phase_ = Phase::kOpen;
  handshake_until_ = Instant::never();
  ActiveRuns event{*frame.runs, {}};
  std::set<wire::RunKey> listed;
  for (const auto& run : *frame.runs) listed.insert(key_of(run.execution_id, run.attempt));
  for (const auto& [key, run] : runs_) {
    if (run.from_ack && !run.on_disk && !listed.contains(key)) event.missing.push_back(key);
  }
  for (const auto& key : event.missing) runs_.erase(key);
  for (const auto& key : listed) {
    const auto run = runs_.find(key);
    if (run == runs_.end()) {
      reject_foreign(key);
    } else if (run->second.on_disk) {
      acknowledge(key, run->second);
    }
  }
  std::erase_if(runs_, [](const auto& entry) { return entry.second.on_disk; });
  emit(std::move(event));
  if (early_ready_) on_ready(*std::exchange(early_ready_, std::nullopt));
}

void GatewaySession::on_ready(const wire::Ready& frame) {
  if (phase_ == Phase::kAwaitRuns) {
    early_ready_ = frame;
    return;
  }
  seed_credit_ = true;
  const std::int64_t most =
      std::min<std::int64_t>(frame.max_slots.value_or(1), std::int64_t{wire::kMaxRunsPerWorker});
  const std::int64_t available =
      kind_ == WorkerKind::kSeed ? 1 : std::min(frame.available_slots.value_or(1), most);
  emit(ReadyReceived{available, kind_ == WorkerKind::kSeed ? 1 : most});
}

void GatewaySession::on_busy(const wire::Busy& frame) {
  auto run = kind_ == WorkerKind::kSeed
                 ? find_by_execution(frame.execution_id)
                 : runs_.find(key_of(frame.execution_id, frame.attempt.value_or(0)));
  if (run == runs_.end() || run->second.complete) {
    ++counters_.not_leased;
    return;
  }
  BusyReceived event{run->first, frame.reason};
  runs_.erase(run);
  emit(std::move(event));
}

void GatewaySession::on_heartbeat(const wire::Heartbeat& frame, Instant now) {
  emit(HeartbeatReceived{now, frame.metrics});
  send(wire::Heartbeat{.timestamp = frame.timestamp, .metrics = std::nullopt});
}

// ---- frames of runs -----------------------------------------------------------------------------

GatewaySession::Runs::iterator GatewaySession::find_by_execution(const std::string& execution) {
  const auto run = runs_.lower_bound(key_of(execution, 0));
  return run != runs_.end() && run->first.execution.str() == execution ? run : runs_.end();
}

// The attempt and the seq of a frame of a seed worker are what this socket's assignment implies.
template <class Frame>
bool GatewaySession::place_seed_frame(Frame& frame) {
  const auto run = find_by_execution(frame.execution_id);
  if (run == runs_.end()) {
    ++counters_.not_leased;
    return false;
  }
  frame.attempt = run->first.attempt;
  frame.seq = run->second.accepted_seq + 1;
  return true;
}

template <class Frame>
void GatewaySession::on_run_frame(Frame frame) {
  if constexpr (is_feature_frame<Frame>) {
    if (kind_ == WorkerKind::kSeed) {
      ++counters_.unknown_types;
      return;
    }
  }
  if (kind_ == WorkerKind::kSeed && !place_seed_frame(frame)) return;
  if (!frame.attempt || !frame.seq) {
    return close(wire::CloseCode::kPolicyViolation, "frames of a run need attempt and seq");
  }
  if constexpr (std::is_same_v<Frame, wire::AgentEvent>) {
    if (!frame.event && !frame.event_type) {
      return close(wire::CloseCode::kPolicyViolation, "an event needs event or eventType");
    }
  }
  const auto key = key_of(frame.execution_id, *frame.attempt);
  const std::int64_t seq = *frame.seq;
  deliver(key, seq, std::move(frame));
}

void GatewaySession::deliver(const wire::RunKey& key, std::int64_t seq, wire::WorkerFrame frame) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return reject_foreign(key);
  Run& run = found->second;
  if (seq <= run.accepted_seq) {
    ++counters_.duplicates;
    if (run.committed_seq > 0) acknowledge(key, run);
    return;
  }
  if (run.complete) {  // nothing comes after a completion
    ++counters_.out_of_place;
    return;
  }
  if (seq != run.accepted_seq + 1) {
    return close(wire::CloseCode::kConflict, "frames are missing; resume from the last received");
  }
  run.accepted_seq = seq;
  auto* complete = std::get_if<wire::Complete>(&frame);
  if (complete == nullptr) return emit(RunFrame{key, seq, std::move(frame)});
  run.complete = true;
  normalise_status(*complete, kind_ == WorkerKind::kSeed && run.cancelled);
  emit(CompleteReceived{key, seq, std::move(*complete)});
}

void GatewaySession::acknowledge(const wire::RunKey& key, const Run& run) {
  if (kind_ == WorkerKind::kSeed) return;
  wire::Received frame{key.execution.str(), key.attempt, run.committed_seq, std::nullopt};
  if (run.on_disk) frame.final_ = true;
  send(std::move(frame));
}

// Frames of a run that is not leased here have no effect; a full worker is told once to end it.
void GatewaySession::reject_foreign(const wire::RunKey& key) {
  ++counters_.not_leased;
  if (kind_ == WorkerKind::kSeed) return;
  if (!told_not_leased_.contains(key)) tell_not_leased(key);
}

void GatewaySession::tell_not_leased(const wire::RunKey& key) {
  // Forgetting whom we told costs a repeated cancel, nothing else.
  if (told_not_leased_.size() >= wire::kMaxRunsPerWorker) told_not_leased_.clear();
  told_not_leased_.insert(key);
  send(wire::Cancel{key.execution.str(), key.attempt, std::string(wire::kNotLeasedReason)});
}

// ---- commands -----------------------------------------------------------------------------------

AssignOutcome GatewaySession::assign(const wire::Assign& frame,
                                     std::span<const wire::SessionPart> session) {
  if (phase_ != Phase::kOpen || !frame.attempt) return AssignOutcome::kNotReady;
  if (kind_ == WorkerKind::kSeed) {
    // The attempt is implied by the run, so one execution cannot be held twice.
    if (!seed_credit_ || find_by_execution(frame.execution_id) != runs_.end()) {
      return AssignOutcome::kNotReady;
    }
  }
  if (runs_.size() >= wire::kMaxRunsPerWorker) return AssignOutcome::kFull;
  seed_credit_ = false;
  runs_.try_emplace(key_of(frame.execution_id, *frame.attempt));
  for (const auto& part : session) send(part);
  send(frame);
  return AssignOutcome::kSent;
}

void GatewaySession::committed(const wire::RunKey& key, std::int64_t seq, Final final_frame) {
  const auto run = runs_.find(key);
  if (closed() || run == runs_.end()) return;
  run->second.committed_seq = std::max(run->second.committed_seq, seq);
  run->second.accepted_seq = std::max(run->second.accepted_seq, run->second.committed_seq);
  run->second.on_disk = final_frame == Final::kYes;
  acknowledge(key, run->second);
  if (run->second.on_disk) runs_.erase(run);
}

void GatewaySession::cancel(const wire::RunKey& key, std::string_view reason) {
  const auto run = runs_.find(key);
  if (closed() || run == runs_.end()) return;
  run->second.cancelled = true;
  wire::Cancel frame{key.execution.str(), key.attempt, std::nullopt};
  if (!reason.empty()) frame.reason = std::string(reason);
  send(std::move(frame));
}

void GatewaySession::review_response(const wire::ReviewResponse& frame) {
  if (phase_ == Phase::kOpen || phase_ == Phase::kAwaitRuns) send(frame);
}

void GatewaySession::release(const wire::RunKey& key) {
  const auto run = runs_.find(key);
  if (closed() || run == runs_.end()) return;
  runs_.erase(run);
  if (kind_ == WorkerKind::kFull) {
    tell_not_leased(key);
  } else {
    send(wire::Cancel{key.execution.str(), std::nullopt, std::nullopt});
  }
}

void GatewaySession::shutdown(std::string_view reason, Duration grace) {
  if (phase_ == Phase::kOpen || phase_ == Phase::kAwaitRuns) {
    send(wire::Shutdown{std::string(reason), to_millis(grace)});
  }
}

}  // namespace personas::worker_gateway
