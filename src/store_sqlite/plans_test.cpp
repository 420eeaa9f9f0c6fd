// That every index is used for what it is made for, whatever the tables hold.
#include "plans.hpp"

#include <fmt/format.h>

#include "test_store.hpp"

namespace personas::store_sqlite {
namespace {

TEST(Plans, SayByRuleHowManyRowsHaveTheSameKey) {
  EXPECT_EQ(statistics_of({"tenant_id", "id"}, Key::kUnique, Covers::kAllRows),
            "1000000 1000000 1");
  EXPECT_EQ(statistics_of({"tenant_id", "event_type"}, Key::kRepeated, Covers::kAllRows),
            "1000000 1000000 1000");
  EXPECT_EQ(statistics_of({"tenant_id", "persona_id", "id"}, Key::kRepeated, Covers::kAllRows),
            "1000000 1000000 1000 1");
  EXPECT_EQ(statistics_of({"expires_at"}, Key::kRepeated, Covers::kSomeRows), "10000 100");
}

struct Index {
  std::string name;
  std::string table;
  std::vector<std::string> columns;
  std::string condition;  // of a partial one
};

class PlansTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = (directory_.path() / "personas.db").string();
    {
      auto store = open_sqlite({.path = path}, [](const Error&) { FAIL(); });
      ASSERT_TRUE(store);
      ASSERT_TRUE(migrate_now(**store, store::schema_migrations()));
    }
    auto connection = Connection::open({.path = path}, Role::kWriter, 1024);
    ASSERT_TRUE(connection) << connection.error().message;
    connection_ = std::move(*connection);
  }

  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    sqlite3_stmt* handle = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(connection_->handle(), sql.c_str(), -1, &handle, nullptr),
              SQLITE_OK)
        << sql;
    Statement statement(handle, Statement::Kept::kTemporary);
    std::vector<std::vector<std::string>> all;
    while (statement && statement.step() == SQLITE_ROW) {
      auto& row = all.emplace_back();
      for (int i = 0; i < sqlite3_column_count(handle); ++i) {
        const auto* text = sqlite3_column_text(handle, i);
        row.emplace_back(text == nullptr ? "" : reinterpret_cast<const char*>(text));
      }
    }
    return all;
  }

  std::vector<Index> indexes() {
    std::vector<Index> all;
    for (const auto& row :
         rows("SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND sql <> ''")) {
      Index index{row[0], row[1], {}, {}};
      for (const auto& column : rows(fmt::format("PRAGMA index_info('{}')", index.name))) {
        index.columns.push_back(column[2]);
      }
      if (const auto at = row[2].find("WHERE "); at != std::string::npos) {
        index.condition = row[2].substr(at + 6);
      }
      all.push_back(std::move(index));
    }
    return all;
  }

  std::string plan(const std::string& sql) {
    std::string text;
    for (const auto& row : rows("EXPLAIN QUERY PLAN " + sql)) text += row[3] + "; ";
    return text;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Connection> connection_;
};

// All but its last column given, in the order of the last: what an index is made for.
TEST_F(PlansTest, UseEveryIndexForWhatItIsMadeFor) {
  const auto all = indexes();
  EXPECT_GT(all.size(), 30U);
  for (const auto& index : all) {
    std::string where = index.condition.empty() ? "1" : index.condition;
    for (std::size_t i = 0; i + 1 < index.columns.size(); ++i) {
      where += fmt::format(" AND {} = ?", index.columns[i]);
    }
    const auto sql = fmt::format("SELECT * FROM {} WHERE {} AND {} > ? ORDER BY {} LIMIT 10",
                                 index.table, where, index.columns.back(), index.columns.back());
    const auto found = plan(sql);
    EXPECT_NE(found.find(" " + index.name + " "), std::string::npos) << sql << "\n" << found;
  }
}

TEST_F(PlansTest, LeadToAFewRowsWhereATenantHasMany) {
  EXPECT_NE(plan("SELECT * FROM subscriptions WHERE tenant_id = ? AND event_type = ? AND enabled = "
                 "1 ORDER BY id")
                .find("subscriptions_type"),
            std::string::npos);
  EXPECT_NE(plan("SELECT * FROM triggers WHERE tenant_id = ? AND persona_id = ? AND trigger_type = "
                 "'webhook' AND enabled = 1 ORDER BY id")
                .find("triggers_persona"),
            std::string::npos);
}

TEST_F(PlansTest, AreWrittenOnceAndMendedWhenTheyAreNot) {
  const std::string all = "SELECT group_concat(tbl || idx || stat) FROM sqlite_stat1";
  const auto before = rows(all);
  ASSERT_FALSE(before[0][0].empty());
  const auto changes = sqlite3_total_changes64(connection_->handle());
  ASSERT_TRUE(fix_plans(*connection_));
  EXPECT_EQ(sqlite3_total_changes64(connection_->handle()), changes);
  rows("DELETE FROM sqlite_stat1 WHERE tbl = 'events'");
  ASSERT_TRUE(fix_plans(*connection_));
  EXPECT_EQ(rows(all), before);
}

}  // namespace
}  // namespace personas::store_sqlite
