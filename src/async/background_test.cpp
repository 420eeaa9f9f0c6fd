#include "personas/async/background.hpp"

#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace personas {
namespace {

class Counter {
 public:
  explicit Counter(boost::asio::io_context& io) : background_(io.get_executor()) {}
  void run(Duration pause) { background_.run(loop(pause)); }
  void wake() { background_.wake(); }
  Task<void> stop() {
    co_await background_.stop();
    log_ += "stopped;";
  }
  const std::string& log() const { return log_; }

 private:
  Task<void> loop(Duration pause) {
    while (!background_.stopping()) {
      log_ += "round;";
      co_await background_.rest(pause);
    }
    co_await background_.rest(hours(1));
    log_ += "over;";
  }

  Background background_;
  std::string log_;
};

class BackgroundTest : public testing::Test {
 protected:
  void stop() { boost::asio::co_spawn(io_, counter_.stop(), boost::asio::detached); }
  std::string happened() {
    io_.restart();
    io_.run();
    return counter_.log();
  }

  boost::asio::io_context io_;
  Counter counter_{io_};
};

TEST_F(BackgroundTest, StopEndsTheRestAndWaitsForTheLoop) {
  counter_.run(Timer::kNever);
  stop();
  EXPECT_EQ(happened(), "round;over;stopped;");
}

TEST_F(BackgroundTest, WhatNeverRanIsStoppedAtOnce) {
  stop();
  EXPECT_EQ(happened(), "stopped;");
}

TEST_F(BackgroundTest, IsWokenFromARestWithoutAnEnd) {
  counter_.run(Timer::kNever);
  io_.poll();
  counter_.wake();
  io_.poll();
  EXPECT_EQ(counter_.log(), "round;round;");
  stop();
  EXPECT_EQ(happened(), "round;round;over;stopped;");
}

}  // namespace
}  // namespace personas
