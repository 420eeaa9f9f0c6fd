#include "personas/reactor/watches.hpp"

#include <filesystem>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::reactor {
namespace {

using store::Transaction;

TEST(Watches, AreFoundByTheExecutionOfTheirTenantAndTakenOnce) {
  std::string pattern = testing::TempDir() + "personas-watches-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  auto store = *store_sqlite::open_sqlite({.path = folder / "test.db"}, [](const Error&) {});
  const auto done = store::write_now(*store, [](Transaction& tx) -> Result<void> {
    TRY_VOID(store::migrate(tx, store::schema_migrations(), Timestamp{1}));
    const TenantId tenant = default_tenant();
    const ExecutionId execution("exe_1");
    TRY_VOID(watch(tx, tenant, {execution, Purpose::kJudge, "tres_1"}));
    TRY(const auto found, find_watch(tx, tenant, execution));
    EXPECT_TRUE(found && found->purpose == Purpose::kJudge && found->subject_id == "tres_1");
    TRY(const auto foreign, find_watch(tx, TenantId("ten_other"), execution));
    EXPECT_FALSE(foreign);
    TRY(const bool taken, take_watch(tx, tenant, execution));
    TRY(const bool again, take_watch(tx, tenant, execution));
    EXPECT_TRUE(taken);
    EXPECT_FALSE(again);
    return {};
  });
  EXPECT_TRUE(done) << done.error().describe();
  store.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace personas::reactor
