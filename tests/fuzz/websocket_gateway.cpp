// The orchestrator's end of a worker connection against a hostile worker.
//
// An input is lines: "# flags" first, then frames of the worker ("{…}", or "S{…}" to have it
// signed) and, in words, what the hub does and the passing of time: see Gateway::command. What the
// session promises its hub (session.hpp) is checked against a model of what is leased.
#include <map>
#include <optional>
#include <set>

#include "personas/base/bytes.hpp"
#include "personas/wire/signing.hpp"
#include "personas/worker_gateway/session.hpp"

#include "support.hpp"

namespace personas::fuzz {
namespace {

using namespace worker_gateway;

constexpr std::size_t kMaxOutputs = 2000;  // of one input: more would be an amplifier

struct Lease {
  std::int64_t committed = 0;
  std::int64_t accepted = 0;
  bool complete = false;
  bool on_disk = false;
};

class Gateway {
 public:
  explicit Gateway(std::string_view flags)
      : session_(options(flags), [](std::string_view token) -> std::optional<WorkerGrant> {
          if (token != "good") return std::nullopt;
          return WorkerGrant{"t1", std::nullopt};
        }) {
    if (flags.contains('n')) {
      session_.opened(std::nullopt, now_);
    } else {
      session_.opened("good", now_);
    }
    drain();
  }

  void line(std::string_view line) {
    if (line.starts_with('{')) {
      session_.on_text(line, now_);
    } else if (line.starts_with("S{")) {
      const std::string payload = to_valid_utf8(line.substr(1));
      session_.on_text(signer_ ? signer_->sign(payload) : payload, now_);
    } else {
      command(line);
    }
    drain();
  }

 private:
  static SessionOptions options(std::string_view flags) {
    SessionOptions options;
    if (flags.contains('r')) options.signing = Signing::kRequired;
    if (flags.contains('l')) options.legacy_signatures = LegacySignatures::kAccept;
    return options;
  }

