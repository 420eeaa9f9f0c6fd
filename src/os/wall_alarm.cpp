#include "personas/os/wall_alarm.hpp"

#include <algorithm>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "fd.hpp"

namespace personas::os {
namespace {

// A clock far from any schedule: with no moment set only a set clock ends the timer.
constexpr Timestamp kNever{INT64_MAX / 2};

class WallAlarm final : public Alarm {
 public:
  WallAlarm(const boost::asio::any_io_executor& executor, Fd timer)
      : descriptor_(executor, timer.release()) {}

  void set(std::optional<Timestamp> at, std::function<void()> ring) override {
    const std::uint64_t number = ++number_;
    descriptor_.cancel();
    arm(ring ? at.value_or(kNever) : Timestamp{0});
    if (!ring) return;
    descriptor_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [this, number, ring = std::move(ring)](const boost::system::error_code& error) {
          if (error || number != number_) return;
          std::uint64_t expirations = 0;
          // Fails with ECANCELED when the clock has been set, which is news of the same kind.
          if (::read(descriptor_.native_handle(), &expirations, sizeof expirations) < 0 &&
              errno == EAGAIN) {
            return;
          }
          ring();
        });
  }

 private:
  // 0 disarms; a moment that is past rings at once.
  void arm(Timestamp at) {
    itimerspec spec{};
    spec.it_value.tv_sec = at.micros / 1'000'000;
    spec.it_value.tv_nsec = at.micros % 1'000'000 * 1000;
    ::timerfd_settime(descriptor_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
                      &spec, nullptr);
  }

  boost::asio::posix::stream_descriptor descriptor_;
  std::uint64_t number_ = 0;
};

}  // namespace

Result<std::unique_ptr<Alarm>> open_wall_alarm(const boost::asio::any_io_executor& executor) {
  Fd timer(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer) return fail_errno(errno, "cannot make a timer");
  return std::make_unique<WallAlarm>(executor, std::move(timer));
}

}  // namespace personas::os
