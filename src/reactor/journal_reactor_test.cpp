#include "personas/reactor/journal_reactor.hpp"

#include <filesystem>
#include <map>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/reactor/watches.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::reactor {
namespace {

using store::JournalPosition;
using store::Transaction;
using testing::ElementsAre;

constexpr std::string_view kWanted = "execution.status";
constexpr std::string_view kOther = "execution.output";

// Forwards to a real store, and "crashes" at one operation: before it, or after it has happened.
class CrashingStore final : public store::Store {
 public:
  enum class When : std::uint8_t { kBefore, kAfter };
  explicit CrashingStore(store::Store& real) : real_(real) {}

  void crash_at(int operation, When when) {
    crash_at_ = operation;
    when_ = when;
    count_ = 0;
  }
  bool crashed() const { return crash_at_ >= 0 && count_ > crash_at_; }

  void submit_write(store::Operation operation, boost::asio::any_io_executor executor,
                    store::Completion done) override {
    forward(&store::Store::submit_write, std::move(operation), executor, std::move(done));
  }
  void submit_read(store::Operation operation, boost::asio::any_io_executor executor,
                   store::Completion done) override {
    forward(&store::Store::submit_read, std::move(operation), executor, std::move(done));
  }
  void on_journal(std::function<void(JournalPosition)> listener) override {
    real_.on_journal(std::move(listener));
  }
  JournalPosition last_position() const override { return real_.last_position(); }
  store::StoreStats stats() const override { return real_.stats(); }
  std::string_view engine() const override { return real_.engine(); }

 private:
  using Submit = void (store::Store::*)(store::Operation, boost::asio::any_io_executor,
                                        store::Completion);
  void forward(Submit submit, store::Operation operation, boost::asio::any_io_executor executor,
               store::Completion done) {
    const bool now = count_++ == crash_at_;
    if (now && when_ == When::kBefore) {
      operation = [](Transaction&) { return fail(ErrorCode::kUnavailable, "crashed before"); };
    } else if (now) {
      done = [done = std::move(done)](Result<void>) mutable {
        done(fail(ErrorCode::kUnavailable, "crashed after"));
      };
    }
    (real_.*submit)(std::move(operation), std::move(executor), std::move(done));
  }

  store::Store& real_;
  int crash_at_ = -1;
  int count_ = 0;
  When when_ = When::kBefore;
};

// Counts in a table how often it reacted to each record.
class Counting final : public Handler {
 public:
  std::string_view name() const override { return "counting"; }
  std::vector<std::string_view> types() const override { return {kWanted}; }
  Result<Reaction> look(Transaction&, const store::JournalRecord& record) override {
    ++looks;
    if (record.data().contains("ignored")) return Reaction();
    if (record.data().contains("unreadable")) return fail(ErrorCode::kCorrupt, "unreadable");
    const bool poison = record.data().contains("poison");
    return Reaction([this, position = record.position, poison](Transaction& tx,
                                                               AfterCommit& after) -> Result<void> {
      static const store::Sql kCount(
          "INSERT INTO seen (position, n) VALUES (?, 1) ON CONFLICT (position) DO UPDATE SET n = n "
          "+ 1");
      TRY_VOID(tx.execute(kCount, {position.value}));
      if (poison) return fail(ErrorCode::kInternal, "poisoned");
      after.push_back([this] { ++told; });
      return {};
    });
  }

