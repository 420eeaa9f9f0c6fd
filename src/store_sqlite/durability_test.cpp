// What is acknowledged is on disk: power cuts, failing and full disks, killed processes.
#include <condition_variable>
#include <fstream>
#include <random>
#include <set>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "faulty_disk.hpp"
#include "shared_batch.hpp"
#include "test_store.hpp"

namespace personas::store_sqlite {
namespace {

using store::Sql;
using store::Transaction;

// Ids that were acknowledged.
class Acknowledged {
 public:
  void add(std::string id) {
    const std::lock_guard lock(mutex_);
    ids_.push_back(std::move(id));
    grown_.notify_all();
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    grown_.wait(lock, [&] { return ids_.size() >= count; });
    return ids_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable grown_;
  std::vector<std::string> ids_;
};

// Every acknowledged operation is there, and every operation that is there is whole.
void expect_whole(store::Store& store, const std::vector<std::string>& acknowledged) {
  static const Sql kParts{"SELECT id FROM notes"};
  static const Sql kRecords{"SELECT execution_id FROM journal"};
  std::map<std::string, int> parts;
  std::set<std::string> records;
  const auto read = store::run_read(store, [&](Transaction& tx) -> Result<void> {
    TRY_VOID(tx.query(kParts, {}, [&](const store::Row& row) -> Result<bool> {
      const std::string id(row.text(0));
      ++parts[id.substr(0, id.find('/'))];
      return true;
    }));
    TRY_VOID(tx.query(kRecords, {}, [&](const store::Row& row) -> Result<bool> {
      records.emplace(row.text(0));
      return true;
    }));
    return {};
  });
  ASSERT_TRUE(read) << read.error().describe();
  for (const auto& id : acknowledged) EXPECT_TRUE(parts.contains(id)) << id << " was lost";
  for (const auto& [id, count] : parts) EXPECT_EQ(count, 3) << id << " is torn";
  EXPECT_EQ(parts.size(), records.size()) << "rows and journal disagree";
  EXPECT_EQ(integrity_of(store), "ok");
}

void expect_whole_at(const std::filesystem::path& database,
                     const std::vector<std::string>& acknowledged) {
  auto store = open_sqlite({.path = database}, nullptr);
  ASSERT_TRUE(store) << store.error().describe();
  expect_whole(**store, acknowledged);
}

Task<void> write_notes(store::Store& store, Acknowledged& acknowledged, int writer,
                       const std::atomic<bool>& stop) {
  for (int i = 0; !stop; ++i) {
    const auto id = fmt::format("{}-{}", writer, i);
    const auto written = co_await store.write([&id](Transaction& tx) -> Result<void> {
      static const std::string kBody(2'000, 'x');
      for (int part = 0; part < 3; ++part) {
        TRY_VOID(insert_note(tx, fmt::format("{}/{}", id, part), part, kBody));
      }
      TRY_VOID(append_note(tx, id));
      return {};
    });
    if (!written) co_return;
    acknowledged.add(id);
  }
}

using Durability = StoreTest;

TEST_F(Durability, APowerCutAtAnyMomentKeepsEveryAcknowledgedWriteWhole) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  FaultyDisk disk;
  open(disk.name());
  Acknowledged acknowledged;
  std::atomic<bool> stop = false;
  boost::asio::io_context io;  // outlives the store
  std::thread writers([&] {
    for (int w = 0; w < 16; ++w) {
      boost::asio::co_spawn(io, write_notes(*store_, acknowledged, w, stop), boost::asio::detached);
    }
    io.run();
  });

  constexpr int kCuts = 20;  // far enough apart to meet checkpoints and a restarted WAL
  std::vector<std::pair<std::filesystem::path, std::vector<std::string>>> cuts;
  std::size_t count = 0;
  for (int i = 0; i < kCuts; ++i) {
    count += 1 + random() % 300;
    const auto directory = directory_.path() / fmt::format("cut-{}", i);
    std::filesystem::create_directory(directory);
    auto ids = acknowledged.wait_for(count);
    disk.cut_power(directory, random);
    cuts.emplace_back(directory / "personas.db", std::move(ids));
  }
  stop = true;
  writers.join();
  store_.reset();
  for (const auto& [database, ids] : cuts) expect_whole_at(database, ids);
}

// Writes until the fault has struck and a few more; returns what was acknowledged.
std::vector<std::string> write_until_struck(store::Store& store, const FaultyDisk& disk,
                                            std::set<ErrorCode>& errors) {
  std::vector<std::string> acknowledged;
  for (int i = 0, after = 0; after < 3; ++i) {
    const auto id = fmt::format("w{}", i);
    const auto outcome = store::run_write(store, note(id));
    if (outcome) acknowledged.push_back(id);
    if (!outcome) errors.insert(outcome.error().code);
    if (disk.struck()) ++after;
  }
  return acknowledged;
}

TEST_F(Durability, AFailedFsyncIsReportedOnceAndNeverTriedAgain) {
  for (int nth = 1; nth <= 4; ++nth) {
    SCOPED_TRACE(nth);
    std::filesystem::remove(database());
    fatal_.clear();
    FaultyDisk disk;
    open(disk.name());
    disk.fail_at(FaultyDisk::Fault::kSyncError, nth);
    std::set<ErrorCode> errors;
    const auto acknowledged = write_until_struck(*store_, disk, errors);
    EXPECT_EQ(errors, (std::set{ErrorCode::kOutcomeUnknown, ErrorCode::kUnavailable}));
    EXPECT_FALSE(store::read_now(*store_, count_notes)) << "nothing is served any more";
    store_.reset();
    EXPECT_EQ(fatal().size(), 1U);
    EXPECT_EQ(disk.writes_since_fault(), 0);
    expect_whole_at(database(), acknowledged);
  }
}

TEST_F(Durability, AllCallersOfAFailedCommitLearnThatItsOutcomeIsUnknown) {
  FaultyDisk disk;
  open(disk.name());
  SharedBatch batch(*store_);
  batch.submit(note("a"));
  batch.submit(note("b"));
  disk.fail_at(FaultyDisk::Fault::kSyncError, 1);
  EXPECT_EQ(batch.finish(), (std::vector<std::string>{"outcome_unknown", "outcome_unknown"}));
}

TEST_F(Durability, AFailedWriteAtEveryMomentLosesNothingThatWasAcknowledged) {
  for (int nth = 1; nth <= 25; ++nth) {
    SCOPED_TRACE(nth);
    std::filesystem::remove(database());
    fatal_.clear();
    FaultyDisk disk;
    open(disk.name());
    disk.fail_at(FaultyDisk::Fault::kWriteError, nth);
    std::set<ErrorCode> errors;
    const auto acknowledged = write_until_struck(*store_, disk, errors);
    store_.reset();
    EXPECT_EQ(fatal().size(), 1U);
    expect_whole_at(database(), acknowledged);
  }
}

TEST_F(Durability, AFullDiskRefusesWritesUntilThereIsSpaceAgain) {
  for (int nth = 1; nth <= 25; ++nth) {
    SCOPED_TRACE(nth);
    std::filesystem::remove(database());
    FaultyDisk disk;
    open(disk.name());
    disk.fail_at(FaultyDisk::Fault::kFull, nth);
    std::set<ErrorCode> errors;
    auto acknowledged = write_until_struck(*store_, disk, errors);
    EXPECT_EQ(errors, (std::set{ErrorCode::kStorageFull}));
    EXPECT_TRUE(store::read_now(*store_, count_notes)) << "reading goes on";
    disk.repair();
    ASSERT_TRUE(store::run_write(*store_, note("after")));
    acknowledged.emplace_back("after");
    expect_whole(*store_, acknowledged);
    store_.reset();
    EXPECT_TRUE(fatal().empty());
    expect_whole_at(database(), acknowledged);
  }
}

TEST_F(Durability, ACheckpointThatFailsLeavesEverythingInTheLog) {
  using Fault = FaultyDisk::Fault;
  for (const auto fault : {Fault::kWriteError, Fault::kSyncError, Fault::kFull}) {
    SCOPED_TRACE(static_cast<int>(fault));
    std::filesystem::remove(database());
    fatal_.clear();
    FaultyDisk disk;
    open(disk.name());
    ASSERT_TRUE(store::run_write(*store_, note("a")));
    disk.fail_at(fault, 1);
    store_.reset();  // moves the log into the database
    EXPECT_TRUE(disk.struck());
    EXPECT_EQ(fatal().size(), fault == Fault::kFull ? 0U : 1U);
    if (fault != Fault::kFull) EXPECT_EQ(disk.writes_since_fault(), 0);
    expect_whole_at(database(), {"a"});
  }
}

TEST_F(Durability, WhatTheLastProcessDidNotSyncLastsBeforeItIsRead) {
  std::mt19937 random(1);
  FaultyDisk disk;
  open(disk.name());
  ASSERT_TRUE(store::run_write(*store_, note("a")));
  disk.fail_at(FaultyDisk::Fault::kSyncError, 1);
  EXPECT_FALSE(store::run_write(*store_, note("b")));  // in the log all the same
  store_.reset();
  open(disk.name());
  expect_whole(*store_, {"a", "b"});
  for (int i = 0; i < 10; ++i) {
    const auto directory = directory_.path() / fmt::format("cut-{}", i);
    std::filesystem::create_directory(directory);
    disk.cut_power(directory, random);
    expect_whole_at(directory / "personas.db", {"a", "b"});
  }
  store_.reset();  // before its disk
}

TEST_F(Durability, OnlyTheOperationThatNeedsTheSpaceIsRefused) {
  open();
  static const Sql kLimit{"PRAGMA max_page_count = 40"};
  static const Sql kNoLimit{"PRAGMA max_page_count = 1000000"};
  const auto limit = [](const Sql& sql) -> store::Operation {
    return [&sql](Transaction& tx) -> Result<void> {
      TRY_VOID(tx.query(sql, {}, [](const store::Row&) -> Result<bool> { return true; }));
      return {};
    };
  };
  const std::string large(400'000, 'x');
  // Goes on after the error, as a careless operation might: nothing of it may stay.
  const auto big = [&](Transaction& tx) -> Result<void> {
    TRY_VOID(insert_note(tx, "big-first", 1));
    static_cast<void>(insert_note(tx, "big", 1, large));
    static_cast<void>(insert_note(tx, "big-last", 1));
    return {};
  };
  ASSERT_TRUE(store::run_write(*store_, limit(kLimit)));
  SharedBatch batch(*store_);
  batch.submit(note("a"));
  batch.submit(big);
  batch.submit(note("b"));
  EXPECT_EQ(batch.finish(), (std::vector<std::string>{"ok", "storage_full", "ok"}));
  expect_whole(*store_, {"a", "b"});
  EXPECT_EQ(notes(), 6);

  ASSERT_TRUE(store::run_write(*store_, limit(kNoLimit)));
  EXPECT_TRUE(store::run_write(*store_, big));
  EXPECT_EQ(notes(), 9);
  EXPECT_TRUE(fatal().empty());
}

TEST_F(Durability, DamageIsReportedAndNotServed) {
  open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(store::run_write(*store_, note(fmt::format("{}", i))));
  store_.reset();
  std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
  const auto size = std::filesystem::file_size(database());
  for (std::size_t page = 4096; page < size; page += 4096) {
    file.seekp(static_cast<std::streamoff>(page));
    file << std::string(16, '\xff');
  }
  file.close();
  std::atomic<int> damaged = 0;
  const auto on_damage = [&](const Error&) { ++damaged; };
  auto opened = open_sqlite({.path = database(), .on_damage = on_damage}, [this](const Error& e) {
    const std::lock_guard lock(mutex_);
    fatal_.push_back(e);
  });
  if (!opened) {
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    return;
  }
  const auto read = store::read_now(**opened, count_notes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(read.error().message.find("of personas.db is damaged"), std::string::npos)
      << read.error().message;
  EXPECT_EQ(damaged, 1);
  EXPECT_TRUE(fatal().empty()) << "one bad page does not stop what does not need it";

  EXPECT_FALSE(store::run_write(**opened, note("new")));
  EXPECT_EQ(fatal().size(), 1U) << "damage under the writer does";
}

// The child's life: writes for ever, and says on `out` what was acknowledged.
[[noreturn]] void write_for_ever(const std::filesystem::path& database, int out) {
  auto store = open_sqlite({.path = database}, nullptr);
  if (!store || !migrate_now(**store, kTestMigrations)) ::_exit(1);
  const auto work = [&](int writer) {
    for (int i = 0;; ++i) {
      const auto id = fmt::format("{}-{}", writer, i);
      if (!store::run_write(**store, note(id))) ::_exit(2);
      const auto line = id + "\n";
      if (::write(out, line.data(), line.size()) < 0) ::_exit(3);
    }
  };
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) writers.emplace_back(work, w);
  for (auto& writer : writers) writer.join();
  ::_exit(0);
}

TEST_F(Durability, AKilledProcessLosesNothingThatItAcknowledged) {
  std::vector<std::string> acknowledged;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe[0]);
    write_for_ever(database(), pipe[1]);
  }
  ::close(pipe[1]);
  std::string text;
  char buffer[4096];
  constexpr std::ptrdiff_t kEnough = 500;
  for (bool killed = false;;) {
    const auto got = ::read(pipe[0], buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    if (!killed && std::ranges::count(text, '\n') >= kEnough) {
      ASSERT_EQ(::kill(child, SIGKILL), 0);
      killed = true;
    }
  }
  ::close(pipe[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    acknowledged.push_back(text.substr(begin, end - begin));
  }
  EXPECT_GE(acknowledged.size(), static_cast<std::size_t>(kEnough));
  expect_whole_at(database(), acknowledged);
}

}  // namespace
}  // namespace personas::store_sqlite