  void command(std::string_view line) {
    const auto name = take_until(line, ' ');
    if (name.starts_with('@')) return pass(number_of(name.substr(1), 100'000));
    if (name == "accept") return accept(line);
    if (name == "refuse") return session_.refuse(wire::CloseCode::kConflict, to_valid_utf8(line));
    if (name == "pong") return session_.on_pong(now_);
    if (name == "shutdown") return session_.shutdown(to_valid_utf8(line), seconds(1));
    if (name == "closed") {
      session_.on_closed(now_);
      closed_ = true;
      leases_.clear();
      return;
    }
    const wire::RunKey key = take_key(line);
    if (key.attempt == 0 || !is_valid_id(key.execution.str())) return;
    if (name == "assign") return assign(key, line);
    const auto lease = leases_.find(key);
    if (name == "cancel") {
      session_.cancel(key, "asked");
    } else if (name == "review") {
      session_.review_response({key.execution.str(), "r", "approved", "ok", key.attempt});
    } else if (name == "release") {
      session_.release(key);
      leases_.erase(key);
    } else if (name == "committed" && lease != leases_.end()) {
      Lease& run = lease->second;
      const auto upto = static_cast<std::int64_t>(number_of(line, 1'000'000));
      run.committed = std::clamp(upto, run.committed, run.accepted);
      run.on_disk = run.complete && run.committed == run.accepted;
      session_.committed(key, run.committed, run.on_disk ? Final::kYes : Final::kNo);
      if (run.on_disk) leases_.erase(lease);
    }
  }

  void pass(std::uint64_t millis) {
    const Instant end = now_ + milliseconds(static_cast<std::int64_t>(millis));
    for (int ticks = 0; session_.next_deadline() <= end; ++ticks) {
      now_ = std::max(now_, session_.next_deadline());
      session_.tick(now_);
      drain();
      PERSONAS_FUZZ_CHECK(session_.closed() || session_.next_deadline() > now_,
                          "a tick that was done is not due at once");
      PERSONAS_FUZZ_CHECK(ticks < 100, "ticks of one pause");
    }
    now_ = end;
  }

  static wire::RunKey take_key(std::string_view& line) {
    const auto execution = take_until(line, ' ');
    const auto attempt = number_of(take_until(line, ' '), 1000);
    return {ExecutionId(std::string(execution)), static_cast<std::int64_t>(attempt)};
  }

  // "e1 1 5 7 f,e2 …": execution, attempt, committed, accepted, completion on disk
  void accept(std::string_view line) {
    if (!hello_ || accepted_ || closed_) return;
    accepted_ = true;
    AckParams params{"session-token", "n", {}};
    for (auto text : split(line, ',')) {
      const wire::RunKey key = take_key(text);
      if (key.attempt == 0 || is_leased(key.execution) || !is_valid_id(key.execution.str())) {
        continue;
      }
      Lease lease;
      lease.committed = static_cast<std::int64_t>(number_of(take_until(text, ' '), 1000));
      lease.accepted = std::max<std::int64_t>(
          lease.committed, static_cast<std::int64_t>(number_of(take_until(text, ' '), 1000)));
      lease.complete = lease.on_disk = text.starts_with('f');
      if (lease.on_disk) lease.committed = lease.accepted;
      params.runs.push_back(
          {key, lease.committed, lease.accepted, lease.on_disk ? Final::kYes : Final::kNo});
      if (hello_->kind == WorkerKind::kFull) leases_[key] = lease;
      ever_.insert(key);
    }
    session_.accept(params, now_);
  }

  bool is_leased(const ExecutionId& execution) const {
    const auto lease = leases_.lower_bound({execution, 0});
    return lease != leases_.end() && lease->first.execution == execution;
  }

  void assign(const wire::RunKey& key, std::string_view parts) {
    if (is_leased(key.execution) || ever_.contains(key)) return;
    wire::Assign frame;
    frame.execution_id = key.execution.str();
    frame.prompt = "p";
    frame.attempt = key.attempt;
    const std::vector<wire::SessionPart> session(
        number_of(parts, 3), wire::SessionPart{key.execution.str(), key.attempt, "f", 0, "AAAA"});
    if (!session.empty()) frame.session_parts = static_cast<std::int64_t>(session.size());
    if (session_.assign(frame, session) != AssignOutcome::kSent) return;
    PERSONAS_FUZZ_CHECK(accepted_ && !closed_, "work for an accepted worker alone");
    leases_[key] = {};
    ever_.insert(key);
    PERSONAS_FUZZ_CHECK(leases_.size() <= wire::kMaxRunsPerWorker, "the limit of runs");
  }

  void drain() {
    std::size_t beats = 0;
    for (auto& output : session_.take()) {
      PERSONAS_FUZZ_CHECK(!closed_, "nothing comes after the close");
      PERSONAS_FUZZ_CHECK(++outputs_ < kMaxOutputs, "outputs of one input");
      if (std::holds_alternative<HeartbeatReceived>(output)) ++beats;
      std::visit([this](auto& value) { took(value); }, output);
    }
    PERSONAS_FUZZ_CHECK(beats == std::exchange(echoes_, 0), "a heartbeat is echoed at once");
  }

  void took(const Send& send) {
    PERSONAS_FUZZ_CHECK(accepted_, "no word before the worker was accepted");
    std::string text = send.text;
    if (wire::looks_signed(text)) {
      PERSONAS_FUZZ_CHECK(verifier_.has_value(), "signed as it was agreed");
      auto payload = verifier_->verify(text);
      PERSONAS_FUZZ_CHECK(payload.has_value(), "a signature that holds", text);
      text = *payload;
    } else {
      PERSONAS_FUZZ_CHECK(!signing_, "not signed, against what was agreed", text);
    }
    const auto frame = wire::parse_orchestrator_frame(text);
    PERSONAS_FUZZ_CHECK(frame.has_value(), "a frame that the worker can read", text,
                        frame ? "" : frame.error().describe());
    if (const auto* ack = std::get_if<wire::Ack>(&*frame)) start_signing(*ack);
    if (std::holds_alternative<wire::Heartbeat>(*frame)) ++echoes_;
    if (const auto* received = std::get_if<wire::Received>(&*frame)) {
      std::int64_t& last = received_[{ExecutionId(received->execution_id), received->attempt}];
      PERSONAS_FUZZ_CHECK(received->seq >= last, "what is confirmed never goes back");
      last = received->seq;
    }
  }
  void start_signing(const wire::Ack& ack) {
    PERSONAS_FUZZ_CHECK(!std::exchange(acked_, true), "one ack");
    const Secret token("good");
    if (!ack.signed_frames.value_or(false)) return;
    signing_ = true;
    signer_.emplace(wire::derive_frame_key(token, "n", wire::Direction::kToOrchestrator));
    verifier_.emplace(wire::derive_frame_key(token, "n", wire::Direction::kToWorker));
  }

  void took(const Ping&) {}
  void took(const Close& close) {
    PERSONAS_FUZZ_CHECK(close.reason.size() <= kMaxCloseReason && is_utf8(close.reason),
                        "a reason that fits a close frame");
    closed_ = true;
    leases_.clear();
  }
  void took(const HelloReceived& hello) {
    PERSONAS_FUZZ_CHECK(!hello_, "one hello");
    PERSONAS_FUZZ_CHECK(!hello.hello.token, "without its token");
    PERSONAS_FUZZ_CHECK(!hello.hello.worker_id.empty(), "with a name");
    hello_ = hello;
  }
  void took(const ActiveRuns& runs) {
    PERSONAS_FUZZ_CHECK(accepted_ && !std::exchange(listed_, true), "one list, once accepted");
    for (const auto& key : runs.missing) {
      PERSONAS_FUZZ_CHECK(leases_.erase(key) == 1, "only what is leased can be missing");
    }
    std::erase_if(leases_, [](const auto& entry) { return entry.second.on_disk; });
  }
  void took(const ReadyReceived& ready) {
    PERSONAS_FUZZ_CHECK(accepted_ && (listed_ || hello_->kind == WorkerKind::kSeed),
                        "ready after the list");
    PERSONAS_FUZZ_CHECK(0 <= ready.available_slots && ready.available_slots <= ready.max_slots &&
                            ready.max_slots <= std::int64_t{wire::kMaxRunsPerWorker},
                        "slots within limits");
  }
  Lease& next(const wire::RunKey& run, std::int64_t seq) {
    const auto lease = leases_.find(run);
    PERSONAS_FUZZ_CHECK(lease != leases_.end(), "frames of leased runs alone");
    PERSONAS_FUZZ_CHECK(!lease->second.complete, "nothing after the completion");
    PERSONAS_FUZZ_CHECK(seq == lease->second.accepted + 1, "each seq once, in order, no gap");
    lease->second.accepted = seq;
    return lease->second;
  }
  void took(const RunFrame& frame) { next(frame.run, frame.seq); }
  void took(const CompleteReceived& complete) {
    next(complete.run, complete.seq).complete = true;
    const auto& status = complete.complete.status;
    PERSONAS_FUZZ_CHECK(status == "completed" || status == "failed" || status == "cancelled",
                        "a known status", status);
  }
  void took(const BusyReceived& busy) {
    PERSONAS_FUZZ_CHECK(leases_.erase(busy.run) == 1, "only what is leased is given back");
  }
  void took(const HeartbeatReceived& beat) {
    PERSONAS_FUZZ_CHECK(accepted_ && beat.received_at == now_, "a heartbeat of now");
  }

  Instant now_{1'000'000};
  GatewaySession session_;
  std::optional<HelloReceived> hello_;
  bool accepted_ = false;
  bool acked_ = false;
  bool listed_ = false;
  bool closed_ = false;
  bool signing_ = false;
  std::optional<wire::FrameSigner> signer_;
  std::optional<wire::FrameVerifier> verifier_;
  std::map<wire::RunKey, Lease> leases_;
  std::set<wire::RunKey> ever_;
  std::map<wire::RunKey, std::int64_t> received_;
  std::size_t outputs_ = 0;
  std::size_t echoes_ = 0;
};

}  // namespace
}  // namespace personas::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace personas::fuzz;
  feed_lines<Gateway>(text_of(data, size));
  return 0;
}
