// Agents by script instead of programs, behind the port of the sandbox.
//
// What an attempt does follows from the seed and its name alone: it writes, thinks, asks, keeps a
// session, and ends in one of all ways. It is a process of its own under a supervisor of its own:
// it goes on while its worker stands still, and dies by its machine's clock when its lease ends, or
// with its worker.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "personas/sandbox/sandbox.hpp"

#include "machine.hpp"
#include "observer.hpp"

namespace personas::simulation {

// Faults that are planted into the simulation's own ports, to show that the observer sees them.
struct Plants {
  bool supervisor_sleeps = false;  // the lease kills nobody
  bool output_changes = false;     // one character on the way from the agent to the worker
  bool output_vanishes = false;    // a piece of it
  bool output_swaps = false;       // a piece of it comes after the next
  bool never_ends = false;         // agents that cannot be killed and never end
};

struct Script {
  struct Step {
    Duration pause{};
    std::string out;
    std::string err;
    std::string session;  // appended to its session's file
  };
  std::vector<Step> steps;
  enum class End : std::uint8_t { kExit, kSignal, kHang } end = End::kExit;
  int exit_code = 0;
  std::optional<sandbox::Ending> refused = {};  // it cannot even start
};

class Agents;

// The sandbox of one worker process.
std::unique_ptr<sandbox::Sandbox> make_sandbox(Agents& agents, std::string worker,
                                               std::shared_ptr<Process> process);

// All agents of all machines.
class Agents {
 public:
  class Agent;

  Agents(std::uint64_t seed, Observer& observer, Plants plants)
      : seed_(seed), observer_(observer), plants_(plants) {}
  ~Agents();

  std::shared_ptr<Agent> start(const std::string& worker, const std::shared_ptr<Process>& process,
                               sandbox::Launch launch, sandbox::RunListener& listener);
  // The worker's process is gone: its supervisors notice, and kill.
  void worker_died(const std::shared_ptr<Process>& process);
  void machine_died(const std::shared_ptr<Process>& process);
  void heal() { calm_ = true; }  // scripts that begin from now on end well

 private:
  friend class Agent;
  Script script_of(const sandbox::Launch& launch) const;
  void forget_dead();

  std::uint64_t seed_;
  Observer& observer_;
  Plants plants_;
  bool calm_ = false;
  std::vector<std::shared_ptr<Agent>> living_;
};

}  // namespace personas::simulation
