// GatewaySession: the orchestrator's end of one worker connection, without I/O.
//
// Inputs are method calls with the time; what is to be done about them is collected and drained by
// take() after every call. The hub around it owns what outlives a connection: identities, leases,
// the store. Lives as long as its socket; called from the strand of the hub only.
//
// What the hub may rely on:
//  * nothing but a valid hello of an authenticated worker causes any event;
//  * RunFrame and CompleteReceived come only for runs leased here at their present attempt, each
//    seq once, in order and without a gap; after a Close output no more events come;
//  * a heartbeat is echoed in the same drain as its HeartbeatReceived event: the hub renews every
//    lease of that worker from `received_at` before it lets the text out. Together with workers
//    counting from when they sent it, the worker's end of a lease never comes after ours.
// What the hub has to do: expire leases by its clock before it handles an input; pass to accept()
// every lease of that worker; requeue before the lease is over only what a `missing` list, a busy,
// a new instance or (seed workers) the close of the socket says is gone.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"
#include "personas/wire/signing.hpp"
#include "personas/worker_gateway/session_values.hpp"

namespace personas::worker_gateway {

// Frames that arrive between hello and accept(); a worker that follows the protocol sends none.
inline constexpr std::size_t kMaxEarlyFrames = 64;
inline constexpr std::size_t kMaxEarlyBytes = 1024 * 1024;
inline constexpr std::size_t kMaxCloseReason = 120;  // RFC 6455 allows 123 bytes

// Things that were put aside; for metrics and for the worker's page.
struct SessionCounters {
  std::uint64_t unknown_types = 0;
  std::uint64_t duplicates = 0;    // a seq that was taken already
  std::uint64_t not_leased = 0;    // frames of stale attempts and of foreign runs
  std::uint64_t out_of_place = 0;  // a second hello, frames after complete, …
};

class GatewaySession {
 public:
  // Copies the options; `verify` is kept.
  GatewaySession(SessionOptions options, TokenVerifier verify);

  // ---- inputs
  void opened(std::optional<std::string_view> bearer_token, Instant now);
  void on_text(std::string_view text, Instant now);
  void on_pong(Instant now);
  void on_closed(Instant now);
  void tick(Instant now);
  Instant next_deadline() const;  // when tick() is due; Instant::never() once closed

  // ---- commands; without effect once closed
  void accept(const AckParams& params, Instant now);
  void refuse(wire::CloseCode code, std::string_view reason);
  // The frame must name its attempt (≥ 1), and how many parts of a session go before it.
  AssignOutcome assign(const wire::Assign& frame, std::span<const wire::SessionPart> session = {});
  // Everything up to `seq` is on disk.
  void committed(const wire::RunKey& run, std::int64_t seq, Final final_frame);
  void cancel(const wire::RunKey& run, std::string_view reason);
  void review_response(const wire::ReviewResponse& frame);
  // The run is leased here no longer: its further frames are dropped and the worker is told.
  void release(const wire::RunKey& run);
  void shutdown(std::string_view reason, Duration grace);

  std::vector<Output> take();

  bool closed() const { return phase_ == Phase::kClosed; }
  WorkerKind kind() const { return kind_; }
  const SessionCounters& counters() const { return counters_; }

 private:
  enum class Phase : std::uint8_t { kNew, kAwaitHello, kAwaitAccept, kAwaitRuns, kOpen, kClosed };
  struct Run {
    std::int64_t committed_seq = 0;
    std::int64_t accepted_seq = 0;
    bool complete = false;   // its completion came
    bool on_disk = false;    // and is on disk
    bool cancelled = false;  // we sent cancel
    bool from_ack = false;   // leased before this connection
  };
  using Runs = std::map<wire::RunKey, Run>;

  void close(wire::CloseCode code, std::string_view reason);
  void send(const wire::OrchestratorFrame& frame);
  void emit(Output output) { outputs_.push_back(std::move(output)); }
  void check_deadlines(Instant now);

  bool authenticate(std::string_view token);
  std::optional<std::string> unwrap(std::string_view text);
  void on_frame_text(std::string_view text, Instant now);
  void dispatch(wire::WorkerFrame frame, Instant now);
  void on_hello(wire::Hello hello);
  void on_active(const wire::ActiveExecutions& frame);
  void on_ready(const wire::Ready& frame);
  void on_busy(const wire::Busy& frame);
  void on_heartbeat(const wire::Heartbeat& frame, Instant now);
  template <class Frame>
  void on_run_frame(Frame frame);
  template <class Frame>
  bool place_seed_frame(Frame& frame);
  void deliver(const wire::RunKey& key, std::int64_t seq, wire::WorkerFrame frame);
  void acknowledge(const wire::RunKey& key, const Run& run);
  void reject_foreign(const wire::RunKey& key);
  void tell_not_leased(const wire::RunKey& key);
  Runs::iterator find_by_execution(const std::string& execution);
  void start_signing(const AckParams& params);

  SessionOptions options_;
  TokenVerifier verify_;
  Phase phase_ = Phase::kNew;
  WorkerKind kind_ = WorkerKind::kSeed;
  std::optional<WorkerGrant> grant_;
  Secret token_;  // for the frame keys; wiped once they are derived
  bool wants_signing_ = false;
  std::optional<wire::FrameSigner> signer_;
  std::optional<wire::FrameVerifier> verifier_;

  Instant now_{};
  Instant last_life_{};
  Instant handshake_until_ = Instant::never();
  Instant next_ping_ = Instant::never();

  std::string worker_id_;
  Runs runs_;
  std::set<wire::RunKey> told_not_leased_;  // bounded by kMaxRunsPerWorker
  bool seed_credit_ = false;                // a ready that has not been used
  std::optional<wire::Ready> early_ready_;  // came before the run list
  std::deque<std::string> early_;
  std::size_t early_bytes_ = 0;
  std::vector<Output> outputs_;
  SessionCounters counters_;
};

}  // namespace personas::worker_gateway
