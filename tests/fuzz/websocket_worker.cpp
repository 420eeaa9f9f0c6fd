// A worker's side of the protocol against a hostile orchestrator, and agents that write what they
// like.
//
// An input is lines: "# flags" first, then frames of the orchestrator ("{…}", or "S{…}" to have it
// signed) and, in words, what connection, agents and time do: see Worker::command. The driver here
// keeps its own promises (session.hpp), so what breaks is the session's fault.
#include <map>
#include <optional>
#include <set>

#include "personas/base/bytes.hpp"
#include "personas/wire/signing.hpp"
#include "personas/worker_agent/session.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

using namespace worker_agent;

constexpr std::size_t kSlots = 2;
constexpr SpoolLimits kSpool{.pause_run = 2000, .pause_total = 3000};

class Worker {
 public:
  explicit Worker(std::string_view flags) : session_(options(flags), random_) {}

  void line(std::string_view line) {
    if (stopped_) return;
    if (line.starts_with('{')) {
      note_leases(line);
      hear(line);
    } else if (line.starts_with("S{")) {
      const std::string payload = to_valid_utf8(line.substr(1));
      note_leases(payload);
      hear(signer_ ? signer_->sign(payload) : payload);
    } else {
      command(line);
    }
    drain();
  }

 private:
  struct Agent {
    Instant kill_at{};
    bool paused = false;
  };

  static WorkerOptions options(std::string_view flags) {
    WorkerOptions options;
    options.worker_id = "w";
    options.instance_id = "i1";
    options.version = "1.0";
    options.token = Secret("tok");
    options.slots = kSlots;
    options.spool = kSpool;
    if (flags.contains('a')) options.signing = Signing::kAlways;
    if (flags.contains('h')) options.send_token = SendToken::kInHello;
    return options;
  }

  void hear(std::string_view text) {
    if (!connected_) return;
    session_.on_text(text, now_);
    if (std::exchange(acked_, acked_ || text.contains("\"ack\""))) return;
    const auto frame = wire::parse_orchestrator_frame(text);
    const auto* ack = frame ? std::get_if<wire::Ack>(&*frame) : nullptr;
    if (ack == nullptr || !ack->signed_frames.value_or(false) || !ack->nonce) return;
    const Secret token("tok");
    signer_.emplace(wire::derive_frame_key(token, *ack->nonce, wire::Direction::kToWorker));
    verifier_.emplace(wire::derive_frame_key(token, *ack->nonce, wire::Direction::kToOrchestrator));
  }

  // Runs of which this connection has said that they are leased here.
  void note_leases(std::string_view text) {
    const auto frame = wire::parse_orchestrator_frame(text);
    if (!frame) return;
    if (const auto* ack = std::get_if<wire::Ack>(&*frame); ack != nullptr && ack->resume_from) {
      for (const auto& point : *ack->resume_from) {
        leased_.insert({ExecutionId(point.execution_id), point.attempt});
      }
    }
    if (const auto* assign = std::get_if<wire::Assign>(&*frame)) {
      leased_.insert({ExecutionId(assign->execution_id), assign->attempt.value_or(1)});
    }
  }

