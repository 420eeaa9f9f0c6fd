#include "personas/reactions/expiry_notices.hpp"

#include <filesystem>
#include <stdlib.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"
#include "personas/vault/expiries.hpp"

namespace personas::reactions {
namespace {

using store::Transaction;

// Rings when the test says so.
class ManualAlarm final : public Alarm {
 public:
  void set(std::optional<Timestamp> at, std::function<void()> ring) override {
    at_ = at;
    ring_ = std::move(ring);
  }
  std::optional<Timestamp> at() const { return at_; }
  bool is_set() const { return static_cast<bool>(ring_); }
  void ring() { std::exchange(ring_, {})(); }

 private:
  std::optional<Timestamp> at_;
  std::function<void()> ring_;
};

class ExpiryNoticesTest : public testing::Test {
 protected:
  ExpiryNoticesTest() {
    std::string pattern = testing::TempDir() + "personas-notices-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    write([](Transaction& tx) { return store::migrate(tx, store::schema_migrations(), {1}); });
  }
  ~ExpiryNoticesTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class F>
  void write(F operation) {
    const auto done = store::write_now(*store_, std::move(operation));
    ASSERT_TRUE(done) << done.error().describe();
  }
  void keep(const std::string& id, Timestamp end) {
    write([&](Transaction& tx) {
      return vault::keep_expiry(
          tx, TenantId("ten_1"),
          {.kind = std::string(vault::kCredentialExpiry), .id = id, .name = id, .expires_at = end},
          clock_.wall());
    });
  }
  std::int64_t told() {
    static const store::Sql kCount(
        "SELECT COUNT(*) FROM journal WHERE type = 'credential.expiring'");
    std::int64_t count = 0;
    EXPECT_TRUE(store::read_now(*store_, [&](Transaction& tx) {
      return tx.query(kCount, {}, [&](const store::Row& row) -> Result<bool> {
        count = row.integer(0);
        return false;
      });
    }));
    return count;
  }
  void until(const std::function<bool()>& ready) {
    const auto guard = boost::asio::make_work_guard(context_);
    context_.restart();
    while (!ready()) context_.run_one();
  }

  std::filesystem::path folder_;
  boost::asio::io_context context_;
  ManualClock clock_;
  ManualAlarm alarm_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(ExpiryNoticesTest, HoldOneAlarmAtTheNextNoticeAndTellWhenItRings) {
  ExpiryNotices notices(context_.get_executor(), *store_, clock_, alarm_,
                        [](const Error& error) { ADD_FAILURE() << error.describe(); });
  notices.run();
  until([&] { return alarm_.is_set(); });
  EXPECT_EQ(alarm_.at(), std::nullopt) << "nothing ends";

  const Timestamp end = clock_.wall() + hours(10 * 24);
  keep("cred_1", end);
  notices.changed();
  notices.changed();
  until([&] { return alarm_.at().has_value(); });
  EXPECT_EQ(alarm_.at(), end - hours(7 * 24));
  context_.poll();
  EXPECT_EQ(told(), 0);

  for (const Duration before : {Duration(hours(24)), Duration(0)}) {
    clock_.advance(*alarm_.at() - clock_.wall());
    alarm_.ring();
    until([&] { return alarm_.is_set(); });
    EXPECT_EQ(alarm_.at(), end - before);
  }
  alarm_.ring();  // the clock was set, and it is not time yet
  until([&] { return alarm_.is_set(); });
  EXPECT_EQ(told(), 2);
  clock_.advance(end - clock_.wall());
  alarm_.ring();
  until([&] { return alarm_.is_set(); });
  EXPECT_EQ(told(), 3);
  EXPECT_EQ(alarm_.at(), std::nullopt) << "nothing is left to tell";

  bool stopped = false;
  boost::asio::co_spawn(context_, notices.stop(),
                        [&](const std::exception_ptr&) { stopped = true; });
  until([&] { return stopped; });
}

}  // namespace
}  // namespace personas::reactions
