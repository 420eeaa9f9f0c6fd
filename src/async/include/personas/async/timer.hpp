// A timer of one executor: as boost::asio::steady_timer, but a simulation may say what time is.
//
// On the machine's own time it is a steady_timer and nothing more. In an execution context that was
// given a TimeSource (use_time_source) all timers wait for that instead; nothing then waits for
// real time, and whoever owns the source knows what is due next.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "personas/base/time.hpp"

namespace personas {

// Port to a time that is not the machine's. Called on the thread that runs the context.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  // Calls `due` once when `wait` has passed, unless it is stopped before. The number is not zero.
  virtual std::uint64_t start(Duration wait, std::move_only_function<void()> due) = 0;
  virtual void stop(std::uint64_t number) = 0;
};

// For timers made in this context from now on; the source outlives them.
void use_time_source(boost::asio::execution_context& context, TimeSource& source);

class TimeOfContext;

class Timer {
 public:
  static constexpr Duration kNever = Duration::max();

  explicit Timer(const boost::asio::any_io_executor& executor, Duration wait = kNever);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Ends what waits, with operation_aborted; a wait that has not begun yet goes by the new time.
  void expires_after(Duration wait);
  void cancel();

  // Completes with (boost::system::error_code) as a steady_timer's does.
  template <class Token>
  auto async_wait(Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
        [this](auto handler) {
          if (real_) {
            real_->async_wait(std::move(handler));
          } else {
            wait(Handler(std::move(handler)));
          }
        },
        token);
  }

  const boost::asio::any_io_executor& get_executor() const { return executor_; }

 private:
  friend class TimeOfContext;
  using Handler = boost::asio::any_completion_handler<void(boost::system::error_code)>;

  void wait(Handler handler);
  void complete_all(boost::system::error_code error);

  boost::asio::any_io_executor executor_;
  std::optional<boost::asio::steady_timer> real_;
  // Used when there is no real one.
  TimeOfContext* context_ = nullptr;
  std::uint64_t number_ = 0;  // of the running one at the source
  bool is_due_ = false;
};

}  // namespace personas
