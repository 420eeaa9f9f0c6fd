#include "bare_sqlite.hpp"

#include <memory>
#include <vector>

#include <fmt/format.h>
// lint-allow(sqlite-header): what SQLite takes without our code is what is measured here
#include <sqlite3.h>

#include "personas/store/blocking.hpp"
#include "personas/store/migrations.hpp"
#include "personas/store/schema.hpp"
#include "personas/store_sqlite/open.hpp"

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr int kInCommit = 64;
constexpr int kCommits = 60;
constexpr int kWarmCommits = 5;

// ?1 is the id of what is written, ?2 the position of the record. The least that leaves the same
// rows and index entries as the program does: one statement each, nothing read.
constexpr std::string_view kRecord =
    "INSERT INTO journal (position, tenant_id, at, type, execution_id, persona_id, record, leaf) "
    "VALUES (?2, 'default', 1700000000000000, 'execution.status', ?1, NULL, "
    "zeroblob(180), zeroblob(32))";
constexpr std::string_view kQueue =
    "INSERT INTO executions (tenant_id, id, persona_id, status, priority, queued_at, not_before, "
    "attempt, last_seq, cancel_requested, output_bytes, prompt, source, credential_ids, "
    "created_at) VALUES ('default', ?1, '', 'queued', 0, 1700000000000000, 1700000000000000, 0, "
    "0, 0, 0, 'x', 'api', '[]', 1700000000000000)";
constexpr std::string_view kClaim =
    "UPDATE executions SET status = 'running', attempt = 1, worker_id = 'null-1', worker_instance "
    "= 'null-1-1', node_id = 'node', started_at = 1700000000000001, attempt_started_at = "
    "1700000000000001 WHERE tenant_id = 'default' AND id = ?1";
constexpr std::string_view kOutput =
    "INSERT INTO output_blocks (tenant_id, execution_id, attempt, last_seq, first_seq, stream, "
    "size, codec, data) VALUES ('default', ?1, 1, 1, 1, 'stdout', 2, 'plain', x'780a')";
constexpr std::string_view kAttempt =
    "INSERT INTO attempts (tenant_id, execution_id, attempt, worker_id, node_id, status, "
    "exit_code, started_at, completed_at, duration_ms, backend, turns, counts) VALUES ('default', "
    "?1, 1, 'null-1', 'node', 'completed', 0, 1700000000000001, 1700000000000002, 0, 'claude', 0, "
    "1)";
constexpr std::string_view kOver =
    "UPDATE executions SET status = 'completed', last_seq = 2, output_bytes = 2, completed_at = "
    "1700000000000002, exit_code = 0 WHERE tenant_id = 'default' AND id = ?1";
constexpr std::string_view kMeter =
    "INSERT INTO metering VALUES ('default', 1700000000000000, '', 'claude', '', 'null-1', 1, 0, "
    "1, 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT (tenant_id, hour, persona_id, backend, model, "
    "worker_id) DO UPDATE SET executions = executions + 1, attempts = attempts + 1";
constexpr std::string_view kEvent =
    "INSERT INTO events (tenant_id, id, event_type, source_type, payload, status, retry_count, "
    "origin, created_at) VALUES ('default', ?1, 'bench', 'manual', '{\"n\":1}', 'pending', 0, "
    "'node', 1700000000000000)";

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

class Bare {
 public:
  explicit Bare(const std::string& path) {
    sqlite3* db = nullptr;
    good_ = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                            nullptr) == SQLITE_OK;
    db_.reset(db);
    run("PRAGMA synchronous=FULL");
    run("PRAGMA cache_size=-16384");
  }

  // Microseconds for one round of `statements`.
  double measure(const std::vector<std::string_view>& statements) {
    std::vector<Statement> prepared;
    for (const auto text : statements) {
      sqlite3_stmt* handle = nullptr;
      good_ = good_ && sqlite3_prepare_v3(db_.get(), text.data(), static_cast<int>(text.size()),
                                          SQLITE_PREPARE_PERSISTENT, &handle, nullptr) == SQLITE_OK;
      prepared.emplace_back(handle);
    }
    for (int i = 0; i < kWarmCommits; ++i) commit(prepared);
    const SteadyTime start = SteadyClock::now();
    for (int i = 0; i < kCommits; ++i) commit(prepared);
    return ms_between(start, SteadyClock::now()) * 1000 / (kCommits * kInCommit);
  }
  bool good() const { return good_; }
  std::string error() const { return sqlite3_errmsg(db_.get()); }

 private:
  void run(const char* text) {
    good_ = good_ && sqlite3_exec(db_.get(), text, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  void commit(const std::vector<Statement>& statements) {
    run("BEGIN IMMEDIATE");
    for (int i = 0; i < kInCommit && good_; ++i) {
      const std::string id = fmt::format("bench_{:026}", ++number_);
      for (const auto& statement : statements) {
        sqlite3_bind_text(statement.get(), 1, id.data(), static_cast<int>(id.size()),
                          SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(statement.get()) > 1) {
          sqlite3_bind_int64(statement.get(), 2, ++position_);
        }
        good_ = good_ && sqlite3_step(statement.get()) == SQLITE_DONE;
        sqlite3_reset(statement.get());
      }
    }
    run("COMMIT");
  }

  std::unique_ptr<sqlite3, Close> db_;
  bool good_ = false;
  std::int64_t number_ = 0;
  std::int64_t position_ = 0;
};

}  // namespace

Result<BareRows> sqlite_rows_of_null_executions(const std::string& folder) {
  const std::string path = folder + "/bare.db";
  {
    TRY(const auto store, store_sqlite::open_sqlite({.path = path}, [](const Error&) {}));
    TRY_VOID(store::write_now(*store, [](store::Transaction& tx) {
      return store::migrate(tx, store::schema_migrations(), Timestamp{1});
    }));
  }
  Bare bare(path);
  BareRows rows;
  rows.execution_us = bare.measure(
      {kQueue, kRecord, kClaim, kRecord, kOutput, kRecord, kAttempt, kOver, kRecord, kMeter});
  rows.event_us = bare.measure({kEvent, kRecord, kMeter});
  rows.record_us = bare.measure({kRecord});
  if (bare.good()) return rows;
  return fail(ErrorCode::kUnavailable, "SQLite refused a bare statement: " + bare.error() +
                                           ". The schema has moved on; so must bare_sqlite.cpp.");
}

}  // namespace personas::bench
