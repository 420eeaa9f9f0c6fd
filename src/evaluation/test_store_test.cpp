#include "personas/evaluation/test_store.hpp"

#include <filesystem>
#include <stdlib.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::evaluation {
namespace {

using store::Transaction;
using testing::SizeIs;

class TestStoreTest : public testing::Test {
 protected:
  template <class F>
  auto write(F operation) {
    return store::write_now(*store_, std::move(operation));
  }

  TestStoreTest() {
    std::string pattern = testing::TempDir() + "personas-tests-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = *store_sqlite::open_sqlite({.path = folder_ / "test.db"}, [](const Error& error) {
      ADD_FAILURE() << error.describe();
    });
    EXPECT_TRUE(
        write([](Transaction& tx) { return store::migrate(tx, store::schema_migrations(), {1}); }));
  }
  ~TestStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Scenario scenario(const std::string& id, const std::string& name) {
    Scenario s;
    s.id = ScenarioId(id);
    s.persona_id = persona_;
    s.name = name;
    s.prompt = "Do it";
    s.input = codec::RawJson{R"({"a":1})"};
    s.expectations.resize(1);
    s.expectations[0].judge =
        Judge{.criteria = "good", .min_score = 70, .backend = {}, .model = {}};
    return s;
  }
  TestRun run(const std::string& id, std::int64_t version, std::int64_t total) {
    TestRun r;
    r.id = TestRunId(id);
    r.persona_id = persona_;
    r.persona_version = version;
    r.total = total;
    return r;
  }
  TestResult result(const std::string& id, const std::string& run) {
    TestResult r;
    r.id = TestResultId(id);
    r.run_id = TestRunId(run);
    r.execution_id = ExecutionId("exe_" + id);
    return r;
  }
  Result<TestRun> settle_as(TestResult r, Verdict verdict, std::optional<double> cost = {}) {
    r.verdict = verdict;
    r.cost_usd = cost;
    return write([&](Transaction& tx) { return settle(tx, tenant_, r, {9}); });
  }

  const TenantId tenant_ = default_tenant();
  const PersonaId persona_{"per_1"};
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(TestStoreTest, ScenariosComeBackAsTheyWereAndNamesAreUnique) {
  const auto first = scenario("scn_1", "works");
  ASSERT_TRUE(write([&](Transaction& tx) { return insert_scenario(tx, tenant_, first); }));
  const auto found = write(
      [&](Transaction& tx) { return find_scenario(tx, tenant_, persona_, ScenarioId("scn_1")); });
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(codec::to_json(**found), codec::to_json(first));
  const auto again = write(
      [&](Transaction& tx) { return insert_scenario(tx, tenant_, scenario("scn_2", "works")); });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(again.error().fields[0].path, "/name");
  ASSERT_TRUE(write([&](Transaction& tx) { return delete_scenarios_of(tx, tenant_, persona_); }));
  EXPECT_THAT(*write([&](Transaction& tx) { return list_scenarios(tx, tenant_, persona_); }),
              SizeIs(0));
}

TEST_F(TestStoreTest, APersonaHasALimitedNumberOfScenarios) {
  const auto filled = write([&](Transaction& tx) -> Result<void> {
    for (int i = 0; i < kMaxScenarios; ++i) {
      TRY_VOID(
          insert_scenario(tx, tenant_, scenario(fmt::format("scn_{}", i), fmt::format("{}", i))));
    }
    return {};
  });
  ASSERT_TRUE(filled);
  const auto more =
      write([&](Transaction& tx) { return insert_scenario(tx, tenant_, scenario("scn_x", "x")); });
  EXPECT_EQ(more.error().code, ErrorCode::kUnprocessable);
}

TEST_F(TestStoreTest, ARunIsOverWhenItsLastResultIsAndAFailureOutweighsAnError) {
  ASSERT_TRUE(write([&](Transaction& tx) -> Result<void> {
    TRY_VOID(insert_run(tx, tenant_, run("test_1", 1, 3)));
    for (const auto* id : {"a", "b", "c"}) {
      TRY_VOID(insert_result(tx, tenant_, result(id, "test_1")));
    }
    return {};
  }));
  const auto first = settle_as(result("a", "test_1"), Verdict::kPassed, 0.5);
  EXPECT_EQ(first->status, RunStatus::kRunning);
  EXPECT_FALSE(first->completed_at);
  EXPECT_EQ(settle_as(result("b", "test_1"), Verdict::kJudging)->passed, 1);
  EXPECT_EQ(settle_as(result("c", "test_1"), Verdict::kError)->status, RunStatus::kRunning);
  const auto last = settle_as(result("b", "test_1"), Verdict::kFailed, 0.25);
  EXPECT_EQ(last->status, RunStatus::kFailed);
  EXPECT_EQ(last->passed, 1);
  EXPECT_EQ(last->failed, 1);
  EXPECT_EQ(last->errors, 1);
  EXPECT_DOUBLE_EQ(*last->cost_usd, 0.75);
  EXPECT_EQ(last->completed_at, Timestamp{9});
}

TEST_F(TestStoreTest, ThePreviousRunIsTheLastFinishedOneOfAnEarlierVersion) {
  ASSERT_TRUE(write([&](Transaction& tx) -> Result<void> {
    for (const auto& [id, version, status] :
         {std::tuple{"test_1", 1, RunStatus::kPassed}, std::tuple{"test_2", 2, RunStatus::kFailed},
          std::tuple{"test_3", 2, RunStatus::kRunning}, std::tuple{"test_4", 3, RunStatus::kPassed},
          std::tuple{"test_5", 3, RunStatus::kPassed}}) {
      auto one = run(id, version, 1);
      one.status = status;
      TRY_VOID(insert_run(tx, tenant_, one));
    }
    return {};
  }));
  const auto previous = [&](const char* id, std::int64_t version) {
    const auto found =
        write([&](Transaction& tx) { return previous_run(tx, tenant_, run(id, version, 1)); });
    return found && *found ? (*found)->id.str() : "none";
  };
  EXPECT_EQ(previous("test_5", 3), "test_2");
  EXPECT_EQ(previous("test_2", 2), "test_1");
  EXPECT_EQ(previous("test_1", 1), "none");
}

}  // namespace
}  // namespace personas::evaluation
