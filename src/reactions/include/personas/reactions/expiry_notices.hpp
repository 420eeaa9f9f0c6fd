// Says in the journal that credentials and tokens end soon, or have ended (vault/expiries.hpp).
//
// What is due is told and moved on to its next notice in one transaction: each once, wherever the
// process dies. With nothing due it holds one alarm, at the next notice, and does nothing. Lives on
// one executor; `changed()` may be called from any thread. Lifetime: until stop() has completed,
// and nobody calls changed() any more.
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/alarm.hpp"
#include "personas/async/background.hpp"
#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/store/store.hpp"

namespace personas::reactions {

class ExpiryNotices {
 public:
  static constexpr Duration kPauseAfterTrouble = seconds(30);

  ExpiryNotices(boost::asio::any_io_executor executor, store::Store& store, Clock& clock,
                Alarm& alarm, std::function<void(const Error&)> on_trouble)
      : executor_(executor),
        store_(store),
        clock_(clock),
        alarm_(alarm),
        on_trouble_(std::move(on_trouble)),
        background_(executor) {}

  // Tells what is due. Returns when something is due next: now or earlier, if there may be more.
  Task<Result<std::optional<Timestamp>>> step();

  void run() { background_.run(loop()); }
  // An end was learned, changed or forgotten.
  void changed();
  Task<void> stop();

 private:
  Task<void> loop();

  boost::asio::any_io_executor executor_;
  store::Store& store_;
  Clock& clock_;
  Alarm& alarm_;
  std::function<void(const Error&)> on_trouble_;
  std::atomic<bool> told_ = false;  // a look is asked for, and posted already
  bool look_again_ = false;
  Background background_;
};

}  // namespace personas::reactions
