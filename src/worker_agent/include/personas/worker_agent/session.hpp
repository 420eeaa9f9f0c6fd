// WorkerSession: a whole worker's side of the protocol, without I/O, across reconnects.
//
// Inputs are method calls with the time; take() drains what is to be done after every call. The
// driver around it owns the socket, the timer and the runs (sandbox, supervisor, pipes). Lives as
// long as the worker process; called from one strand only.
//
// Promises:
//  * at most one attempt of an execution is alive here: a newer attempt starts only after
//    run_finished() of the older one;
//  * the end of a lease is counted from when the worker sent what the orchestrator answered, never
//    from when the answer came, and every run is killed at `kill_at`, kKillMargin before that end;
//  * frames of a run are sent in seq order, re-sent unchanged after a reconnect, kept until the
//    orchestrator confirms them; reading of the agent's pipe stops before the spool overflows.
// A run whose lease ended is still reported, as failed with reason lease_expired: the orchestrator
// takes that only if it has not given the run away, and so never waits for a run that is gone.
//
// What the driver has to do: kill a run at `kill_at` on its own clock even if this process stands
// still (the supervisor); call run_finished() once for every StartRun, when the whole tree is
// dead; hand no text of a closed connection to on_text(); read at most kMaxReadBytes at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"
#include "personas/wire/signing.hpp"
#include "personas/worker_agent/session_values.hpp"
#include "personas/worker_agent/spool.hpp"

namespace personas::worker_agent {

class WorkerSession {
 public:
  WorkerSession(WorkerOptions options, Random& random);

  // ---- the connection
  void start(Instant now);
  void connected(Instant now);
  void connect_failed(Instant now);
  void disconnected(Instant now);
  void on_text(std::string_view text, Instant now);

  // ---- the runs; calls for runs not held are ignored
  // Bytes as read from the pipe; code points cut between two calls are put together again.
  void run_stdout(const wire::RunKey& run, std::string_view chunk, Instant now);
  void run_stderr(const wire::RunKey& run, std::string_view chunk, Instant now);
  void run_event(const wire::RunKey& run, std::string_view event_type, codec::RawJson payload,
                 Instant now);
  void run_progress(const wire::RunKey& run, wire::Progress progress, Instant now);
  void run_review_request(const wire::RunKey& run, std::string_view review_id,
                          codec::RawJson payload, Instant now);
  // Left out if the orchestrator has not announced that it takes them.
  void run_turn(const wire::RunKey& run, codec::RawJson turn, Instant now);
  void run_session(const wire::RunKey& run, const SessionPiece& piece, std::string_view session_id,
                   Instant now);
  // The whole process tree is dead. Keys and seq of `complete` are filled in here; its status too
  // if the run was cancelled or killed.
  void run_finished(const wire::RunKey& run, wire::Complete complete, Instant now);

  // Sent along with every heartbeat from now on.
  void set_metrics(codec::RawJson metrics) { metrics_ = std::move(metrics); }

  // Takes no more work; kills what still runs after `grace`. Again with a shorter grace: sooner.
  void stop(Duration grace, Instant now);
  void tick(Instant now);
  Instant next_deadline() const;  // when tick() is due

  std::vector<Output> take();

  bool connected_and_accepted() const { return link_ == Link::kOpen; }
  std::size_t live_runs() const;  // started, or waiting for the death of an older attempt
  std::size_t spooled_bytes() const { return spooled_total_; }
  const SessionCounters& counters() const { return counters_; }

 private:
  enum class Link : std::uint8_t { kIdle, kDialling, kAwaitAck, kOpen, kWaiting, kStopped };
  enum class State : std::uint8_t { kPending, kRunning, kFinished };
  struct Run {
    State state = State::kPending;
    Spool spool;
    Duration lease{};
    Instant lease_end{};
    bool sendable = false;  // leased, as far as this connection has said
    bool paused = false;
    std::optional<KillReason> killed;
    bool discard = false;  // nobody wants its frames: forget it when it is dead
    bool redial = false;   // compare notes anew when it is dead: its history does not fit
    wire::Assign assign;   // until it starts
    std::vector<SessionPiece> session;
    std::set<std::string, std::less<>> features_used;
    std::string stdout_tail;  // a code point that is not complete yet
    std::string stderr_tail;
    std::set<std::string> answered_reviews;
  };
  using Runs = std::map<wire::RunKey, Run>;
  using RunRef = Runs::iterator;
  enum class Stream : std::uint8_t { kStdout, kStderr };