  void command(std::string_view line) {
    const auto name = take_until(line, ' ');
    if (name.starts_with('@')) return pass(number_of(name.substr(1), 100'000));
    if (name == "start" && !std::exchange(started_, true)) return session_.start(now_);
    if (!started_) return;
    if (name == "connected" && dialling_) {
      dialling_ = false;
      connected_ = true;
      last_sent_.clear();
      leased_.clear();
      return session_.connected(now_);
    }
    if (name == "failed" && std::exchange(dialling_, false)) return session_.connect_failed(now_);
    if (name == "dropped" && connected_) {
      disconnect();
      return session_.disconnected(now_);
    }
    if (name == "stop") {
      return session_.stop(milliseconds(static_cast<std::int64_t>(number_of(line, 60'000))), now_);
    }
    of_run(name, line);
  }

  void of_run(std::string_view name, std::string_view line) {
    const auto execution = take_until(line, ' ');
    const auto attempt = number_of(take_until(line, ' '), 1000);
    const wire::RunKey key{ExecutionId(std::string(execution)), static_cast<std::int64_t>(attempt)};
    const auto agent = agents_.find(key);
    if (agent == agents_.end()) return;
    if (name == "end") return end(key, line);
    if (agent->second.paused) return;  // nobody reads its pipe
    if (name == "out") session_.run_stdout(key, line, now_);
    if (name == "err") session_.run_stderr(key, line, now_);
    if (name == "event") session_.run_event(key, "user_message", json_of(line), now_);
    if (name == "turn") session_.run_turn(key, json_of(line), now_);
    if (name == "review") session_.run_review_request(key, "r1", json_of(line), now_);
    if (name == "progress") {
      wire::Progress progress;
      progress.stage = to_valid_utf8(line);
      session_.run_progress(key, std::move(progress), now_);
    }
    if (name == "session") {
      session_.run_session(key, {.path = "a/b", .offset = 0, .data = std::string(line)}, "s", now_);
    }
  }
  static codec::RawJson json_of(std::string_view text) {
    return {boost::json::serialize(boost::json::value(to_valid_utf8(text)))};
  }

  void end(const wire::RunKey& key, std::string_view status) {
    agents_.erase(key);
    wire::Complete complete;
    complete.status = status == "failed" ? "failed" : "completed";
    complete.error_message = to_valid_utf8(status);
    session_.run_finished(key, std::move(complete), now_);
  }

  // The worker stands still for the time, as after SIGSTOP, then catches up.
  void pass(std::uint64_t millis) {
    now_ = now_ + milliseconds(static_cast<std::int64_t>(millis));
    for (int ticks = 0; session_.next_deadline() <= now_; ++ticks) {
      session_.tick(now_);
      drain();
      PERSONAS_FUZZ_CHECK(ticks < 10, "a tick that was done is not due at once, for ever");
    }
    // Supervisors kill by their own clocks.
    std::vector<wire::RunKey> dead;
    for (const auto& [key, agent] : agents_) {
      if (agent.kill_at <= now_) dead.push_back(key);
    }
    for (const auto& key : dead) {
      end(key, "failed");
      drain();
    }
  }

  void disconnect() {
    connected_ = dialling_ = acked_ = false;
    signer_.reset();
    verifier_.reset();
  }

  void drain() {
    for (auto& output : session_.take()) {
      PERSONAS_FUZZ_CHECK(!stopped_, "nothing comes after the stop");
      std::visit([this](auto& value) { took(value); }, output);
    }
    const std::size_t runs = std::max<std::size_t>(started_runs_.size(), 1);
    PERSONAS_FUZZ_CHECK(session_.spooled_bytes() <= kSpool.pause_total + runs * kSpoolReserve,
                        "the spool's limit");
  }

  void took(const Dial&) {
    PERSONAS_FUZZ_CHECK(!connected_ && !dialling_, "one connection at a time");
    dialling_ = true;
  }
  void took(const CloseConnection& close) {
    PERSONAS_FUZZ_CHECK(connected_, "only what is open is closed");
    PERSONAS_FUZZ_CHECK(is_utf8(close.reason), "a reason in UTF-8");
    disconnect();
  }
  void took(const SendText& send) {
    PERSONAS_FUZZ_CHECK(connected_, "words on an open connection alone");
    std::string text = send.text;
    PERSONAS_FUZZ_CHECK(wire::looks_signed(text) == verifier_.has_value(), "signed as agreed",
                        text);
    if (verifier_) {
      auto payload = verifier_->verify(text);
      PERSONAS_FUZZ_CHECK(payload.has_value(), "a signature that holds", text);
      text = *payload;
    }
    const auto frame = wire::parse_worker_frame(text);
    PERSONAS_FUZZ_CHECK(frame.has_value(), "a frame that the orchestrator can read", text,
                        frame ? "" : frame.error().describe());
    if (std::holds_alternative<wire::Hello>(*frame)) return;
    std::visit([&](const auto& value) { sent(value, text); }, *frame);
  }
  template <class Frame>
  void sent(const Frame& frame, const std::string& text) {
    if constexpr (requires { frame.seq; }) {
      PERSONAS_FUZZ_CHECK(frame.attempt && frame.seq, "numbered", text);
      const wire::RunKey key{ExecutionId(frame.execution_id), *frame.attempt};
      PERSONAS_FUZZ_CHECK(leased_.contains(key), "no word of a run that is not leased", text);
      std::int64_t& last = last_sent_[key];
      PERSONAS_FUZZ_CHECK(last == 0 || *frame.seq == last + 1, "in order, without a gap", text);
      last = *frame.seq;
      const auto [known, is_new] = frames_.try_emplace({key, last}, text);
      PERSONAS_FUZZ_CHECK(is_new || known->second == text, "sent again unchanged", text);
    }
  }
  void took(const StartRun& start) {
    PERSONAS_FUZZ_CHECK(started_runs_.insert(start.run).second, "an attempt starts once");
    for (const auto& [key, agent] : agents_) {
      PERSONAS_FUZZ_CHECK(key.execution != start.run.execution, "one attempt of it is alive");
    }
    PERSONAS_FUZZ_CHECK(agents_.size() < kSlots, "the limit of slots");
    PERSONAS_FUZZ_CHECK(start.kill_at > now_, "it has time to run");
    agents_[start.run].kill_at = start.kill_at;
  }
  Agent& alive(const wire::RunKey& run) {
    const auto agent = agents_.find(run);
    PERSONAS_FUZZ_CHECK(agent != agents_.end(), "a word to what is alive");
    return agent->second;
  }
  void took(const RenewLease& renew) {
    Agent& agent = alive(renew.run);
    PERSONAS_FUZZ_CHECK(agent.kill_at > now_, "a lease is not renewed after its end");
    agent.kill_at = renew.kill_at;
  }
  void took(const KillRun& kill) { alive(kill.run); }
  void took(const PauseReading& pause) { alive(pause.run).paused = true; }
  void took(const ResumeReading& resume) { alive(resume.run).paused = false; }
  void took(const ReviewAnswered& answered) { alive(answered.run); }
  void took(const Stopped&) {
    PERSONAS_FUZZ_CHECK(agents_.empty(), "no agent outlives the stop");
    stopped_ = true;
  }

  SeededRandom random_{7};
  Instant now_{50'000'000};
  WorkerSession session_;
  bool started_ = false;
  bool dialling_ = false;
  bool connected_ = false;
  bool acked_ = false;  // an ack came on this connection
  bool stopped_ = false;
  std::optional<wire::FrameSigner> signer_;
  std::optional<wire::FrameVerifier> verifier_;
  std::map<wire::RunKey, Agent> agents_;
  std::set<wire::RunKey> started_runs_;
  std::set<wire::RunKey> leased_;                   // on this connection
  std::map<wire::RunKey, std::int64_t> last_sent_;  // on this connection
  std::map<std::pair<wire::RunKey, std::int64_t>, std::string> frames_;
};

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  feed_lines<Worker>(text_of(data, size));
  return 0;
}
