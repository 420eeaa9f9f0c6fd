// What a run says: its output, events, turns and session, numbered, into the spool.
#include <algorithm>
#include <utility>

#include "personas/base/bytes.hpp"
#include "personas/worker_agent/session.hpp"

namespace personas::worker_agent {
namespace {

constexpr std::size_t kMaxErrorMessage = 8 * 1024;
constexpr std::size_t kMaxCompleteValue = 32 * 1024;  // meta, usage, phaseTimings, models
constexpr std::size_t kMaxMessage = 4 * 1024;         // of progress
constexpr std::size_t kMaxName = 128;
static_assert(6 * kMaxErrorMessage + 4 * kMaxCompleteValue + 16 * kMaxMessage < kMaxCompleteBytes);

void cut(std::string& text, std::size_t limit) {
  if (text.size() > limit) text = std::string(utf8_prefix(text, limit));
}
void cut(std::optional<std::string>& text, std::size_t limit) {
  if (text) cut(*text, limit);
}
void leave_out_if_large(std::optional<codec::RawJson>& value) {
  if (value && value->text.size() > kMaxCompleteValue) value.reset();
}

void apply_kill(wire::Complete& complete, KillReason reason) {
  if (reason == KillReason::kCancelled) {
    complete.status = "cancelled";
    complete.failure_reason = "cancelled";
    return;
  }
  if (complete.status == "completed") return;  // it ended well before the kill reached it
  complete.status = "failed";
  switch (reason) {
    case KillReason::kLeaseEnded:
      complete.failure_reason = "lease_expired";
      break;
    case KillReason::kShutdown:
      complete.failure_reason = "worker_shutdown";
      break;
    default:
      complete.failure_reason = "worker_error";
  }
}

// Bytes at the end of `text` that begin a code point without completing it; at most 3.
std::size_t incomplete_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    if (byte > 0xF4) return 0;  // begins nothing
    const std::size_t needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

}  // namespace

// ---- what a run says ----------------------------------------------------------------------------

void WorkerSession::run_stdout(const wire::RunKey& key, std::string_view chunk, Instant now) {
  check(now);
  if (const auto run = running(key); run != runs_.end()) {
    write_output(run, chunk, Stream::kStdout);
  }
}

void WorkerSession::run_stderr(const wire::RunKey& key, std::string_view chunk, Instant now) {
  check(now);
  if (const auto run = running(key); run != runs_.end()) {
    write_output(run, chunk, Stream::kStderr);
  }
}

void WorkerSession::write_output(RunRef run, std::string_view chunk, Stream stream) {
  auto& tail = stream == Stream::kStdout ? run->second.stdout_tail : run->second.stderr_tail;
  const std::string joined = std::exchange(tail, {}) + std::string(chunk);
  std::string_view rest = joined;
  tail = std::string(rest.substr(rest.size() - incomplete_tail(rest)));
  rest.remove_suffix(tail.size());
  while (!rest.empty()) {
    std::string_view piece = utf8_prefix(rest, kMaxReadBytes);
    if (piece.empty()) piece = rest.substr(0, kMaxReadBytes);
    rest.remove_prefix(piece.size());
    wire::OutputChunk output;
    output.chunk = to_valid_utf8(piece);
    if (stream == Stream::kStdout) {
      write(run, wire::Stdout{std::move(output)});
    } else {
      write(run, wire::Stderr{std::move(output)});
    }
  }
}

void WorkerSession::flush_tails(RunRef run) {
  for (const auto stream : {Stream::kStdout, Stream::kStderr}) {
    auto& tail = stream == Stream::kStdout ? run->second.stdout_tail : run->second.stderr_tail;
    if (tail.empty()) continue;
    wire::OutputChunk output;
    output.chunk = to_valid_utf8(std::exchange(tail, {}));
    if (stream == Stream::kStdout) {
      write(run, wire::Stdout{std::move(output)});
    } else {
      write(run, wire::Stderr{std::move(output)});
    }
  }
}

void WorkerSession::run_event(const wire::RunKey& key, std::string_view event_type,
                              codec::RawJson payload, Instant now) {
  check(now);
  const auto run = running(key);
  if (run == runs_.end()) return;
  if (payload.text.size() > kMaxEventBytes || event_type.size() > kMaxName) {
    ++counters_.oversized_events;
    return;
  }
  wire::AgentEvent frame;
  frame.event_type = std::string(event_type);
  frame.payload = std::move(payload);
  write(run, std::move(frame));
}

void WorkerSession::run_progress(const wire::RunKey& key, wire::Progress progress, Instant now) {
  check(now);
  const auto run = running(key);
  if (run == runs_.end()) return;
  cut(progress.stage, kMaxName);
  cut(progress.message, kMaxMessage);
  cut(progress.active_tool, kMaxMessage);
  write(run, std::move(progress));
}

void WorkerSession::run_review_request(const wire::RunKey& key, std::string_view review_id,
                                       codec::RawJson payload, Instant now) {
  check(now);
  const auto run = running(key);
  if (run == runs_.end()) return;
  if (payload.text.size() > kMaxEventBytes) {
    ++counters_.oversized_events;
    return;
  }
  wire::ReviewRequest frame;
  frame.review_id = std::string(review_id);
  frame.payload = std::move(payload);
  write(run, std::move(frame));
}

void WorkerSession::run_turn(const wire::RunKey& key, codec::RawJson turn, Instant now) {
  check(now);
  const auto run = running(key);
  if (run == runs_.end() || !features_.contains(wire::kTurnsFeature)) return;
  if (turn.text.size() > kMaxEventBytes) {
    ++counters_.oversized_events;
    return;
  }
  run->second.features_used.emplace(wire::kTurnsFeature);
  wire::AgentTurn frame;
  frame.turn = std::move(turn);
  write(run, std::move(frame));
}

void WorkerSession::run_session(const wire::RunKey& key, const SessionPiece& piece,
                                std::string_view session_id, Instant now) {
  check(now);
  const auto run = running(key);
  if (run == runs_.end() || !features_.contains(wire::kSessionFeature)) return;
  run->second.features_used.emplace(wire::kSessionFeature);
  wire::SessionBytes frame;
  frame.path = piece.path;
  frame.offset = piece.offset;
  frame.data = to_base64(as_bytes(piece.data));
  if (!session_id.empty()) frame.session_id = std::string(session_id);
  write(run, std::move(frame));
}

void WorkerSession::finish(RunRef run, wire::Complete complete) {
  flush_tails(run);
  if (run->second.killed) apply_kill(complete, *run->second.killed);
  leave_out_if_large(complete.meta);
  leave_out_if_large(complete.usage);
  leave_out_if_large(complete.phase_timings);
  cut(complete.error_message, kMaxErrorMessage);
  leave_out_if_large(complete.models);
  cut(complete.session_id, kMaxMessage);
  cut(complete.model, kMaxMessage);
  cut(complete.failure_reason, kMaxName);
  run->second.state = State::kFinished;
  run->second.paused = false;
  write(run, std::move(complete));
}

// ---- the spool ----------------------------------------------------------------------------------

template <class Frame>
void WorkerSession::write(RunRef run, Frame frame) {
  const auto& key = run->first;
  Run& state = run->second;
  if (state.discard) return;
  frame.execution_id = key.execution.str();
  frame.attempt = key.attempt;
  frame.seq = state.spool.next_seq();
  std::string text = wire::to_text(std::move(frame));
  if (state.sendable && link_ == Link::kOpen) send_text(text);
  const std::size_t before = state.spool.bytes();
  state.spool.push(std::move(text));
  spooled_total_ += state.spool.bytes() - before;
  if (state.state != State::kRunning) return;
  const bool full = state.spool.bytes() >= options_.spool.pause_run ||
                    spooled_total_ >= options_.spool.pause_total;
  if (full && !state.paused) {
    state.paused = true;
    outputs_.push_back(PauseReading{key});
  }
  if (state.spool.bytes() > options_.spool.pause_run + kSpoolReserve) {
    kill_run(run, KillReason::kSpoolOverflow, "it wrote on although its reading was paused");
  }
}

void WorkerSession::trim(RunRef run, std::int64_t seq) {
  spooled_total_ -= run->second.spool.trim(seq);
}

void WorkerSession::resume_reading() {
  if (spooled_total_ > options_.spool.pause_total / 2) return;
  for (auto& [key, run] : runs_) {
    if (!run.paused || run.spool.bytes() > options_.spool.pause_run / 2) continue;
    run.paused = false;
    outputs_.push_back(ResumeReading{key});
  }
}

}  // namespace personas::worker_agent