  // session.cpp: the connection
  void check(Instant now);
  void check_stop(Instant now);
  void drop_connection(wire::CloseCode code, std::string_view reason, Instant now);
  void schedule_redial(Instant now);
  void dial();
  void send(const wire::WorkerFrame& frame) { send_text(wire::to_text(frame)); }
  void send_text(std::string text);
  void send_heartbeat(Instant now);
  void send_ready();
  void send_run_list();
  void send_spools();
  void on_ack(const wire::Ack& ack, Instant now);
  bool take_terms(const wire::Ack& ack);
  void resume(const wire::Ack& ack);
  void on_heartbeat(const wire::Heartbeat& frame);

  // session_runs.cpp: the runs; session_output.cpp: what they say
  void on_session_part(const wire::SessionPart& frame);
  std::optional<std::vector<SessionPiece>> take_session(const wire::Assign& frame,
                                                        const wire::RunKey& key);
  void on_assign(const wire::Assign& frame, Instant now);
  void on_received(const wire::Received& frame);
  void on_cancel(const wire::Cancel& frame);
  void on_review_response(const wire::ReviewResponse& frame);
  void answer_busy(const wire::RunKey& key, std::string_view reason);
  void check_leases(Instant now);
  void renew_leases();
  void start_run(RunRef run);
  void kill_run(RunRef run, KillReason reason, std::string_view text = {});
  void finish(RunRef run, wire::Complete complete);
  void discard(RunRef run, KillReason reason);
  void start_pending(const ExecutionId& execution, Instant now);
  RunRef forget(RunRef run);
  void remember_ended(const wire::RunKey& key);
  bool is_over(const wire::RunKey& key) const;
  RunRef running(const wire::RunKey& key);
  RunRef newest(const std::string& execution, std::optional<std::int64_t> attempt);
  std::size_t used_slots() const;

  void write_output(RunRef run, std::string_view chunk, Stream stream);
  void flush_tails(RunRef run);
  template <class Frame>
  void write(RunRef run, Frame frame);
  void trim(RunRef run, std::int64_t seq);
  void resume_reading();

  WorkerOptions options_;
  Random& random_;
  wire::Timing timing_;
  Link link_ = Link::kIdle;
  std::string session_token_;
  std::optional<wire::FrameSigner> signer_;
  std::optional<wire::FrameVerifier> verifier_;

  std::optional<codec::RawJson> metrics_;

  // Sessions whose assign has not come yet.
  struct Arriving {
    std::vector<SessionPiece> pieces;
    std::size_t bytes = 0;
  };
  std::map<wire::RunKey, Arriving> arriving_;
  std::set<std::string, std::less<>> features_;  // that the orchestrator takes

  Runs runs_;
  std::size_t spooled_total_ = 0;
  std::map<ExecutionId, std::int64_t> ended_;  // highest attempt that must not start again
  std::deque<wire::RunKey> ended_order_;       // at most kMaxEndedRuns

  // Sent times the orchestrator may prove it has seen. `basis_` is the latest it has.
  std::deque<Instant> heartbeats_;
  Instant hello_sent_{};
  Instant basis_{};
  Instant last_life_{};
  Instant next_heartbeat_ = Instant::never();
  Instant redial_at_ = Instant::never();
  Duration back_off_ = kMinBackOff;

  bool stopping_ = false;
  Instant stop_kill_at_ = Instant::never();
  Instant flush_until_ = Instant::never();

  std::vector<Output> outputs_;
  SessionCounters counters_;
};

}  // namespace personas::worker_agent