  int looks = 0;
  int told = 0;
};

class JournalReactorTest : public testing::Test {
 protected:
  JournalReactorTest() {
    std::string pattern = testing::TempDir() + "personas-reactor-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    store_->on_journal([this](JournalPosition position) { feed_.advance(position); });
    write([](Transaction& tx) -> Result<void> {
      TRY_VOID(store::migrate(tx, store::schema_migrations(), Timestamp{1}));
      return tx.define(
          "CREATE TABLE seen (position int64 NOT NULL, n int64 NOT NULL, PRIMARY KEY (position))");
    });
  }
  ~JournalReactorTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class F>
  void write(F operation) {
    const auto done = store::write_now(*store_, std::move(operation));
    ASSERT_TRUE(done) << done.error().describe();
  }
  void append(std::string_view type, const std::string& data, int times = 1) {
    write([&](Transaction& tx) -> Result<void> {
      for (int i = 0; i < times; ++i) {
        TRY_VOID(tx.append(
            {.tenant = default_tenant(), .at = Timestamp{1}, .type = type, .data = data}));
      }
      return {};
    });
  }
  // Position → how often it was reacted to.
  std::map<std::int64_t, std::int64_t> seen() {
    static const store::Sql kSeen("SELECT position, n FROM seen ORDER BY position");
    std::map<std::int64_t, std::int64_t> all;
    const auto read = store::read_now(*store_, [&](Transaction& tx) -> Result<std::int64_t> {
      return tx.query(kSeen, {}, [&](const store::Row& row) -> Result<bool> {
        all[row.integer(0)] = row.integer(1);
        return true;
      });
    });
    EXPECT_TRUE(read);
    return all;
  }
  std::int64_t durable() {
    static const store::Sql kPosition("SELECT position FROM journal_offsets");
    std::int64_t position = -1;
    EXPECT_TRUE(store::read_now(*store_, [&](Transaction& tx) -> Result<std::int64_t> {
      return tx.query(kPosition, {}, [&](const store::Row& row) -> Result<bool> {
        position = row.integer(0);
        return true;
      });
    }));
    return position;
  }

  JournalReactor make(store::Store& store) {
    return {context_.get_executor(), store, feed_, handler_,
            [this](const Trouble& trouble) { troubles_.push_back(trouble); }};
  }
  template <class T>
  T finish(Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(context_, std::move(task),
                          [&result](const std::exception_ptr& failure, T value) {
                            EXPECT_EQ(failure, nullptr);
                            result = std::move(value);
                          });
    context_.restart();
    const auto guard = boost::asio::make_work_guard(context_);
    while (!result) context_.run_one();
    return std::move(*result);
  }
  // Until there is nothing more to do; false at the first error.
  bool drain(JournalReactor& reactor) {
    for (;;) {
      const auto progress = finish(reactor.step());
      if (!progress) return false;
      if (*progress == JournalReactor::Progress::kIdle) return true;
    }
  }
  void open(JournalReactor& reactor) { ASSERT_TRUE(finish(reactor.open())); }

