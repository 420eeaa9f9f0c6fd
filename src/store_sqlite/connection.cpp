#include "connection.hpp"

#include <mutex>

#include "checked_files.hpp"
#include "page_checksum.hpp"

namespace personas::store_sqlite {

namespace {

struct Bind {
  sqlite3_stmt* statement;
  int index;

  int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
  int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
  int operator()(std::string_view value) const {
    // A null pointer would mean NULL instead of the empty text.
    const auto* data = value.data() != nullptr ? value.data() : "";
    return sqlite3_bind_text64(statement, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(ByteView value) const {
    if (value.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
    return sqlite3_bind_blob64(statement, index, value.data(), value.size(), SQLITE_STATIC);
  }
};

}  // namespace

// Memory statistics cost a process-wide lock on every allocation.
void configure_library_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

int Statement::bind(std::span<const store::Value> parameters) {
  if (sqlite3_bind_parameter_count(handle_) != static_cast<int>(parameters.size())) {
    return SQLITE_RANGE;
  }
  int index = 0;
  for (const auto& parameter : parameters) {
    const int code = std::visit(Bind{handle_, ++index}, parameter.get());
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

Result<std::unique_ptr<Connection>> Connection::open(const SqliteOptions& options, Role role,
                                                     int cache_kib) {
  sqlite3* db = nullptr;
  // One thread at a time uses a connection, so SQLite's own mutexes are left out.
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const int code = sqlite3_open_v2(options.path.c_str(), &db, kFlags, vfs);
  std::unique_ptr<Connection> connection(new Connection(db));
  if (code != SQLITE_OK) return fail(error_of(db, code, "open the database"));
  TRY_VOID(connection->configure(role, cache_kib));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, cached] : statements_) sqlite3_finalize(cached.handle);
  sqlite3_close(db_);
}

Result<void> Connection::configure(Role role, int cache_kib) {
  // Taken by a database that is made or written anew.
  int reserved = kReservedBytes;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  if (role != Role::kWriter) verify_log_reads(db_);
  sqlite3_busy_timeout(db_, kBusyMillis);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  const auto text = fmt::format(
      "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=ON; "
      "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; "
      "PRAGMA mmap_size=0; PRAGMA journal_size_limit={}; PRAGMA cache_size=-{};",
      kMaxWalBytes, cache_kib);
  if (role == Role::kWriter) TRY_VOID(pragma("PRAGMA journal_mode=WAL"));
  int code = run_once(text);
  if (code == SQLITE_OK && role == Role::kReader) code = run_once("PRAGMA query_only=ON");
  if (code != SQLITE_OK) return fail(error_of(db_, code, "configure the database"));
  if (role == Role::kReader) return {};
  TRY_VOID(check_durability());
  return role == Role::kWriter ? sync_log() : Result<void>{};
}

// A process that was killed between a commit and its fsync leaves a log that only the system's
// memory holds. It can be read, so answers would come of it that a power cut takes back; moving the
// log syncs it first.
Result<void> Connection::sync_log() {
  const int code =
      sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  // For want of space, or beside somebody who reads, it is not moved, but it has been synced.
  if (!is_fatal(code)) return {};
  return fail(error_of(db_, code, "sync the log of the database"));
}

// Settings are requests; a file system may refuse WAL, a build may ignore a pragma.
Result<void> Connection::check_durability() {
  TRY(const auto mode, pragma("PRAGMA journal_mode"));
  TRY(const auto synchronous, pragma("PRAGMA synchronous"));
  if (mode == "wal" && synchronous == "2") return {};
  return fail(ErrorCode::kMisconfigured,
              fmt::format("the database does not keep what it acknowledges (journal_mode={}, "
                          "synchronous={}; needed: wal, 2); put it on a local file system",
                          mode, synchronous));
}

Statement Connection::prepare(const store::Sql& sql, int& code) {
  sqlite3_stmt* statement = cached(sql, code);
  if (statement == nullptr || sqlite3_stmt_busy(statement) == 0) {
    return {statement, Statement::Kept::kCached};
  }
  sqlite3_stmt* own = nullptr;
  code = sqlite3_prepare_v3(db_, sql.text().data(), static_cast<int>(sql.text().size()), 0, &own,
                            nullptr);
  return {own, Statement::Kept::kTemporary};
}

sqlite3_stmt* Connection::cached(const store::Sql& sql, int& code) {
  auto& [handle, text] = statements_[&sql];
  if (handle != nullptr && text == sql.text()) return handle;
  sqlite3_finalize(std::exchange(handle, nullptr));
  text = sql.text();
  code = sqlite3_prepare_v3(db_, text.data(), static_cast<int>(text.size()),
                            SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  return handle;
}

int Connection::run(const store::Sql& sql) {
  int code = SQLITE_OK;
  sqlite3_stmt* statement = cached(sql, code);
  if (statement == nullptr) return code;
  code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

int Connection::run_once(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
}

Result<std::string> Connection::pragma(const std::string& sql) {
  sqlite3_stmt* handle = nullptr;
  int code = sqlite3_prepare_v2(db_, sql.c_str(), -1, &handle, nullptr);
  Statement statement(handle, Statement::Kept::kTemporary);
  if (code == SQLITE_OK) code = statement.step();
  if (code != SQLITE_ROW) return fail(error_of(db_, code, "configure the database"));
  return std::string(reinterpret_cast<const char*>(sqlite3_column_text(handle, 0)));
}

// A crash in the middle leaves the database as it was, or all of the new one in the log. The copy
// is made in a file: it is as large as the database.
Result<void> Connection::add_checksums() {
  int code = run_once("PRAGMA temp_store=FILE; VACUUM");
  if (code == SQLITE_OK) {
    code = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  }
  if (code != SQLITE_OK) return fail(error_of(db_, code, "add checksums to the database"));
  return {};
}

void Connection::abandon() {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

}  // namespace personas::store_sqlite
