// One schedule: an orchestrator, some workers, a time of faults, then peace. All from one seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "full_worker.hpp"
#include "hub.hpp"
#include "ledger.hpp"
#include "parts.hpp"
#include "seed_worker.hpp"

namespace personas::lossy_link {

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();
  // Empty if every promise was kept and every execution ended.
  std::string run();
  const Ledger& ledger() const { return ledger_; }

 private:
  void make_workers();
  DialUp dial_up(bool orderly);
  void trouble();
  void one_fault();
  void heal();
  std::shared_ptr<Connection> some_connection();

  SeededRandom random_;
  Scheduler scheduler_;
  Ledger ledger_;
  Weather weather_;
  bool sign_ = false;
  bool frame_faults_ = false;
  bool peace_ = false;
  Instant net_down_until_{};
  Instant trouble_until_{};
  std::unique_ptr<Hub> hub_;
  std::vector<std::unique_ptr<FullWorker>> full_;
  std::vector<std::unique_ptr<SeedWorker>> seeds_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> over_;  // closed on both sides
  std::uint64_t executions_ = 0;
};

}  // namespace personas::lossy_link
