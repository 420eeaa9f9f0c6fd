// Fires what is due, of all tenants, and sleeps until the next moment.
//
// It keeps no schedule in memory: an index of the store is in order of due times, and the scheduler
// asks for its first entries. So a million schedules start as fast as one and cost no memory, and
// there is nothing that could disagree with the rows. When nothing is due it holds one alarm and
// does nothing. It looks again when the alarm rings, when the wall clock is set, and when it is
// told that a trigger has changed.
//
// A polling trigger's slot becomes a look (polling.hpp), of which the poller takes so many at once
// as it has room for; the others stay due, and are read when it has room again.
//
// Due triggers are read in a snapshot, planned, and fired in one transaction, each on condition
// that it still is what was read (firing.hpp). A crash leaves them due, or fired and due later.
//
// Lives on one executor. `changed()` may be called from any thread, all else there. Lifetime: until
// stop() has completed, and nobody calls changed() any more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/alarm.hpp"
#include "personas/async/background.hpp"
#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/store/store.hpp"
#include "personas/triggers/firing.hpp"
#include "personas/triggers/poller.hpp"
#include "personas/triggers/trigger_store.hpp"

namespace personas::triggers {

// Triggers, and slots of them, of one transaction: the writer serves others as well.
inline constexpr std::size_t kMaxBatch = 200;
inline constexpr std::size_t kMaxSlots = 500;
inline constexpr Duration kFirstPause = milliseconds(100);  // after an error
inline constexpr Duration kLongestPause = seconds(30);

struct SchedulerStats {
  std::uint64_t looks = 0;   // reads
  std::uint64_t writes = 0;  // transactions
  std::int64_t published = 0;
  std::int64_t skipped = 0;
  std::int64_t paused = 0;
};

class Scheduler {
 public:
  Scheduler(boost::asio::any_io_executor executor, store::Store& store, Clock& clock,
            Random& random, Alarm& alarm, FiringPorts ports, Poller& poller,
            std::function<void(const Error&)> on_trouble);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Before the first step of a process.
  Task<Result<void>> open();

  // One look at what is due, and the transaction that fires it. Returns when something is due next:
  // now or earlier, if there may be more; nullopt, if nothing is scheduled at all.
  Task<Result<std::optional<Timestamp>>> step();

  void run();
  void changed();
  // No new step; waits for the one under way.
  Task<void> stop();

  const SchedulerStats& stats() const { return stats_; }

 private:
  struct Seen;
  struct Batch;

  Result<Seen> look(store::Transaction& tx, Timestamp now, std::size_t room) const;
  Batch plan(std::vector<DueTrigger> due, Timestamp now);
  Result<FiredCounts> fire_all(store::Transaction& tx, const Batch& batch, Timestamp now,
                               std::vector<Look>& looks, AfterCommit& after) const;
  Task<Result<FiredCounts>> fire(std::shared_ptr<const Batch> batch, Timestamp now);
  Task<Result<void>> set_aside(const Batch& batch, Error error, Timestamp now);
  Task<void> loop();

  boost::asio::any_io_executor executor_;
  store::Store& store_;
  Clock& clock_;
  Random& random_;
  Alarm& alarm_;
  FiringPorts ports_;
  Poller& poller_;
  std::function<void(const Error&)> on_trouble_;
  SchedulerStats stats_;
  // Triggers of the next transaction: one, after a batch has failed, to find the one at fault.
  std::size_t batch_limit_ = kMaxBatch;
  std::atomic<bool> told_ = false;  // a look is asked for, and posted already
  bool look_again_ = false;
  Background background_;
};

}  // namespace personas::triggers
