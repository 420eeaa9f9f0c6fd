#include <fstream>
#include <future>
#include <sys/stat.h>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "personas/store/journal_reader.hpp"

#include "shared_batch.hpp"
#include "test_store.hpp"

namespace personas::store_sqlite {
namespace {

using store::Sql;
using store::Transaction;

using SqliteStore = StoreTest;

TEST_F(SqliteStore, AsksForDurabilityAndReadsItBack) {
  open();
  static const Sql kMode{"PRAGMA journal_mode"};
  static const Sql kSynchronous{"PRAGMA synchronous"};
  EXPECT_EQ(text_of(*store_, kMode), "wal");
  EXPECT_EQ(text_of(*store_, kSynchronous), "2");
}

TEST_F(SqliteStore, RefusesAFileSystemThatCannotKeepAWal) {
  // This VFS has no shared memory, so WAL mode is not to be had.
  const auto opened =
      open_sqlite({.path = directory_.path() / "weak.db", .vfs = "unix-none"}, nullptr);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kMisconfigured);
}

TEST_F(SqliteStore, IsReadableByItsOwnerAlone) {
  std::ofstream(database()).close();
  ASSERT_EQ(::chmod(database().c_str(), 0644), 0);
  open();
  for (const auto* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status{};
    ASSERT_EQ(::stat((database().string() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(SqliteStore, IsOpenedByOneProcessAtATime) {
  open();
  const auto second = open_sqlite({.path = database()}, nullptr);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  store_.reset();
  open();
}

TEST_F(SqliteStore, RefusesAFileThatIsNotADatabase) {
  std::ofstream(database()) << std::string(8192, 'x');
  const auto opened = open_sqlite({.path = database()}, nullptr);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

TEST_F(SqliteStore, KeepsWhatItWasGivenWithItsTypes) {
  open();
  static const Sql kCreate{"SELECT ?, ?, ?, ?, ?, ?"};
  const Bytes bytes{0, 1, 255};
  const auto checked = store::read_now(*store_, [&](Transaction& tx) -> Result<void> {
    TRY_VOID(tx.query(kCreate, {std::int64_t{-5}, 2.5, "", bytes, nullptr, Bytes{}},
                      [&](const store::Row& row) -> Result<bool> {
                        EXPECT_EQ(row.integer(0), -5);
                        EXPECT_EQ(row.real(1), 2.5);
                        EXPECT_FALSE(row.is_null(2));
                        EXPECT_EQ(row.text(2), "");
                        EXPECT_TRUE(std::ranges::equal(row.bytes(3), bytes));
                        EXPECT_TRUE(row.is_null(4));
                        EXPECT_FALSE(row.is_null(5));
                        EXPECT_TRUE(row.bytes(5).empty());
                        return true;
                      }));
    return {};
  });
  EXPECT_TRUE(checked);
}

Task<Result<std::int64_t>> write_many(store::Store& store, int writer, int count) {
  for (int i = 0; i < count; ++i) {
    const auto id = fmt::format("{}-{}", writer, i);
    auto written = co_await store.write([&id, i](Transaction& tx) -> Result<std::int64_t> {
      TRY_VOID(insert_note(tx, id, i));
      TRY(const auto position, append_note(tx, id));
      return position.value;
    });
    if (!written) co_return std::unexpected(written.error());
  }
  co_return co_await store.read(count_notes);
}

TEST_F(SqliteStore, ManyWritersOnSeveralThreadsShareCommits) {
  open();
  constexpr int kThreads = 3;
  constexpr int kWriters = 20;
  constexpr int kEach = 20;
  std::vector<std::thread> threads;
  boost::asio::io_context contexts[kThreads];  // outlive the store
  std::atomic<int> failures = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto& io = contexts[t];
      for (int w = 0; w < kWriters; ++w) {
        boost::asio::co_spawn(io, write_many(*store_, t * 1'000 + w, kEach),
                              [&](std::exception_ptr error, Result<std::int64_t> result) {
                                if (error || !result) ++failures;
                              });
      }
      io.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(notes(), kThreads * kWriters * kEach);
  const auto stats = store_->stats();
  EXPECT_LT(stats.commits, stats.operations);
  EXPECT_EQ(store_->last_position().value, kThreads * kWriters * kEach);
  store_.reset();
}

TEST_F(SqliteStore, AFailingOperationLeavesNoTraceAndDoesNotHarmItsNeighbours) {
  open();
  SharedBatch batch(*store_);
  batch.submit(note("a"));
  batch.submit(note("b", 2));
  batch.submit(note("a"));  // a second time: breaks the primary key
  batch.submit(note("c"));
  EXPECT_EQ(batch.finish(), (std::vector<std::string>{"ok", "unprocessable", "conflict", "ok"}));
  EXPECT_EQ(notes(), 6);
  EXPECT_GT(store_->stats().replays, 0U);
  EXPECT_EQ(store_->last_position().value, 2) << "rolled-back positions are given again";
  EXPECT_EQ(integrity_of(*store_), "ok");
}

TEST_F(SqliteStore, AFailureBeforeTheFirstWriteCostsTheOthersNothing) {
  open();
  const auto commits = store_->stats().commits;
  SharedBatch batch(*store_);
  for (int i = 0; i < 10; ++i) {
    batch.submit(note(fmt::format("{}", i)));
    batch.submit(note(fmt::format("{}", i), 0));
    // A statement that changes nothing is no write; nor is one that breaks a constraint.
    batch.submit([](Transaction& tx) -> Result<void> {
      static const Sql kNothing{"UPDATE notes SET n = 1 WHERE id = 'nobody'"};
      TRY_VOID(tx.execute(kNothing, {}));
      TRY_VOID(insert_note(tx, "0/0", 1));
      return {};
    });
  }
  const auto outcomes = batch.finish();
  EXPECT_EQ(std::ranges::count(outcomes, "ok"), 10);
  EXPECT_EQ(std::ranges::count(outcomes, "conflict"), 10);
  EXPECT_EQ(store_->stats().replays, 0U);
  EXPECT_LE(store_->stats().commits - commits, 2U);
}

TEST_F(SqliteStore, AnOperationMaySurviveAFailedStatement) {
  open();
  const auto outcome = store::run_write(*store_, [](Transaction& tx) -> Result<void> {
    TRY_VOID(insert_note(tx, "x", 1));
    EXPECT_EQ(insert_note(tx, "x", 2).error().code, ErrorCode::kConflict);
    TRY_VOID(insert_note(tx, "y", 3));
    return {};
  });
  EXPECT_TRUE(outcome);
  EXPECT_EQ(notes(), 2);
}

TEST_F(SqliteStore, AReadSeesOneSnapshot) {
  open();
  std::promise<void> first_read;
  std::promise<void> written;
  auto reading = std::async(std::launch::async, [&] {
    return store::read_now(*store_, [&](Transaction& tx) -> Result<std::int64_t> {
      TRY(const auto before, count_notes(tx));
      EXPECT_EQ(before, 0);
      first_read.set_value();
      written.get_future().get();
      return count_notes(tx);
    });
  });
  first_read.get_future().get();
  ASSERT_TRUE(store::run_write(*store_, note("a")));
  EXPECT_EQ(notes(), 3) << "another reader sees it";
  written.set_value();
  EXPECT_EQ(*reading.get(), 0);
}

TEST_F(SqliteStore, AReadCannotWrite) {
  open();
  EXPECT_FALSE(store::run_read(*store_, note("a")));
  EXPECT_EQ(notes(), 0);
}

TEST_F(SqliteStore, AVisitorMayRunTheStatementThatCalledIt) {
  open();
  ASSERT_TRUE(store::run_write(*store_, note("a")));
  static const Sql kAll{"SELECT id FROM notes"};
  int pairs = 0;
  ASSERT_TRUE(store::run_read(*store_, [&](Transaction& tx) -> Result<void> {
    const auto inner = [&](const store::Row&) -> Result<bool> { return ++pairs > 0; };
    TRY_VOID(tx.query(kAll, {}, [&](const store::Row&) -> Result<bool> {
      TRY_VOID(tx.query(kAll, {}, inner));
      return true;
    }));
    return {};
  }));
  EXPECT_EQ(pairs, 9);
}

TEST_F(SqliteStore, TellsTheJournalsListenerAfterEachCommitThatAppended) {
  open();
  std::mutex mutex;
  std::vector<std::int64_t> heard;
  store_->on_journal([&](store::JournalPosition position) {
    const std::lock_guard lock(mutex);
    heard.push_back(position.value);
  });
  ASSERT_TRUE(store::run_write(*store_, note("a")));
  ASSERT_TRUE(store::run_write(*store_, [](Transaction& tx) -> Result<void> {
    TRY_VOID(insert_note(tx, "silent", 1));
    return {};
  }));
  ASSERT_TRUE(store::run_write(*store_, note("b")));
  store_.reset();
  EXPECT_EQ(heard, (std::vector<std::int64_t>{1, 2}));
}

TEST_F(SqliteStore, JournalPositionsGoOnAfterAReopening) {
  open();
  ASSERT_TRUE(store::run_write(*store_, note("a")));
  store_.reset();
  open();
  EXPECT_EQ(store_->last_position().value, 1);
  ASSERT_TRUE(store::run_write(*store_, note("b")));
  EXPECT_EQ(store_->last_position().value, 2);
}

TEST_F(SqliteStore, TheJournalIsReadByPositionAndFilter) {
  open();
  for (const auto* id : {"a", "b", "a2"}) ASSERT_TRUE(store::run_write(*store_, note(id)));
  ASSERT_TRUE(store::run_write(*store_, [](Transaction& tx) -> Result<void> {
    TRY_VOID(tx.append({.tenant = TenantId("ten_x"), .at = {5}, .type = "other", .data = "{}"}));
    return {};
  }));
  const auto positions = [&](const store::JournalQuery& query) {
    std::vector<std::int64_t> all;
    const auto page =
        store::read_now(*store_, [&](Transaction& tx) { return store::read_journal(tx, query); });
    for (const auto& record : page->records) all.push_back(record.position.value);
    return all;
  };
  using Positions = std::vector<std::int64_t>;
  EXPECT_EQ(positions({}), (Positions{1, 2, 3, 4}));
  EXPECT_EQ(positions({.after = {2}}), (Positions{3, 4}));
  EXPECT_EQ(positions({.after = {}, .limit = 2}), (Positions{1, 2}));
  EXPECT_EQ(positions({.after = {}, .tenant = default_tenant()}), (Positions{1, 2, 3}));
  EXPECT_EQ(positions({.after = {}, .execution_id = "b"}), (Positions{2}));
  EXPECT_EQ(positions({.after = {}, .types = {"other"}}), (Positions{4}));

  const auto page = store::read_now(*store_, [&](Transaction& tx) {
    return store::read_journal(tx, {.after = {}, .tenant = default_tenant(), .limit = 2});
  });
  EXPECT_EQ(page->next.value, 2);
  EXPECT_EQ(page->more, store::JournalPage::More::kMaybe);
  EXPECT_EQ(page->records[0].data(), R"({"id":"a"})");
  EXPECT_EQ(page->records[0].type, "note.written");
}

TEST_F(SqliteStore, ARecordThatIsTooLargeIsRefused) {
  open();
  const auto outcome = store::run_write(*store_, [](Transaction& tx) -> Result<void> {
    TRY_VOID(tx.append({.tenant = default_tenant(),
                        .at = {1},
                        .type = "big",
                        .data = "\"" + std::string(store::kMaxRecordBytes, 'x') + "\""}));
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kPayloadTooLarge);
}

TEST_F(SqliteStore, RefusesMoreThanItsQueueHolds) {
  open();
  SharedBatch batch(*store_);
  for (std::size_t i = 0; i < kMaxQueuedWrites + 100; ++i) {
    batch.submit([](Transaction&) -> Result<void> { return {}; });
  }
  const auto outcomes = batch.finish();
  EXPECT_EQ(std::ranges::count(outcomes, "ok"), static_cast<std::ptrdiff_t>(kMaxQueuedWrites));
  EXPECT_EQ(std::ranges::count(outcomes, "unavailable"), 100);
}

TEST_F(SqliteStore, TheRealSchemaAppliesOnce) {
  store_.reset();
  auto opened = open_sqlite({.path = directory_.path() / "real.db"}, nullptr);
  ASSERT_TRUE(opened);
  const auto all = store::schema_migrations();
  const auto applied = migrate_now(**opened, all);
  ASSERT_TRUE(applied) << applied.error().describe();
  EXPECT_EQ(*applied, static_cast<int>(all.size()));
  EXPECT_EQ(*migrate_now(**opened, all), 0);
}

TEST_F(SqliteStore, TheRealSchemaIsReachedFromEveryOlderOne) {
  store_.reset();
  const auto all = store::schema_migrations();
  for (std::size_t older = 0; older < all.size(); ++older) {
    const auto path = directory_.path() / ("from" + std::to_string(older) + ".db");
    auto opened = open_sqlite({.path = path}, nullptr);
    ASSERT_TRUE(opened);
    ASSERT_TRUE(migrate_now(**opened, all.first(older)));
    EXPECT_EQ(*migrate_now(**opened, all), static_cast<int>(all.size() - older));
  }
}

TEST_F(SqliteStore, MigratesForwardAndRefusesAnotherHistory) {
  open();
  const store::Migration second{2, "more",
                                "-- a comment;\nCREATE TABLE more (\n  id text "
                                "PRIMARY KEY\n);\nCREATE INDEX i ON notes (n);\n"};
  const store::Migration two[] = {kTestMigrations[0], second};
  EXPECT_EQ(*migrate_now(*store_, two), 1);
  store_.reset();
  auto reopened = open_sqlite({.path = database()}, nullptr);
  ASSERT_TRUE(reopened);
  EXPECT_EQ(*migrate_now(**reopened, two), 0);

  const auto newer = migrate_now(**reopened, kTestMigrations);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::kMisconfigured);
  EXPECT_NE(newer.error().message.find("newer version"), std::string::npos);

  const store::Migration changed[] = {kTestMigrations[0], {2, "more", "CREATE TABLE x (id text);"}};
  const auto other = migrate_now(**reopened, changed);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kMisconfigured);
}

TEST_F(SqliteStore, ABrokenMigrationLeavesNothingBehind) {
  open();
  const store::Migration two[] = {kTestMigrations[0],
                                  {2, "broken",
                                   "CREATE TABLE good (id text PRIMARY KEY);\n"
                                   "CREATE TABLE bad (id;\n"}};
  EXPECT_FALSE(migrate_now(*store_, two));
  static const Sql kTables{"SELECT count(*) FROM sqlite_schema WHERE name = 'good'"};
  EXPECT_EQ(text_of(*store_, kTables), "0");
}

}  // namespace
}  // namespace personas::store_sqlite
