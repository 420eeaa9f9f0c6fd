// Single bits flip in the files of a closed store and of one that was killed: each flip is found,
// or it is where nothing is kept. No answer is ever a wrong one.
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>  // lint-allow(sqlite-header): reads without our checks, to compare

#include "personas/base/bytes.hpp"
#include "personas/store_sqlite/open.hpp"

#include "dump.hpp"
#include "faulty_disk.hpp"
#include "folder.hpp"
#include "session.hpp"

namespace personas::lying_disk {
namespace {

constexpr int kFlips = 1'000;  // in each kind of file
constexpr int kFlipsOfAValue = 60;

Result<std::unique_ptr<store::Store>> open(const std::filesystem::path& database,
                                           const std::string& vfs = {}) {
  return store_sqlite::open_sqlite({.path = database, .readers = 1, .vfs = vfs},
                                   [](const Error&) {});
}

Result<std::string> dump_at(const std::filesystem::path& database) {
  TRY(auto store, open(database));
  return dump_of(*store);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void flip(const std::filesystem::path& path, std::uint64_t bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(bit / 8));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(bit / 8));
  file.put(static_cast<char>(byte ^ (1 << (bit % 8))));
}

struct Tally {
  int found = 0;
  int without_effect = 0;
  int wrong = 0;
};

class Flips : public testing::Test {
 protected:
  void SetUp() override {
    seed_ = std::random_device{}();
    random_.seed(seed_);
    live(closed_, {});
    truth_ = dump_at(closed_.database()).value();
  }

  // A whole life; `killed` has the files as a killed process would leave them.
  static void live(const Folder& folder, Folder* killed) {
    for (const auto half : {&first_half, &second_half}) {
      auto store = open(folder.database());
      ASSERT_TRUE(store) << store.error().describe();
      const auto done = half(**store, [] {});
      ASSERT_TRUE(done) << done.error().describe();
      if (killed != nullptr) killed->copy_from(folder);
    }
  }

  using Read = std::function<Result<std::string>(const std::filesystem::path&)>;

  // Flips one bit in a copy of `original` and looks at all that is served.
  void try_flip(const Folder& original, std::string_view file, std::uint64_t bit, const Read& read,
                Tally& tally) {
    work_.copy_from(original);
    flip(work_.path() / file, bit);
    const auto served = read(work_.database());
    if (!served) {
      EXPECT_EQ(served.error().code, ErrorCode::kCorrupt) << served.error().describe();
      ++tally.found;
    } else if (*served == truth_) {
      ++tally.without_effect;
    } else {
      ++tally.wrong;
      where_wrong_ += fmt::format("{} bit {}\n", file, bit);
    }
  }

  Tally try_file(const Folder& original, std::string_view file, int flips, const Read& read) {
    Tally tally;
    const auto bits = 8 * std::filesystem::file_size(original.path() / file);
    for (int i = 0; i < flips; ++i) try_flip(original, file, random_() % bits, read, tally);
    fmt::print("{}: {} flips, {} found, {} without effect, {} wrong answers (seed {})\n", file,
               flips, tally.found, tally.without_effect, tally.wrong, seed_);
    return tally;
  }

  unsigned seed_ = 0;
  std::mt19937_64 random_;
  Folder closed_;
  Folder work_;
  std::string truth_;
  std::string where_wrong_;
};

TEST_F(Flips, InTheDatabaseAreFoundOrWithoutEffect) {
  const auto tally = try_file(closed_, "personas.db", kFlips, &dump_at);
  EXPECT_EQ(tally.wrong, 0) << where_wrong_;
  EXPECT_GT(tally.found, kFlips / 2);
}

TEST_F(Flips, InTheLogOfAKilledProcessAreFoundOrWithoutEffect) {
  Folder killed;
  Folder lived;
  live(lived, &killed);
  ASSERT_GT(std::filesystem::file_size(killed.path() / "personas.db-wal"), 0U);
  work_.copy_from(killed);
  ASSERT_EQ(dump_at(work_.database()).value(), truth_);

  auto tally = try_file(killed, "personas.db-wal", kFlips, &dump_at);
  EXPECT_EQ(tally.wrong, 0) << where_wrong_;
  EXPECT_EQ(tally.found, kFlips) << "every byte of this log belongs to an acknowledged change";
  tally = try_file(killed, "personas.db-walmark", 24 * 8, &dump_at);
  EXPECT_EQ(tally.wrong, 0) << where_wrong_;
  tally = try_file(killed, "personas.db", kFlips / 4, &dump_at);
  EXPECT_EQ(tally.wrong, 0) << where_wrong_;
}

// The first value of a statement, as the hex digits of its bytes.
std::string value_of(const std::filesystem::path& database, const std::string& sql) {
  sqlite3* db = nullptr;
  sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, 0));
  std::string value(data, static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return value;
}

TEST_F(Flips, InAJournalLeafAnOutputBlockOrASecretAreAlwaysFound) {
  const std::pair<std::string_view, std::string> kValues[] = {
      {"journal leaf", "SELECT leaf FROM journal WHERE position = 4"},
      {"journal record", "SELECT substr(record, -32) FROM journal WHERE position = 4"},
      {"output block", "SELECT data FROM output_blocks"},
      {"secret", "SELECT ciphertext FROM secrets"},
  };
  const auto file = contents(closed_.database());
  for (const auto& [name, sql] : kValues) {
    const auto value = value_of(closed_.database(), sql);
    // A long value is continued on other pages; its beginning is in one piece.
    const auto piece = value.substr(0, std::min<std::size_t>(value.size(), 32));
    const auto at = file.find(piece);
    ASSERT_NE(at, std::string::npos) << name;
    Tally tally;
    for (int i = 0; i < kFlipsOfAValue; ++i) {
      try_flip(closed_, "personas.db", 8 * at + random_() % (8 * piece.size()), &dump_at, tally);
    }
    fmt::print("{}: {} of {} flips found\n", name, tally.found, kFlipsOfAValue);
    EXPECT_EQ(tally.found, kFlipsOfAValue) << name << "\n" << where_wrong_;
  }
}

