#include "personas/async/timer.hpp"

#include <map>
#include <string>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace personas {
namespace {

// Time passes when the test says so.
class HandMovedTime final : public TimeSource {
 public:
  std::uint64_t start(Duration wait, std::move_only_function<void()> due) override {
    running_.emplace(++made_, std::pair(now_ + wait, std::move(due)));
    return made_;
  }
  void stop(std::uint64_t number) override { running_.erase(number); }
  void pass(Duration time) {
    now_ += time;
    for (auto it = running_.begin(); it != running_.end();) {
      if (it->second.first > now_) {
        ++it;
        continue;
      }
      auto due = std::move(it->second.second);
      it = running_.erase(it);
      due();
    }
  }

 private:
  Duration now_{};
  std::uint64_t made_ = 0;
  std::map<std::uint64_t, std::pair<Duration, std::move_only_function<void()>>> running_;
};

class TimerTest : public testing::Test {
 protected:
  void wait(Timer& timer, const std::string& name) {
    timer.async_wait([this, name](boost::system::error_code error) {
      log_ += name + (error ? " cancelled;" : " due;");
    });
  }
  std::string happened() {
    io_.restart();
    io_.run();
    return std::exchange(log_, {});
  }

  boost::asio::io_context io_;
  std::string log_;
};

TEST_F(TimerTest, WaitsForRealTimeUnlessToldOtherwise) {
  Timer timer(io_.get_executor());
  timer.expires_after(milliseconds(1));
  wait(timer, "a");
  EXPECT_EQ(happened(), "a due;");
  timer.expires_after(hours(1));
  wait(timer, "b");
  timer.cancel();
  EXPECT_EQ(happened(), "b cancelled;");
}

TEST_F(TimerTest, GoesByTheSourceOfItsContext) {
  HandMovedTime time;
  use_time_source(io_, time);
  Timer timer(io_.get_executor());
  wait(timer, "never");
  EXPECT_EQ(happened(), "");
  timer.expires_after(hours(1));
  wait(timer, "hour");
  EXPECT_EQ(happened(), "never cancelled;");
  time.pass(minutes(59));
  EXPECT_EQ(happened(), "");
  time.pass(minutes(1));
  EXPECT_EQ(happened(), "hour due;");
  wait(timer, "late");
  EXPECT_EQ(happened(), "late due;") << "its time has come already";
}

TEST_F(TimerTest, ANewTimeOrACancelEndsAWaitOfTheSource) {
  HandMovedTime time;
  use_time_source(io_, time);
  Timer timer(io_.get_executor(), hours(1));
  wait(timer, "a");
  timer.expires_after(Duration::zero());
  wait(timer, "b");
  EXPECT_EQ(happened(), "a cancelled;b due;");
  timer.expires_after(hours(1));
  wait(timer, "c");
  timer.cancel();
  time.pass(hours(2));
  EXPECT_EQ(happened(), "c cancelled;");
  {
    Timer gone(io_.get_executor(), hours(1));
    wait(gone, "d");
  }
  time.pass(hours(2));
  EXPECT_EQ(happened(), "d cancelled;");
}

}  // namespace
}  // namespace personas
