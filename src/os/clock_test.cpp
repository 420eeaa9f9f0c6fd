#include "personas/os/clock.hpp"

#include <ctime>

#include <gtest/gtest.h>

namespace personas::os {
namespace {

TEST(SystemClock, TellsTheTimeOfTheMachine) {
  SystemClock clock;
  std::int64_t seconds_now = std::time(nullptr);
  EXPECT_NEAR(static_cast<double>(clock.wall().micros / 1'000'000),
              static_cast<double>(seconds_now), 2.0);
}

TEST(SystemClock, MonotonicTimeDoesNotGoBack) {
  SystemClock clock;
  Instant last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    Instant next = clock.now();
    EXPECT_LE(last, next);
    last = next;
  }
}

}  // namespace
}  // namespace personas::os
