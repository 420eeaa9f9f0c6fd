// A machine with a worker on it: the real worker, over the simulated client and sandbox. It is
// started again as another instance whenever its process has ended, until it departs.
#pragma once

#include <memory>
#include <string>

#include "personas/worker_agent/worker.hpp"

#include "agents.hpp"
#include "network.hpp"
#include "observer.hpp"

namespace personas::simulation {

class WorkerNode {
 public:
  struct Options {
    std::string name;
    std::size_t slots = 1;
    worker_agent::SpoolLimits spool;
    std::int64_t drift = 0;
  };

  WorkerNode(Scheduler& scheduler, Random& random, Network& network, Agents& agents,
             Observer& observer, Options options);
  ~WorkerNode();

  const std::string& name() const { return options_.name; }
  Machine& machine() { return machine_; }
  bool up() const { return worker_ != nullptr; }
  void boot();
  enum class Death : std::uint8_t { kKilled, kPowerCut };
  void die(Death death);
  // Its machine is switched off and taken away: nothing starts it again.
  void depart();
  bool departed() const { return departed_; }
  void freeze(Duration time);
  void thaw();
  // In good order; it is started again some time afterwards.
  void stop(Duration grace);
  void look();  // at what an outsider may see
  std::string describe() const;

 private:
  static Task<void> stopping(worker_agent::Worker& worker, Duration grace);
  void leave();

  Scheduler& scheduler_;
  Random& random_;
  Network& network_;
  Agents& agents_;
  Observer& observer_;
  Options options_;
  Machine machine_;
  std::uint64_t boots_ = 0;
  bool stopping_ = false;
  bool departed_ = false;
  std::shared_ptr<Process> process_;
  std::unique_ptr<net::Client> client_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<worker_agent::Worker> worker_;
};

}  // namespace personas::simulation
