// One attempt at the worker: from the assignment to a launch, from the agent's output to frames,
// from its end to the completion. Lives from StartRun until its run_ended(); one executor.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/backends.hpp"
#include "personas/agents/outcome.hpp"
#include "personas/agents/stream.hpp"
#include "personas/agents/turns.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/redactor.hpp"
#include "personas/base/time.hpp"
#include "personas/model/failure.hpp"
#include "personas/sandbox/sandbox.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"
#include "personas/worker_agent/held_output.hpp"

namespace personas::worker_agent {

// Of stderr, kept to tell why an agent failed.
inline constexpr std::size_t kStderrTail = 8 * 1024;
inline constexpr std::size_t kMaxErrorText = 2 * 1024;  // of it, in the completion

struct RunOptions {
  agents::Programs programs;
  // The worker's own variables that a backend may be handed (Launch::pass_through).
  std::map<std::string, std::string> environment;
  sandbox::Policy policy;
  // For an assignment that names none.
  Duration wall_limit = minutes(30);
  std::optional<Duration> idle_limit;
  std::int64_t max_output_bytes = 64 * 1024 * 1024;
};

static_assert(sandbox::kMaxSessionPiece <= wire::kMaxSessionPiece);

// Where a run's frames go. All text is masked; the session's bytes are not, because the agent has
// to read them again. run_ended is last, and the run is gone after it.
class RunSink {
 public:
  virtual ~RunSink() = default;
  virtual void run_stdout(const wire::RunKey& run, std::string_view text) = 0;
  virtual void run_stderr(const wire::RunKey& run, std::string_view text) = 0;
  virtual void run_event(const wire::RunKey& run, std::string_view type, std::string payload) = 0;
  virtual void run_progress(const wire::RunKey& run, wire::Progress progress) = 0;
  virtual void run_turn(const wire::RunKey& run, std::string turn) = 0;
  virtual void run_session(const wire::RunKey& run, const sandbox::SessionPiece& piece,
                           std::string_view session_id) = 0;
  virtual void run_ended(const wire::RunKey& run, wire::Complete complete) = 0;
};

class AgentRun final : public sandbox::RunListener {
 public:
  // `held_total` counts what all runs of the worker hold back.
  AgentRun(wire::RunKey key, RunSink& sink, const Clock& clock, std::size_t& held_total)
      : key_(std::move(key)), sink_(sink), clock_(clock), turns_(key_.attempt), held_(held_total) {}

  // A completion if it cannot even begin; then nothing else comes.
  std::optional<wire::Complete> start(sandbox::Sandbox& sandbox, const RunOptions& options,
                                      wire::Assign assign,
                                      std::vector<sandbox::SessionPiece> session, Instant kill_at);
  void renew_lease(Instant kill_at) { run_->renew_lease(kill_at); }
  void kill();
  // Pausing takes effect at once. After resume_reading() the driver calls go_on() in a turn of its
  // own, because what was held back comes out of it.
  void pause_reading();
  void resume_reading() { paused_ = false; }
  void go_on();

 private:
  void on_stdout(std::string_view bytes) override;
  void on_stderr(std::string_view bytes) override;
  void on_session(const sandbox::SessionPiece& piece) override;
  void on_exit(const sandbox::RunOutcome& outcome) override;

  bool must_hold() const { return paused_ || !held_.empty(); }
  void pause_if_full();
  void take(Held item);
  void send_turns();
  void end();
  void take_stdout(std::string_view masked);
  void take_stderr(std::string_view masked);
  void report(std::vector<agents::AgentItem>& items);
  void report(agents::AgentItem& item);
  std::optional<agents::ProgramFailure> failure_of(const sandbox::RunOutcome& outcome) const;
  std::string error_text(const sandbox::RunOutcome& outcome) const;

  const wire::RunKey key_;
  RunSink& sink_;
  const Clock& clock_;
  agents::OutputFormat format_ = agents::OutputFormat::kPlain;
  std::shared_ptr<const Redactor> redactor_;
  std::optional<StreamRedactor> stdout_mask_;
  std::optional<StreamRedactor> stderr_mask_;
  std::optional<agents::AgentStream> stream_;
  std::optional<agents::Final> final_;
  agents::TurnTracker turns_;
  std::deque<Turn> changed_turns_;  // that are not sent yet
  HeldOutput held_;
  bool holds_ = false;   // whether it may hold back at all
  bool paused_ = false;  // nothing may be sent for now
  bool pipe_paused_ = false;
  bool killed_ = false;
  std::optional<sandbox::RunOutcome> outcome_;  // once the program has ended
  std::string session_id_;
  std::string model_;
  std::string stderr_tail_;
  std::int64_t tool_calls_ = 0;
  std::unique_ptr<sandbox::Run> run_;
};

}  // namespace personas::worker_agent
