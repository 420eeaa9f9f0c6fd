#include "personas/os/wall_alarm.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "personas/os/clock.hpp"

namespace personas::os {
namespace {

class WallAlarmTest : public testing::Test {
 protected:
  // Runs until `ready`, for some seconds at most.
  bool run_until(const std::function<bool()>& ready) {
    const Instant end = clock_.now() + seconds(20);
    context_.restart();
    while (!ready() && clock_.now() < end) context_.run_one_for(milliseconds(100));
    return ready();
  }

  boost::asio::io_context context_;
  SystemClock clock_;
  std::unique_ptr<Alarm> alarm_ = *open_wall_alarm(context_.get_executor());
};

TEST_F(WallAlarmTest, RingsOnceNotBeforeTheMoment) {
  const Timestamp at = clock_.wall() + milliseconds(30);
  int rings = 0;
  alarm_->set(at, [&] { ++rings; });
  EXPECT_TRUE(run_until([&] { return rings > 0; }));
  EXPECT_GE(clock_.wall(), at);
  context_.restart();
  context_.poll();
  EXPECT_EQ(rings, 1);
}

TEST_F(WallAlarmTest, AMomentThatIsPastRingsAtOnce) {
  bool rang = false;
  alarm_->set(clock_.wall() - hours(1), [&] { rang = true; });
  EXPECT_TRUE(run_until([&] { return rang; }));
}

TEST_F(WallAlarmTest, OnlyWhatWasSetLastRings) {
  int first = 0;
  int second = 0;
  alarm_->set(clock_.wall() - hours(1), [&] { ++first; });
  alarm_->set(clock_.wall() + milliseconds(20), [&] { ++second; });
  EXPECT_TRUE(run_until([&] { return second > 0; }));
  EXPECT_EQ(first, 0);
}

TEST_F(WallAlarmTest, WithoutAMomentOrARingNothingHappens) {
  int rings = 0;
  alarm_->set(std::nullopt, [&] { ++rings; });
  context_.restart();
  context_.run_for(milliseconds(50));
  alarm_->set(clock_.wall() - hours(1), {});
  context_.restart();
  context_.run_for(milliseconds(50));
  alarm_->set(clock_.wall() - hours(1), [&] { ++rings; });
  alarm_->set(std::nullopt, {});
  context_.restart();
  context_.run_for(milliseconds(50));
  EXPECT_EQ(rings, 0);
}

}  // namespace
}  // namespace personas::os
