// One attempt at the worker: from the assignment to a launch, from the agent's output to frames,
// from its end to the completion. Lives from StartRun until its run_ended(); one executor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/backends.hpp"
#include "personas/agents/stream.hpp"
#include "personas/base/redactor.hpp"
#include "personas/base/time.hpp"
#include "personas/model/failure.hpp"
#include "personas/sandbox/sandbox.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"

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

// Where a run's frames go. All text is masked; run_ended is last, and the run is gone after it.
class RunSink {
 public:
  virtual ~RunSink() = default;
  virtual void run_stdout(const wire::RunKey& run, std::string_view text) = 0;
  virtual void run_stderr(const wire::RunKey& run, std::string_view text) = 0;
  virtual void run_event(const wire::RunKey& run, std::string_view type, std::string payload) = 0;
  virtual void run_progress(const wire::RunKey& run, wire::Progress progress) = 0;
  virtual void run_ended(const wire::RunKey& run, wire::Complete complete) = 0;
};

class AgentRun final : public sandbox::RunListener {
 public:
  AgentRun(wire::RunKey key, RunSink& sink) : key_(std::move(key)), sink_(sink) {}

  // A completion if it cannot even begin; then nothing else comes.
  std::optional<wire::Complete> start(sandbox::Sandbox& sandbox, const RunOptions& options,
                                      wire::Assign assign, Instant kill_at);
  void renew_lease(Instant kill_at) { run_->renew_lease(kill_at); }
  void kill() { run_->kill(); }
  void pause_reading() { run_->pause_reading(); }
  void resume_reading() { run_->resume_reading(); }

 private:
  void on_stdout(std::string_view bytes) override;
  void on_stderr(std::string_view bytes) override;
  void on_exit(const sandbox::RunOutcome& outcome) override;

  void take_stdout(std::string_view masked);
  void take_stderr(std::string_view masked);
  void report(std::vector<agents::AgentItem>& items);
  void report(agents::AgentItem& item);
  std::optional<FailureReason> reason_of(const sandbox::RunOutcome& outcome) const;
  std::string error_text(const sandbox::RunOutcome& outcome) const;

  const wire::RunKey key_;
  RunSink& sink_;
  agents::OutputFormat format_ = agents::OutputFormat::kPlain;
  std::shared_ptr<const Redactor> redactor_;
  std::optional<StreamRedactor> stdout_mask_;
  std::optional<StreamRedactor> stderr_mask_;
  std::optional<agents::AgentStream> stream_;
  std::optional<agents::Final> final_;
  std::string session_id_;
  std::string stderr_tail_;
  std::int64_t tool_calls_ = 0;
  std::unique_ptr<sandbox::Run> run_;
};

}  // namespace personas::worker_agent
