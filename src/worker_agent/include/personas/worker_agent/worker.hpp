// A whole worker: dials the orchestrator, runs agents in the sandbox, reports.
//
// The driver of WorkerSession: it owns the connection, one timer and the runs, and moves what comes
// out of one into another. Everything happens on one executor (one thread), which is also the
// sandbox's and the client's. Await stop() before destroying it.
//
// What leaves the worker is masked here first: the values of all secrets of a run, as they are and
// as they stand inside JSON, become "[redacted:NAME]" in output, events and progress.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/agents/backends.hpp"
#include "personas/async/task.hpp"
#include "personas/async/timer.hpp"
#include "personas/base/clock.hpp"
#include "personas/net/client.hpp"
#include "personas/sandbox/sandbox.hpp"
#include "personas/worker_agent/agent_run.hpp"
#include "personas/worker_agent/session.hpp"

namespace personas::worker_agent {

struct WorkerRuntimeOptions {
  // Who we are. `capabilities` are those beside `protocols` and the backends', which are added.
  WorkerOptions session;
  std::string url;                    // ws:// or wss://
  std::vector<std::string> backends;  // names of those that can run here
  RunOptions run;
  // What happened, for the log: event name and detail; neither holds a secret.
  std::function<void(std::string_view event, std::string_view detail)> notice;
};

class Worker final : public RunSink {
 public:
  Worker(boost::asio::any_io_executor executor, net::Client& client, sandbox::Sandbox& sandbox,
         const Clock& clock, Random& random, WorkerRuntimeOptions options);
  ~Worker() override;

  void start();
  // Takes no more work, lets runs end until `grace` is over, kills the rest, and completes when
  // every tree is gone and the connection is closed (or was given up).
  Task<void> stop(Duration grace);

  bool is_accepted() const { return session_.connected_and_accepted(); }
  std::size_t live_runs() const { return runs_.size(); }
  std::size_t spooled_bytes() const { return session_.spooled_bytes(); }
  const SessionCounters& counters() const { return session_.counters(); }

 private:
  class Link;

  void run_stdout(const wire::RunKey& run, std::string_view text) override;
  void run_stderr(const wire::RunKey& run, std::string_view text) override;
  void run_event(const wire::RunKey& run, std::string_view type, std::string payload) override;
  void run_progress(const wire::RunKey& run, wire::Progress progress) override;
  void run_turn(const wire::RunKey& run, std::string turn) override;
  void run_session(const wire::RunKey& run, const sandbox::SessionPiece& piece,
                   std::string_view session_id) override;
  void run_ended(const wire::RunKey& run, wire::Complete complete) override;

  // Carries out what the session wants, until it wants nothing more.
  void drive();
  void carry_out(Output output);
  void start_run(StartRun& order);
  void resume(const wire::RunKey& key);
  void dial();
  Task<void> connect(std::shared_ptr<Link> link);
  void dialled(const std::shared_ptr<Link>& link,
               Result<std::shared_ptr<net::WebSocket>> connected);
  void received(std::string_view text);
  void lost(net::CloseCode code, std::string_view reason);
  void drop_link();
  void arm_timer();
  void note(std::string_view event, std::string_view detail);
  AgentRun* find(const wire::RunKey& key);

  boost::asio::any_io_executor executor_;
  net::Client& client_;
  sandbox::Sandbox& sandbox_;
  const Clock& clock_;
  WorkerRuntimeOptions options_;
  Secret token_;
  WorkerSession session_;
  Timer timer_;
  Timer ended_;                 // never fires; cancelled when stop() may look again
  std::size_t held_total_ = 0;  // bytes that runs hold back
  std::map<wire::RunKey, std::shared_ptr<AgentRun>> runs_;
  std::shared_ptr<Link> link_;
  bool dialling_ = false;
  bool driving_ = false;
  bool stopped_ = false;
};

}  // namespace personas::worker_agent
