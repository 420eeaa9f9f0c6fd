// One simulated installation, its users and its bad luck, from one seed.
//
// An orchestrator, some workers, users; a time of faults; then everything is healed, and all that
// was asked for has to come to its end in bounded virtual time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents.hpp"
#include "network.hpp"
#include "observer.hpp"
#include "orchestrator.hpp"
#include "users.hpp"
#include "worker_node.hpp"

namespace personas::simulation {

// What is planted to see that the observer sees it; `agents` are the faults of that port.
struct WorldPlants {
  Plants agents;
  bool disk_lies = false;         // a sync does nothing
  bool limits_lie = false;        // the observer expects lower limits than were set
  bool row_changes = false;       // a status is changed behind the journal's back
  bool record_vanishes = false;   // one record is taken out of the journal
  bool stale_frame = false;       // output of an attempt that is over
  bool meter_slips = false;       // one execution more is metered
  bool position_falls = false;    // a record appears before the others
  bool execution_lost = false;    // an execution goes, with all that the journal says of it
  bool run_forgotten = false;     // what an event led to does not say so
  bool run_doubled = false;       // other runs say that an event led to them
  bool event_repeated = false;    // the events of a stream all have the first one's number
  bool slot_skipped = false;      // slots are not where the schedule has them
  bool net_stays_down = false;    // nothing heals
  bool address_in_trace = false;  // something that differs from run to run
};

class World {
 public:
  explicit World(std::uint64_t seed, WorldPlants plants = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Empty if every promise was kept and everything ended.
  std::string run();
  Observer& observer() { return observer_; }
  std::uint64_t steps() const { return steps_; }
  Duration virtual_time() const { return scheduler_.now() - began_; }

 private:
  enum class Power : std::uint8_t { kOn, kCut };

  void make_workers();
  std::vector<Users::Persona> personas();
  bool run_until(const std::function<bool()>& done, Duration most);
  bool step(Instant end);
  void boot();
  void end_orchestrator(Power power, Duration down);
  void stop_orchestrator();
  void replace_orchestrator();
  void let_old_one_speak(std::shared_ptr<Orchestrator> old);
  bool departs(WorkerNode& worker);
  void check_departed();
  void trouble();
  void one_fault();
  void fault_of_orchestrator();
  void fault_of_worker(WorkerNode& worker);
  void fault_of_network(const std::string& worker);
  void fault_of_clock();
  void fault_of_disk();
  void swizzle();
  void heal();
  void plant();
  bool all_over();
  std::string stuck();
  WorkerNode& some_worker() { return *workers_[random_.below(workers_.size())]; }

  WorldPlants plants_;
  SeededRandom random_;
  Scheduler scheduler_;
  Instant began_;
  Observer observer_;
  Network network_;
  Agents agents_;
  Machine machine_;  // the orchestrator's
  Disk disk_;
  OrchestratorOptions options_;
  std::unique_ptr<Orchestrator> orchestrator_;
  std::vector<std::shared_ptr<Orchestrator>> replaced_;  // that do not know it
  std::uint64_t generation_ = 0;                         // of the orchestrator's process
  bool stopping_ = false;
  Power next_end_ = Power::kOn;  // of an end that the disk was told to make
  std::vector<std::unique_ptr<WorkerNode>> workers_;
  Users users_;
  bool peace_ = false;
  Instant peace_since_{};
  bool planted_ = false;
  std::uint64_t steps_ = 0;
};

}  // namespace personas::simulation
