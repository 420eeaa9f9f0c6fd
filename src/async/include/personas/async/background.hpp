// A loop that an object runs in the background, and its end: the object's stop() is this one's.
//
//   void Service::run() { background_.run(loop()); }
//   Task<void> Service::loop() {
//     while (!background_.stopping()) { …; co_await background_.rest(pause); }
//   }
//   Task<void> Service::stop() { co_await background_.stop(); }
//
// Lives on one executor; all methods are called there. Lifetime: until stop() has completed.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/alarm.hpp"
#include "personas/async/task.hpp"
#include "personas/async/timer.hpp"
#include "personas/base/time.hpp"

namespace personas {

class Background {
 public:
  explicit Background(const boost::asio::any_io_executor& executor);

  // Once. What the loop throws is thrown on, by the executor.
  void run(Task<void> loop);
  bool stopping() const { return stopping_; }

  // For the loop: waits so long, or until wake() or stop(); after stop() not at all.
  Task<void> rest(Duration time = Timer::kNever);
  // Until that moment of the wall clock, or earlier if the clock is set; else as above.
  Task<void> rest_until(Alarm& alarm, std::optional<Timestamp> moment);
  void wake() { timer_.cancel(); }

  // Ends the loop's rest, and waits until the loop has seen it and returned.
  Task<void> stop();

 private:
  Timer timer_;
  std::unique_ptr<Timer> ended_;  // cancelled when the loop is over
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace personas