TEST_F(Flips, WithoutOurChecksTheSameFlipsAreServed) {
  const auto tally = try_file(closed_, "personas.db", kFlips / 4, [](const auto& database) {
    auto served = dump_unchecked(database);
    if (!served) return Result<std::string>(fail(ErrorCode::kCorrupt, served.error().message));
    return served;
  });
  EXPECT_GT(tally.wrong, 0) << "the checker would not notice a wrong answer";
}

TEST_F(Flips, AnErrorNamesTheFileAndThePage) {
  work_.copy_from(closed_);
  flip(work_.database(), 8 * (5 * 4096 + 100));
  const auto served = dump_at(work_.database());
  ASSERT_FALSE(served);
  EXPECT_NE(served.error().message.find("page 6 of personas.db is damaged"), std::string::npos)
      << served.error().message;
  EXPECT_NE(served.error().message.find("backup"), std::string::npos);
}

// ---- a database of an earlier version ----------------------------------------------------------

void run_sql(sqlite3* db, const std::string& sql) {
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
      << (message != nullptr ? message : "") << " in " << sql;
}

// The same tables and rows in a file without reserved bytes, as versions before made it.
void make_old(const Folder& from, const Folder& to) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(to.database().c_str(), &db), SQLITE_OK);
  run_sql(db, "PRAGMA journal_mode=WAL");
  run_sql(db, "ATTACH '" + from.database().string() + "' AS made");
  std::vector<std::pair<std::string, std::string>> tables;
  std::vector<std::string> indexes;
  sqlite3_stmt* statement = nullptr;
  // Without statistics, which those versions did not write.
  sqlite3_prepare_v2(db,
                     "SELECT type, name, sql FROM made.sqlite_schema WHERE sql IS NOT NULL AND "
                     "name <> 'sqlite_stat1'",
                     -1, &statement, nullptr);
  const auto text = [&](int column) {
    return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)));
  };
  while (sqlite3_step(statement) == SQLITE_ROW) {
    if (text(0) == "table") tables.emplace_back(text(1), text(2));
    if (text(0) == "index") indexes.push_back(text(2));
  }
  sqlite3_finalize(statement);
  for (const auto& [name, sql] : tables) {
    run_sql(db, sql);
    run_sql(db, fmt::format("INSERT INTO main.{0} SELECT * FROM made.{0}", name));
  }
  for (const auto& sql : indexes) run_sql(db, sql);
  sqlite3_close(db);
}

char reserved_bytes(const std::filesystem::path& database) {
  return contents(database).at(20);
}

TEST_F(Flips, AnOldDatabaseIsGivenChecksumsAtItsFirstStart) {
  Folder old;
  make_old(closed_, old);
  ASSERT_EQ(reserved_bytes(old.database()), 0);
  EXPECT_EQ(dump_at(old.database()).value(), truth_);
  EXPECT_EQ(reserved_bytes(old.database()), 8);
  EXPECT_EQ(dump_at(old.database()).value(), truth_);
  const auto tally = try_file(old, "personas.db", kFlips / 4, &dump_at);
  EXPECT_EQ(tally.wrong, 0) << where_wrong_;
  EXPECT_GT(tally.found, kFlips / 8);
}

TEST_F(Flips, APowerCutWhileAnOldDatabaseIsConvertedLosesNothing) {
  Folder old;
  make_old(closed_, old);
  store_sqlite::FaultyDisk disk;
  std::vector<std::unique_ptr<Folder>> left;
  std::mt19937 cuts(seed_);
  disk.before_each_change([&] {
    left.push_back(std::make_unique<Folder>());
    disk.cut_power(left.back()->path(), cuts);
  });
  ASSERT_TRUE(open(old.database(), disk.name()));
  for (const auto& cut : left) {
    SCOPED_TRACE(fmt::format("seed {}", seed_));
    const auto served = dump_at(cut->database());
    ASSERT_TRUE(served) << served.error().describe();
    ASSERT_EQ(*served, truth_);
    ASSERT_EQ(reserved_bytes(cut->database()), 8);
  }
  fmt::print("{} power cuts during a conversion\n", left.size());
  EXPECT_GT(left.size(), 20U);
}

// ---- other programs ----------------------------------------------------------------------------

TEST_F(Flips, AnotherSqliteProgramMayFinishTheLogAndMakeCopies) {
  Folder killed;
  Folder lived;
  live(lived, &killed);
  EXPECT_EQ(dump_unchecked(killed.database()).value(), truth_);  // moves the log and removes it
  EXPECT_FALSE(std::filesystem::exists(killed.path() / "personas.db-wal"));
  EXPECT_EQ(dump_at(killed.database()).value(), truth_);

  Folder copy;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(closed_.database().c_str(), &db), SQLITE_OK);
  run_sql(db, "VACUUM INTO '" + copy.database().string() + "'");
  sqlite3_close(db);
  EXPECT_EQ(dump_at(copy.database()).value(), truth_);
}

}  // namespace
}  // namespace personas::lying_disk
