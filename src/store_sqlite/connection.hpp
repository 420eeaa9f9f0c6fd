// One SQLite connection with its prepared statements. Used by one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include <sqlite3.h>

#include "personas/base/error.hpp"
#include "personas/store/sql.hpp"
#include "personas/store_sqlite/open.hpp"

#include "errors.hpp"

namespace personas::store_sqlite {

// How long SQLite waits for a lock of a foreign process (a backup tool) before it says busy.
inline constexpr int kBusyMillis = 5'000;
// Past this the writer itself makes room in the WAL, so that its file is written over instead of
// growing: an fsync that need not record a new size takes two thirds of the time (0.15 ms for
// 0.21 ms, measured). Smaller would let writers wait for it more often.
inline constexpr std::int64_t kRestartWalBytes = 16 * 1024 * 1024;
// What an old snapshot has let it grow beyond this is given back at the next restart.
inline constexpr std::int64_t kMaxWalBytes = 64 * 1024 * 1024;

// A prepared statement while it is used; reset when it goes. Empty if it did not compile.
class Statement {
 public:
  enum class Kept : std::uint8_t { kCached, kTemporary };

  Statement() = default;
  Statement(sqlite3_stmt* handle, Kept kept) : handle_(handle), kept_(kept) {}
  Statement(Statement&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), kept_(other.kept_) {}
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { kept_ == Kept::kTemporary ? sqlite3_finalize(handle_) : sqlite3_reset(handle_); }

  explicit operator bool() const { return handle_ != nullptr; }
  sqlite3_stmt* handle() const { return handle_; }
  int step() { return sqlite3_step(handle_); }
  // Text and bytes are bound without a copy. Returns an SQLite result code.
  int bind(std::span<const store::Value> parameters);

 private:
  sqlite3_stmt* handle_ = nullptr;
  Kept kept_ = Kept::kCached;
};

// Before anything else of SQLite is used.
void configure_library_once();

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const SqliteOptions& options, Role role,
                                                  int cache_kib);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* handle() const { return db_; }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

  // The cached statement of `sql`, or one of its own if a visitor of the same statement asks.
  // Empty, with the reason in `code`, if it does not compile.
  Statement prepare(const store::Sql& sql, int& code);
  // Runs a statement without parameters and results; returns the extended result code.
  int run(const store::Sql& sql);
  int run_once(const std::string& sql);
  // The single value of a pragma, as text.
  Result<std::string> pragma(const std::string& sql);

  // Gives a database of an earlier version its checksums, by writing all of it anew. The caller
  // opens it again afterwards.
  Result<void> add_checksums();

  // After a fatal error: closing must not write or fsync again.
  void abandon();

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  Result<void> configure(Role role, int cache_kib);
  Result<void> check_durability();
  Result<void> sync_log();
  sqlite3_stmt* cached(const store::Sql& sql, int& code);

  struct Cached {
    sqlite3_stmt* handle = nullptr;
    std::string text;  // an Sql object that was not static after all would find another's statement
  };

  sqlite3* db_;
  // Keyed by address: Sql objects are static, so this is bounded by the program's text.
  std::unordered_map<const store::Sql*, Cached> statements_;
};

}  // namespace personas::store_sqlite
