// A store on a real file in a directory of its own, for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <stdlib.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::store_sqlite {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = testing::TempDir() + "personas-store-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The real journal, and one small table.
inline constexpr std::string_view kTestSchema = R"(
CREATE TABLE journal (
  position int64 NOT NULL,
  tenant_id text NOT NULL,
  at int64 NOT NULL,
  type text NOT NULL,
  execution_id text,
  persona_id text,
  record bytes NOT NULL,
  leaf bytes NOT NULL,
  PRIMARY KEY (position)
);
CREATE TABLE notes (
  id text NOT NULL,
  n int64 NOT NULL,
  body text,
  PRIMARY KEY (id)
);
)";
inline constexpr store::Migration kTestMigrations[] = {{1, "notes", kTestSchema}};

inline Result<int> migrate_now(store::Store& store, std::span<const store::Migration> migrations) {
  return store::write_now(
      store, [&](store::Transaction& tx) { return store::migrate(tx, migrations, Timestamp{1}); });
}

inline Result<std::int64_t> insert_note(store::Transaction& tx, const std::string& id,
                                        std::int64_t n, std::string_view body = {}) {
  static const store::Sql kInsert{"INSERT INTO notes (id, n, body) VALUES (?, ?, ?)"};
  return tx.execute(kInsert, {id, n, body});
}

inline Result<std::int64_t> count_notes(store::Transaction& tx) {
  static const store::Sql kCount{"SELECT count(*) FROM notes"};
  std::int64_t count = -1;
  TRY_VOID(tx.query(kCount, {}, [&](const store::Row& row) -> Result<bool> {
    count = row.integer(0);
    return true;
  }));
  return count;
}

inline Result<store::JournalPosition> append_note(store::Transaction& tx, std::string_view id) {
  return tx.append({.tenant = default_tenant(),
                    .at = {1},
                    .type = "note.written",
                    .data = fmt::format(R"({{"id":"{}"}})", id),
                    .execution_id = id});
}

inline std::string text_of(store::Store& store, const store::Sql& sql) {
  auto text = store::read_now(store, [&](store::Transaction& tx) -> Result<std::string> {
    std::string first;
    TRY_VOID(tx.query(sql, {}, [&](const store::Row& row) -> Result<bool> {
      first = row.text(0);
      return false;
    }));
    return first;
  });
  return text ? *text : text.error().describe();
}

// "ok", or what is wrong with the file.
inline std::string integrity_of(store::Store& store) {
  static const store::Sql kCheck{"PRAGMA integrity_check"};
  return text_of(store, kCheck);
}

class StoreTest : public testing::Test {
 protected:
  void open(const std::string& vfs = {}) {
    auto opened = open_sqlite({.path = database(), .vfs = vfs}, [this](const Error& error) {
      const std::lock_guard lock(mutex_);
      fatal_.push_back(error);
    });
    ASSERT_TRUE(opened) << opened.error().describe();
    store_ = std::move(*opened);
    const auto migrated = migrate_now(*store_, kTestMigrations);
    ASSERT_TRUE(migrated) << migrated.error().describe();
  }
  std::int64_t notes() { return *store::read_now(*store_, count_notes); }
  std::vector<Error> fatal() {
    const std::lock_guard lock(mutex_);
    return fatal_;
  }
  std::filesystem::path database() const { return directory_.path() / "personas.db"; }

  TemporaryDirectory directory_;
  std::mutex mutex_;
  std::vector<Error> fatal_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace personas::store_sqlite
