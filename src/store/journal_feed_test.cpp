#include "personas/store/journal_feed.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace personas::store {
namespace {

using Wake = JournalFeed::Wake;

class JournalFeedTest : public testing::Test {
 protected:
  // Starts a wait; the outcome appears once the context ran.
  std::shared_ptr<std::optional<Wake>> wait(std::int64_t beyond, Duration timeout = hours(1)) {
    auto outcome = std::make_shared<std::optional<Wake>>();
    boost::asio::co_spawn(context_, feed_.wait_beyond({beyond}, timeout),
                          [outcome](const std::exception_ptr&, Wake wake) { *outcome = wake; });
    poll();
    return outcome;
  }
  void poll() {
    context_.restart();
    context_.poll();
  }

  boost::asio::io_context context_;
  JournalFeed feed_;
};

TEST_F(JournalFeedTest, WakesThoseWhoWaitForLess) {
  const auto first = wait(4);
  const auto second = wait(5);
  EXPECT_FALSE(first->has_value());
  feed_.advance({5});
  poll();
  EXPECT_EQ(*first, Wake::kAdvanced);
  EXPECT_FALSE(second->has_value());
  feed_.advance({6});
  poll();
  EXPECT_EQ(*second, Wake::kAdvanced);
}

TEST_F(JournalFeedTest, AnswersAtOnceWhatIsAlreadyThere) {
  feed_.advance({9});
  EXPECT_EQ(*wait(8), Wake::kAdvanced);
  EXPECT_EQ(feed_.last().value, 9);
}

TEST_F(JournalFeedTest, NeverGoesBack) {
  feed_.advance({9});
  feed_.advance({3});
  EXPECT_EQ(feed_.last().value, 9);
}

TEST_F(JournalFeedTest, TimesOut) {
  const auto outcome = wait(0, milliseconds(1));
  context_.restart();
  context_.run();
  EXPECT_EQ(*outcome, Wake::kTimeout);
}

TEST_F(JournalFeedTest, CloseWakesEveryoneForGood) {
  const auto waiting = wait(0);
  feed_.close();
  poll();
  EXPECT_EQ(*waiting, Wake::kClosed);
  EXPECT_EQ(*wait(0), Wake::kClosed);
}

TEST(JournalFeed, OutlivesAWaiterThatIsDestroyed) {
  JournalFeed feed;
  {
    boost::asio::io_context context;
    boost::asio::co_spawn(context, feed.wait_beyond({0}, hours(1)),
                          [](const std::exception_ptr&, Wake) {});
    context.poll();
  }
  feed.advance({1});  // would post to the dead context if the waiter were still listed
  EXPECT_EQ(feed.last().value, 1);
}

// Followers and a writer in lockstep: the writer goes on when every follower has seen the position
// before, so that each single wake-up is needed and a lost one shows as a timeout.
struct Lockstep {
  static constexpr std::int64_t kRounds = 2'000;
  static constexpr std::size_t kThreads = 3;
  static constexpr std::int64_t kFollowers = 12;

  JournalFeed feed;
  std::atomic<std::int64_t> seen = 0;  // by all followers together
  std::atomic<int> lost = 0;

  Task<void> follow() {
    for (JournalPosition at; at.value < kRounds; ++at.value) {
      if (co_await feed.wait_beyond(at, seconds(20)) != Wake::kAdvanced) {
        ++lost;
        seen = kRounds * kFollowers;
        seen.notify_all();
        co_return;
      }
      ++seen;
      seen.notify_all();
    }
  }
  void write() {
    for (std::int64_t round = 1; round <= kRounds && lost == 0; ++round) {
      feed.advance({round});
      for (auto now = seen.load(); now < round * kFollowers; now = seen.load()) seen.wait(now);
    }
    feed.close();
  }
};

TEST(JournalFeed, LosesNoWakeUpBetweenThreads) {
  Lockstep lockstep;
  boost::asio::io_context contexts[Lockstep::kThreads];
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < Lockstep::kFollowers; ++i) {
    boost::asio::co_spawn(contexts[static_cast<std::size_t>(i) % Lockstep::kThreads],
                          lockstep.follow(), boost::asio::detached);
  }
  for (auto& context : contexts) threads.emplace_back([&context] { context.run(); });
  lockstep.write();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lockstep.lost, 0);
  EXPECT_EQ(lockstep.seen, Lockstep::kRounds * Lockstep::kFollowers);
}

}  // namespace
}  // namespace personas::store
