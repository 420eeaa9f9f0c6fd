// A computer of the simulation, with clocks of its own, and a process that runs on it.
//
// A machine's boot clock runs a little too fast or too slow, its wall clock is wrong by an offset
// and jumps. A process is one io_context whose handlers run when virtual time says so: it can be
// frozen (SIGSTOP) and ended (SIGKILL) between any two of them. All of it is one real thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "personas/async/alarm.hpp"
#include "personas/async/timer.hpp"
#include "personas/base/clock.hpp"

#include "virtual/scheduler.hpp"

namespace personas::simulation {

using virtual_world::between;
using virtual_world::chance;
using virtual_world::Scheduler;

using Event = std::move_only_function<void()>;

class Machine final : public Clock {
 public:
  // `drift`: millionths by which its clock runs too fast.
  Machine(Scheduler& scheduler, std::int64_t drift, Duration up_since)
      : scheduler_(scheduler), start_(scheduler.now()), drift_(drift), up_since_(up_since) {}

  Timestamp wall() const override { return kWallAtStart + passed() + wall_error_; }
  Instant now() const override { return Instant{up_since_.count()} + passed(); }
  void jump_wall(Duration by) { set_wall_error(wall_error_ + by); }
  void set_wall_right() { set_wall_error({}); }
  Duration wall_error() const { return wall_error_; }

  // Virtual time that passes while this machine's clock moves on by `local`; never too short.
  Duration outside(Duration local) const;
  // `event` happens on this machine after `local` of its own time.
  void after(Duration local, Event event) { scheduler_.after(outside(local), std::move(event)); }
  Scheduler& scheduler() const { return scheduler_; }
  // `told` is called whenever the wall clock is set, until forget().
  std::uint64_t on_clock_set(std::function<void()> told);
  void forget(std::uint64_t number) { told_.erase(number); }

 private:
  void set_wall_error(Duration error);

  static constexpr Timestamp kWallAtStart{1'800'000'000'000'000};
  Duration passed() const;

  Scheduler& scheduler_;
  Instant start_;
  std::int64_t drift_;
  Duration up_since_;
  Duration wall_error_{};
  std::map<std::uint64_t, std::function<void()>> told_;
  std::uint64_t tellings_ = 0;
};

class Process final : public TimeSource, public std::enable_shared_from_this<Process> {
 public:
  explicit Process(Machine& machine);
  ~Process() override { end(); }

  boost::asio::io_context& loop() { return loop_; }
  boost::asio::any_io_executor executor() { return loop_.get_executor(); }
  Machine& machine() { return machine_; }

  // Runs `event` and all that follows from it without time passing; after the thaw if it is frozen,
  // never if it has ended. Not from inside another process: that takes time.
  void run(Event event);
  // After `wait` of virtual time.
  void after(Duration wait, Event event) { this->wait(wait, std::move(event)); }
  void freeze() { frozen_ = true; }
  void thaw();
  bool frozen() const { return frozen_; }
  // What waits is destroyed, while what it refers to is still there.
  void end();
  void at_end(Event event) { at_end_.push_back(std::move(event)); }
  bool ended() const { return ended_; }

  // ---- TimeSource
  std::uint64_t start(Duration wait, Event due) override;
  void stop(std::uint64_t number) override { waiting_.erase(number); }

 private:
  struct Loop : boost::asio::io_context {
    Loop() : io_context(1) {}
    using execution_context::shutdown;
  };

  std::uint64_t wait(Duration wait, Event event);
  void due(std::uint64_t number);

  Machine& machine_;
  Loop loop_;
  bool frozen_ = false;
  bool ended_ = false;
  std::map<std::uint64_t, Event> waiting_;
  std::vector<std::uint64_t> backlog_;  // due, while it was frozen
  std::vector<Event> at_end_;
  std::uint64_t made_ = 0;
};

// The alarm of a process, as the kernel has it: by the wall clock, and told when that is set.
class VirtualAlarm final : public Alarm {
 public:
  explicit VirtualAlarm(Process& process);
  ~VirtualAlarm() override { process_.machine().forget(telling_); }
  void set(std::optional<Timestamp> at, std::function<void()> ring) override;

 private:
  void ring_after(Duration wait);

  Process& process_;
  std::uint64_t telling_;
  std::uint64_t number_ = 0;  // of what is set
  std::function<void()> ring_;
};

}  // namespace personas::simulation