  boost::asio::io_context context_;
  std::filesystem::path folder_;
  store::JournalFeed feed_;
  std::unique_ptr<store::Store> store_;
  Counting handler_;
  std::vector<Trouble> troubles_;
};

TEST_F(JournalReactorTest, ANewHandlerBeginsAtTheEndAndReactsToWhatComesAfter) {
  append(kWanted, "{}");
  auto reactor = make(*store_);
  open(reactor);
  ASSERT_TRUE(drain(reactor));
  EXPECT_TRUE(seen().empty());
  append(kOther, "{}");
  append(kWanted, "{}");
  ASSERT_TRUE(drain(reactor));
  EXPECT_EQ(seen(), (std::map<std::int64_t, std::int64_t>{{3, 1}}));
  EXPECT_EQ(handler_.told, 1);
  EXPECT_EQ(durable(), 3);
}

TEST_F(JournalReactorTest, TenThousandRecordsEachHaveTheirReactionOnce) {
  auto reactor = make(*store_);
  open(reactor);
  for (int i = 0; i < 100; ++i) {
    append(kOther, "{}", 50);
    append(kWanted, "{}", 25);
    append(kWanted, R"({"ignored":1})", 25);
  }
  ASSERT_TRUE(drain(reactor));
  const auto all = seen();
  EXPECT_EQ(all.size(), 2'500U);
  for (const auto& [position, times] : all) EXPECT_EQ(times, 1) << position;
  EXPECT_EQ(handler_.told, 2'500);
  EXPECT_EQ(reactor.stats().writes, 2'500 / kMaxReactions);
}

TEST_F(JournalReactorTest, WhatConcernsNobodyCostsNoWriteUntilTheLagIsReached) {
  auto reactor = make(*store_);
  open(reactor);
  append(kWanted, R"({"ignored":1})", 900);
  append(kOther, "{}", static_cast<int>(kMaxLag) - 1'000);
  ASSERT_TRUE(drain(reactor));
  EXPECT_EQ(reactor.stats().writes, 0U);
  EXPECT_EQ(durable(), 0);
  append(kOther, "{}", 200);
  ASSERT_TRUE(drain(reactor));
  EXPECT_EQ(reactor.stats().writes, 1U);
  EXPECT_EQ(durable(), kMaxLag + 100);
}

TEST_F(JournalReactorTest, ACrashBeforeOrAfterAnyOperationLosesAndRepeatsNothing) {
  for (const auto when : {CrashingStore::When::kBefore, CrashingStore::When::kAfter}) {
    for (int operation = 0;; ++operation) {
      SCOPED_TRACE(fmt::format("crash {} operation {}",
                               when == CrashingStore::When::kBefore ? "before" : "after",
                               operation));
      write([](Transaction& tx) -> Result<void> {
        static const store::Sql kForget("DELETE FROM seen");
        TRY_VOID(tx.execute(kForget, {}));
        return {};
      });
      {
        auto before = make(*store_);
        open(before);
        ASSERT_TRUE(drain(before));
      }
      const auto first = store_->last_position().value + 1;
      append(kWanted, "{}", static_cast<int>(kMaxReactions) + 10);
      append(kOther, "{}", 5);
      append(kWanted, "{}", 3);

      CrashingStore crashing(*store_);
      crashing.crash_at(operation, when);
      {
        auto dying = make(crashing);
        if (finish(dying.open())) drain(dying);
      }
      auto next = make(*store_);
      open(next);
      ASSERT_TRUE(drain(next));
      const auto all = seen();
      EXPECT_EQ(all.size(), kMaxReactions + 13);
      EXPECT_EQ(all.begin()->first, first);
      for (const auto& [position, times] : all) EXPECT_EQ(times, 1) << position;
      if (!crashing.crashed()) break;  // it had fewer operations than that
    }
  }
}

TEST_F(JournalReactorTest, TheSameReactorGoesOnAfterACommitWhoseOutcomeItNeverLearned) {
  auto reactor_store = CrashingStore(*store_);
  auto reactor = make(reactor_store);
  open(reactor);
  append(kWanted, "{}", 3);
  reactor_store.crash_at(1, CrashingStore::When::kAfter);  // the write of the step
  EXPECT_FALSE(finish(reactor.step()));
  EXPECT_FALSE(finish(reactor.step()));  // finds that the position has moved
  ASSERT_TRUE(drain(reactor));
  append(kWanted, "{}");
  ASSERT_TRUE(drain(reactor));
  EXPECT_EQ(seen(), (std::map<std::int64_t, std::int64_t>{{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
}

TEST_F(JournalReactorTest, OneThatAlwaysFailsIsSetAsideAndStopsNoOther) {
  auto reactor = make(*store_);
  open(reactor);
  append(kWanted, "{}");
  append(kWanted, R"({"poison":1})");
  append(kWanted, R"({"unreadable":1})");
  append(kWanted, "{}");
  int failed = 0;
  while (!drain(reactor)) ASSERT_LT(++failed, 100);
  EXPECT_EQ(failed, 2 * (kMaxTries - 1));
  EXPECT_EQ(seen(), (std::map<std::int64_t, std::int64_t>{{1, 1}, {4, 1}}));
  EXPECT_EQ(handler_.told, 2);
  ASSERT_EQ(troubles_.size(), 2U);
  EXPECT_EQ(troubles_[0].position.value, 2);
  EXPECT_EQ(troubles_[1].error.message, "unreadable");
  EXPECT_EQ(troubles_[1].then, Trouble::Then::kSetAside);
}

TEST_F(JournalReactorTest, RunsInTheBackgroundUntilItIsStopped) {
  auto reactor = make(*store_);
  open(reactor);
  reactor.run();
  const auto guard = boost::asio::make_work_guard(context_);
  context_.restart();
  for (int i = 1; i <= 3; ++i) {
    append(kWanted, "{}");
    while (handler_.told < i) context_.run_one();
  }
  feed_.close();
  bool stopped = false;
  boost::asio::co_spawn(context_, reactor.stop(),
                        [&stopped](const std::exception_ptr&) { stopped = true; });
  while (!stopped) context_.run_one();
  EXPECT_EQ(seen().size(), 3U);
  EXPECT_TRUE(troubles_.empty());
}

}  // namespace
}  // namespace personas::reactor
