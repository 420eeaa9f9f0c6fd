#include "personas/os/clock.hpp"

#include <ctime>

namespace personas::os {
namespace {

std::int64_t micros_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

Timestamp SystemClock::wall() const {
  return {micros_of(CLOCK_REALTIME)};
}
Instant SystemClock::now() const {
  return {micros_of(CLOCK_BOOTTIME)};
}

}  // namespace personas::os
