// What is metered is exact, although it is added up in memory and written once per commit: over
// operations that fail, batches that run again, full disks, and power cuts at any moment.
#include "personas/store/metering.hpp"

#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "personas/store/schema.hpp"

#include "faulty_disk.hpp"
#include "shared_batch.hpp"
#include "test_store.hpp"

namespace personas::store_sqlite {
namespace {

using store::Sql;
using store::Transaction;

// Events published, by persona.
using Sums = std::map<std::string, std::int64_t>;

// Of the rows of `metering`, or of the facts themselves: one record per metered operation.
Sums sums_in(store::Store& store, const Sql& sql) {
  Sums sums;
  const auto read = store::run_read(store, [&](Transaction& tx) -> Result<void> {
    sums.clear();
    TRY_VOID(tx.query(sql, {}, [&](const store::Row& row) -> Result<bool> {
      sums[std::string(row.text(0))] = row.integer(1);
      return true;
    }));
    return {};
  });
  EXPECT_TRUE(read) << read.error().describe();
  return sums;
}
Sums metered(store::Store& store) {
  static const Sql kMetered{"SELECT persona_id, sum(events) FROM metering GROUP BY persona_id"};
  return sums_in(store, kMetered);
}
Sums recorded(store::Store& store) {
  static const Sql kRecorded{"SELECT persona_id, count(*) FROM journal GROUP BY persona_id"};
  return sums_in(store, kRecorded);
}

Result<void> meter(Transaction& tx, const std::string& persona) {
  return store::meter(tx, default_tenant(),
                      {.at = {1}, .persona_id = persona, .counters = {.events = 1}});
}

// Does what an operation of the domain does: a fact, and its part of the sums.
Result<void> publish(Transaction& tx, const std::string& persona) {
  TRY_VOID(meter(tx, persona));
  TRY_VOID(tx.append({.tenant = default_tenant(),
                      .at = {1},
                      .type = "note.written",
                      .data = "{}",
                      .persona_id = persona}));
  return {};
}

enum class Ends : std::uint8_t { kWell, kBeforeWriting, kAfterWriting };

store::Operation publishing(std::string persona, Ends ends = Ends::kWell) {
  return [persona = std::move(persona), ends](Transaction& tx) -> Result<void> {
    if (ends == Ends::kBeforeWriting) {
      TRY_VOID(meter(tx, persona));
      return fail(ErrorCode::kUnprocessable, "refused");
    }
    TRY_VOID(publish(tx, persona));
    if (ends == Ends::kAfterWriting) return fail(ErrorCode::kUnprocessable, "refused");
    return {};
  };
}

class Metering : public StoreTest {
 protected:
  void open_whole(const std::string& vfs = {}) {
    auto opened = open_sqlite({.path = database(), .vfs = vfs}, nullptr);
    ASSERT_TRUE(opened) << opened.error().describe();
    store_ = std::move(*opened);
    const auto migrated = migrate_now(*store_, store::schema_migrations());
    ASSERT_TRUE(migrated) << migrated.error().describe();
  }
  std::int64_t rows_written() {
    static const Sql kChanges{"SELECT total_changes()"};
    std::int64_t changes = -1;
    const auto asked = store::run_write(*store_, [&](Transaction& tx) -> Result<void> {
      TRY_VOID(tx.query(kChanges, {}, [&](const store::Row& row) -> Result<bool> {
        changes = row.integer(0);
        return false;
      }));
      return {};
    });
    EXPECT_TRUE(asked);
    return changes;
  }
};

TEST_F(Metering, WritesARowOncePerCommitHoweverManyOperationsAddToIt) {
  open_whole();
  const auto before = rows_written();
  SharedBatch batch(*store_);
  for (int i = 0; i < 50; ++i) {
    batch.submit([i](Transaction& tx) { return meter(tx, i % 2 == 0 ? "per_a" : "per_b"); });
  }
  batch.finish();
  EXPECT_EQ(metered(*store_), (Sums{{"per_a", 25}, {"per_b", 25}}));
  EXPECT_LE(rows_written() - before, 4) << "two rows, in the batch of the gate and in the next";
}

TEST_F(Metering, AddsToWhatEarlierCommitsHaveWritten) {
  open_whole();
  const auto meter_all = [](Transaction& tx) -> Result<void> {
    return store::meter(tx, default_tenant(),
                        {.at = {1},
                         .model = "large",
                         .counters = {.executions = 1,
                                      .failed = 2,
                                      .attempts = 3,
                                      .run_ms = 4,
                                      .input_tokens = 5,
                                      .output_tokens = 6,
                                      .cache_creation_input_tokens = 7,
                                      .cache_read_input_tokens = 8,
                                      .cost_usd = 0.25,
                                      .credential_accesses = 9,
                                      .events = 10}});
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store::run_write(*store_, meter_all));
  const auto report = store::read_now(*store_, [](Transaction& tx) {
    return store::usage(tx, default_tenant(), {.since = {0}, .until = {2}});
  });
  ASSERT_TRUE(report) << report.error().describe();
  const auto& total = report->total;
  EXPECT_EQ((std::vector{total.executions, total.failed, total.attempts, total.run_ms,
                         total.input_tokens, total.output_tokens, total.cache_creation_input_tokens,
                         total.cache_read_input_tokens, total.credential_accesses, total.events}),
            (std::vector<std::int64_t>{3, 6, 9, 12, 15, 18, 21, 24, 27, 30}));
  EXPECT_EQ(total.cost_usd, 0.75);
}

TEST_F(Metering, CountsNothingOfAnOperationThatFails) {
  open_whole();
  SharedBatch batch(*store_);
  batch.submit(publishing("per_a"));
  batch.submit(publishing("per_a", Ends::kBeforeWriting));
  batch.submit(publishing("per_a"));
  batch.submit(publishing("per_a", Ends::kAfterWriting));
  batch.submit(publishing("per_a"));
  EXPECT_EQ(batch.finish(),
            (std::vector<std::string>{"ok", "unprocessable", "ok", "unprocessable", "ok"}));
  EXPECT_GT(store_->stats().replays, 0U);
  EXPECT_EQ(metered(*store_), (Sums{{"per_a", 3}}));
}

TEST_F(Metering, IsExactWhateverFailsInWhichBatch) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  open_whole();
  Sums expected;
  for (int round = 0; round < 20; ++round) {
    SharedBatch batch(*store_);
    std::vector<std::string> outcomes;
    const auto count = 1 + random() % 400;  // up to two batches
    for (std::size_t i = 0; i < count; ++i) {
      const auto persona = fmt::format("per_{}", random() % 5);
      const auto die = random() % 20;
      const auto ends = die == 0   ? Ends::kBeforeWriting
                        : die == 1 ? Ends::kAfterWriting
                                   : Ends::kWell;
      if (ends == Ends::kWell) ++expected[persona];
      outcomes.emplace_back(ends == Ends::kWell ? "ok" : "unprocessable");
      batch.submit(publishing(persona, ends));
    }
    EXPECT_EQ(batch.finish(), outcomes);
  }
  EXPECT_GT(store_->stats().replays, 0U);
  EXPECT_EQ(recorded(*store_), expected);
  EXPECT_EQ(metered(*store_), expected);
}

TEST_F(Metering, CountsWhatFitsOnAFullDiskAndNoMore) {
  bool refused = false;
  for (int nth = 1; nth <= 40; ++nth) {
    SCOPED_TRACE(nth);
    store_.reset();
    std::filesystem::remove(database());
    FaultyDisk disk;
    open_whole(disk.name());
    disk.fail_at(FaultyDisk::Fault::kFull, nth);
    std::int64_t done = 0;
    for (int i = 0; i < 40; ++i) {
      const auto outcome = store::run_write(*store_, publishing("per_a"));
      if (outcome) ++done;
      refused = refused || !outcome;
      if (!outcome) EXPECT_EQ(outcome.error().code, ErrorCode::kStorageFull);
    }
    disk.repair();
    ASSERT_TRUE(store::run_write(*store_, publishing("per_a")));
    EXPECT_EQ(metered(*store_), (Sums{{"per_a", done + 1}}));
    EXPECT_EQ(recorded(*store_), (Sums{{"per_a", done + 1}}));
    store_.reset();  // before its disk
  }
  EXPECT_TRUE(refused);
}

TEST_F(Metering, ARowThatCannotBeWrittenFailsTheWholeCommit) {
  open_whole();
  ASSERT_TRUE(store::run_write(*store_, [](Transaction& tx) -> Result<void> {
    return tx.define("ALTER TABLE metering RENAME TO away");
  }));
  SharedBatch batch(*store_);
  batch.submit(publishing("per_a"));
  batch.submit(publishing("per_b"));
  EXPECT_EQ(batch.finish(), (std::vector<std::string>{"internal", "internal"}));
  EXPECT_EQ(recorded(*store_), Sums{});
  ASSERT_TRUE(store::run_write(*store_, [](Transaction& tx) -> Result<void> {
    return tx.define("ALTER TABLE away RENAME TO metering");
  }));
  ASSERT_TRUE(store::run_write(*store_, publishing("per_c")));
  EXPECT_EQ(metered(*store_), (Sums{{"per_c", 1}}));
}

TEST_F(Metering, APowerCutAtAnyMomentLeavesSumsThatAgreeWithTheFacts) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  FaultyDisk disk;
  open_whole(disk.name());
  std::atomic<bool> stop = false;
  std::atomic<int> acknowledged = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; !stop; ++i) {
        const auto ends = i % 7 == w ? Ends::kAfterWriting : Ends::kWell;
        if (store::run_write(*store_, publishing(fmt::format("per_{}", i % 3), ends))) {
          acknowledged = acknowledged + 1;
          acknowledged.notify_all();
        }
      }
    });
  }
  std::vector<std::filesystem::path> cuts;
  for (int i = 0; i < 20; ++i) {
    const int until = acknowledged + 1 + static_cast<int>(random() % 20);
    for (int now = acknowledged; now < until; now = acknowledged) acknowledged.wait(now);
    const auto directory = directory_.path() / fmt::format("cut-{}", i);
    std::filesystem::create_directory(directory);
    disk.cut_power(directory, random);
    cuts.push_back(directory / "personas.db");
  }
  stop = true;
  for (auto& writer : writers) writer.join();
  store_.reset();
  for (const auto& cut : cuts) {
    auto after = open_sqlite({.path = cut}, nullptr);
    ASSERT_TRUE(after) << after.error().describe();
    const auto facts = recorded(**after);
    EXPECT_FALSE(facts.empty());
    EXPECT_EQ(metered(**after), facts);
  }
}

TEST_F(Metering, AReadAddsNothing) {
  open_whole();
  const auto read = store::run_read(*store_, publishing("per_a"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInternal);
  EXPECT_EQ(metered(*store_), Sums{});
}

}  // namespace
}  // namespace personas::store_sqlite
