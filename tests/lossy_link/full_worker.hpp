// A worker process around the real WorkerSession: agents that write, supervisors that kill by
// their own clock, crashes, freezes (SIGSTOP), stops.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "personas/worker_agent/session.hpp"

#include "ledger.hpp"
#include "parts.hpp"

namespace personas::lossy_link {

// How a worker reaches the orchestrator: answers later, with nothing if that fails.
using DialUp = std::function<void(std::function<void(std::shared_ptr<Connection>)>)>;

inline constexpr std::size_t kMostExecutions = 9;  // of a schedule

class FullWorker {
 public:
  struct Options {
    std::string id;
    std::size_t slots = 1;
    bool sign = false;
    worker_agent::SpoolLimits spool;
    unsigned faulty_agents = 0;  // percent that end with an error of their own
  };
  FullWorker(Scheduler& scheduler, Random& random, Ledger& ledger, Options options, DialUp dial);

  void boot();                     // a new process, with a new instanceId
  void crash();                    // kill -9; the supervisors kill the agents at once
  void freeze(Duration how_long);  // SIGSTOP, SIGCONT
  void stop(Duration grace);
  bool up() const { return session_.has_value(); }
  const std::shared_ptr<Connection>& connection() const { return connection_; }
  std::string describe() const;

 private:
  struct Agent {
    int left = 0;  // frames it still writes
    int written = 0;
    bool paused = false;
    bool alive = true;
    Instant kill_at{};
  };
  using Agents = std::map<wire::RunKey, Agent>;

  void input(std::function<void()> call);
  void drain();
  void arm();
  void handle(worker_agent::Output& output);
  void dial();
  void attach(std::shared_ptr<Connection> connection);
  void detach();
  void start_agent(const worker_agent::StartRun& start);
  void agent_step(const wire::RunKey& run);
  void agent_writes(const wire::RunKey& run, Agent& agent);
  void supervise(const wire::RunKey& run);
  void die(const wire::RunKey& run, const std::string& status);
  void later(Duration delay, std::function<void()> event);

  Scheduler& scheduler_;
  Random& random_;
  Ledger& ledger_;
  Options options_;
  DialUp dial_up_;
  std::optional<worker_agent::WorkerSession> session_;
  std::shared_ptr<Connection> connection_;
  std::uint64_t process_ = 0;  // events of an earlier process are void
  Instant frozen_until_{};
  std::deque<std::function<void()>> while_frozen_;
  Instant timer_ = Instant::never();
  Agents agents_;
};

}  // namespace personas::lossy_link
