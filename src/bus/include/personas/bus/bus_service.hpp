// Does what the bus has put off: tries events again whose runs were refused, and ends windows.
//
// One alarm, set for the first thing that is due; nothing happens in between. What is due is asked
// of the store each time, so a restart, or another process that did it already, makes no
// difference. Strand: the executor it is given; due() alone may be called from any thread.
// Lifetime: until stop() has completed.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/alarm.hpp"
#include "personas/async/background.hpp"
#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/bus/bus.hpp"
#include "personas/store/store.hpp"

namespace personas::bus {

inline constexpr std::int64_t kEventsAtOnce = 50;  // of one transaction
inline constexpr Duration kFirstTroublePause = milliseconds(200);
inline constexpr Duration kLongestTroublePause = seconds(30);

class BusService {
 public:
  BusService(boost::asio::any_io_executor executor, store::Store& store, Clock& clock, Alarm& alarm,
             Bus& bus, std::function<void(const Error&)> on_trouble);
  ~BusService();
  BusService(const BusService&) = delete;
  BusService& operator=(const BusService&) = delete;

  // In the background until stop(); begins with what is due already.
  void run();
  Task<void> stop();

  // Something is to be done at that time.
  void due(Timestamp at);

  // Does what is due now; when the next thing is.
  Task<Result<std::optional<Timestamp>>> step();

 private:
  struct Shared;

  Task<void> loop();

  boost::asio::any_io_executor executor_;
  store::Store& store_;
  Clock& clock_;
  Alarm& alarm_;
  Bus& bus_;
  std::function<void(const Error&)> on_trouble_;
  Background background_;
  std::optional<Timestamp> next_;
  std::shared_ptr<Shared> shared_;  // outlives posts that come too late
};

}  // namespace personas::bus
