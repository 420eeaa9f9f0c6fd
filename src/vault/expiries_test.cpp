#include "personas/vault/expiries.hpp"

#include <gtest/gtest.h>

#include "personas/model/journal_records.hpp"

#include "test_vault.hpp"

namespace personas::vault {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};
constexpr Duration kDay = hours(24);

TEST(Expiries, AreToldSevenDaysAndOneDayBeforeAndAtTheEnd) {
  const Timestamp end = kNow + 30 * kDay;
  EXPECT_EQ(next_notice(end, kNow), end - 7 * kDay);
  EXPECT_EQ(next_notice(end, end - 7 * kDay), end - kDay);
  EXPECT_EQ(next_notice(end, end - 2 * kDay), end - kDay);
  EXPECT_EQ(next_notice(end, end - kDay), end);
  EXPECT_EQ(next_notice(end, end), std::nullopt);
}

class ExpiriesTest : public VaultTest {
 protected:
  void keep(Timestamp end, Timestamp now, const std::string& id = "cred_1") {
    ASSERT_TRUE(write([&](store::Transaction& tx) {
      return keep_expiry(
          tx, default_tenant(),
          {.kind = std::string(kCredentialExpiry), .id = id, .name = "gitlab", .expires_at = end},
          now);
    }));
  }
  std::int64_t tell(Timestamp now) {
    return *write([&](store::Transaction& tx) { return tell_expiries(tx, now); });
  }
  std::optional<Timestamp> next() {
    return *store::read_now(*store_, [](store::Transaction& tx) { return next_expiry_notice(tx); });
  }
  std::vector<std::string> told() {
    static const store::Sql kAll("SELECT type FROM journal ORDER BY position");
    std::vector<std::string> types;
    EXPECT_TRUE(store::read_now(*store_, [&](store::Transaction& tx) {
      return tx.query(kAll, {}, [&](const store::Row& row) -> Result<bool> {
        types.emplace_back(row.text(0));
        return true;
      });
    }));
    return types;
  }
};

TEST_F(ExpiriesTest, EachNoticeIsToldOnce) {
  const Timestamp end = kNow + 10 * kDay;
  keep(end, kNow);
  int count = 0;
  for (Timestamp at = kNow; at <= end + 10 * kDay; at = at + hours(1)) {
    count += static_cast<int>(tell(at));
    EXPECT_EQ(tell(at), 0);
  }
  EXPECT_EQ(count, 3);
  EXPECT_EQ(told(), std::vector<std::string>(3, std::string(record::kCredentialExpiring)));
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(ExpiriesTest, AfterALongPauseTheLastNoticeAloneIsTold) {
  const Timestamp end = kNow + 10 * kDay;
  keep(end, kNow);
  EXPECT_EQ(tell(end - hours(1)), 1);
  EXPECT_EQ(next(), end);
  EXPECT_EQ(tell(end + 30 * kDay), 1);
  EXPECT_EQ(tell(end + 60 * kDay), 0);
}

TEST_F(ExpiriesTest, AClockThatGoesBackTellsNothingTwice) {
  const Timestamp end = kNow + 10 * kDay;
  keep(end, kNow);
  EXPECT_EQ(tell(end - 7 * kDay), 1);
  EXPECT_EQ(tell(kNow), 0);
  EXPECT_EQ(tell(end - 7 * kDay), 0);
  EXPECT_EQ(next(), end - kDay);
}

TEST_F(ExpiriesTest, ANewEndReplacesTheOldOneAndAForgottenOneIsSilent) {
  keep(kNow + 10 * kDay, kNow);
  keep(kNow + 20 * kDay, kNow);
  EXPECT_EQ(next(), kNow + 13 * kDay);
  ASSERT_TRUE(write([&](store::Transaction& tx) {
    return forget_expiry(tx, default_tenant(), kCredentialExpiry, "cred_1");
  }));
  EXPECT_EQ(next(), std::nullopt);
}

// A database of the last version that told nobody, brought to the present one.
TEST_F(ExpiriesTest, TokensOfAnOlderVersionAreToldOfToo) {
  auto opened =
      store_sqlite::open_sqlite({.path = folder_ / "older.db"}, [](const Error&) { std::abort(); });
  ASSERT_TRUE(opened);
  store_ = std::move(*opened);
  const auto migrated_to = [this](std::size_t count) {
    return *write([count](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations().first(count), {1});
    });
  };
  ASSERT_EQ(migrated_to(7), 7);
  static const store::Sql kTokens(
      "INSERT INTO provider_tokens (tenant_id, provider, stored_at, expires_at, expiry_assumed) "
      "VALUES ('ten_1', 'claude', 1, ?, 1), ('ten_1', 'codex', 1, NULL, 0)");
  const Timestamp end = kNow + 10 * kDay;
  ASSERT_TRUE(write([&](store::Transaction& tx) { return tx.execute(kTokens, {end}); }));
  migrated_to(store::schema_migrations().size());
  EXPECT_EQ(next(), end - 7 * kDay);
  EXPECT_EQ(tell(end), 1);
  EXPECT_EQ(next(), std::nullopt);
}

}  // namespace
}  // namespace personas::vault
