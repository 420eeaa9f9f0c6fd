// Port of the database (docs/decisions/0003-store.md).
//
// A write is a closure over a Transaction. It is RE-RUNNABLE: the engine gathers many closures into
// one commit and, if one of them fails after it has written, rolls back and runs the others again
// (group_commit.hpp). So a closure has no effect outside the transaction but its return value, and
// whatever it captured by reference must be assigned, not appended to. A closure that returns an
// error leaves no trace. `kOutcomeUnknown` means that the commit itself failed: it may or may not
// have happened. The caller goes on only after the commit is on disk.
//
// Every method may be called from any thread. Tasks resume on the caller's executor, which outlives
// the store: its destructor finishes what is queued and posts the last completions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/store/journal.hpp"
#include "personas/store/sql.hpp"

namespace personas {
struct UsageCounters;
}

namespace personas::store {

struct MeteringKey;

class Transaction {
 public:
  virtual ~Transaction() = default;

  // Rows changed. A broken unique or foreign-key constraint is kConflict.
  virtual Result<std::int64_t> execute(const Sql& sql, std::span<const Value> parameters) = 0;
  // Visits the rows; returns how many were visited.
  virtual Result<std::int64_t> query(const Sql& sql, std::span<const Value> parameters,
                                     const RowVisitor& visit) = 0;
  // Appends to the journal; refused (kPayloadTooLarge) past kMaxRecordBytes.
  virtual Result<JournalPosition> append(const JournalDraft& draft) = 0;
  // Adds to the counters of what was used. Engines add up in memory and write each row once per
  // commit, so queries of this transaction do not see it
  // (docs/decisions/0019-metering-per-commit.md).
  virtual Result<void> meter(const MeteringKey& key, const UsageCounters& counters) = 0;
  // Runs one statement that defines tables or indexes, for migrations only. Column types are the
  // neutral words int64, float64, text and bytes; a table names its primary key.
  virtual Result<void> define(std::string_view statement) = 0;

  Result<std::int64_t> execute(const Sql& sql, std::initializer_list<Value> parameters) {
    return execute(sql, std::span(parameters.begin(), parameters.size()));
  }
  Result<std::int64_t> query(const Sql& sql, std::initializer_list<Value> parameters,
                             const RowVisitor& visit) {
    return query(sql, std::span(parameters.begin(), parameters.size()), visit);
  }
  // Executes with the cells of a described struct (codec::to_cells) as parameters.
  Result<std::int64_t> execute_cells(const Sql& sql, std::span<const codec::Cell> cells);

  // The first row as T, or nullopt. T is a described struct selected by codec::columns<T>().
  template <class T>
  Result<std::optional<T>> find(const Sql& sql, std::initializer_list<Value> parameters) {
    std::optional<T> found;
    TRY_VOID(query(sql, parameters, [&](const Row& row) -> Result<bool> {
      TRY(found, codec::from_row<T>(row));
      return false;
    }));
    return found;
  }
  template <class T>
  Result<std::vector<T>> list(const Sql& sql, std::span<const Value> parameters) {
    std::vector<T> all;
    TRY_VOID(query(sql, parameters, [&](const Row& row) -> Result<bool> {
      TRY(auto one, codec::from_row<T>(row));
      all.push_back(std::move(one));
      return true;
    }));
    return all;
  }
  template <class T>
  Result<std::vector<T>> list(const Sql& sql, std::initializer_list<Value> parameters) {
    return list<T>(sql, std::span(parameters.begin(), parameters.size()));
  }
};

using Operation = std::move_only_function<Result<void>(Transaction&)>;
using Completion = std::move_only_function<void(Result<void>)>;

struct StoreStats {
  std::uint64_t commits = 0;
  std::uint64_t operations = 0;
  std::uint64_t replays = 0;  // operations run again because a neighbour failed
  std::uint64_t queued = 0;   // waiting writes now
  std::int64_t last_commit_micros = 0;
  // What the last write that had something to say about it found; kFailed is for good.
  enum class Disk : std::uint8_t { kOk, kFull, kFailed } disk = Disk::kOk;
  std::int64_t file_bytes = 0;
  std::int64_t wal_bytes = 0;
  std::uint64_t damaged_reads = 0;  // refused because what they read was damaged
};

class Store {
 public:
  virtual ~Store() = default;

  // `done` runs on `executor` after the outcome is durable. A full queue answers kUnavailable.
  // With an empty executor `done` runs on the engine's thread and must only pass the news on.
  virtual void submit_write(Operation operation, boost::asio::any_io_executor executor,
                            Completion done) = 0;
  // Reads see one snapshot; they run beside the writer.
  virtual void submit_read(Operation operation, boost::asio::any_io_executor executor,
                           Completion done) = 0;

  // Called after each commit that appended to the journal, with the last position in it; runs on
  // the engine's thread and must only pass the news on. Set before the first write.
  virtual void on_journal(std::function<void(JournalPosition)> listener) = 0;
  virtual JournalPosition last_position() const = 0;
  virtual StoreStats stats() const = 0;
  virtual std::string_view engine() const = 0;  // "sqlite"

  // Coroutine forms: F is Result<T>(Transaction&), and T is what the task yields.
  template <class F>
  auto write(F operation) -> Task<std::invoke_result_t<F&, Transaction&>> {
    return run(std::move(operation), &Store::submit_write);
  }
  template <class F>
  auto read(F operation) -> Task<std::invoke_result_t<F&, Transaction&>> {
    return run(std::move(operation), &Store::submit_read);
  }

 private:
  using Submit = void (Store::*)(Operation, boost::asio::any_io_executor, Completion);
  // Suspends until `submit` has completed `operation`.
  Task<Result<void>> wait(Operation operation, Submit submit);

  template <class F>
  auto run(F operation, Submit submit) -> Task<std::invoke_result_t<F&, Transaction&>> {
    using R = std::invoke_result_t<F&, Transaction&>;
    // The result lives in this frame, which outlives the operation because we wait for it.
    std::optional<R> result;
    Operation erased = [&result,
                        operation = std::move(operation)](Transaction& tx) mutable -> Result<void> {
      result.emplace(operation(tx));
      if (!*result) return std::unexpected(result->error());
      return {};
    };
    auto outcome = co_await wait(std::move(erased), submit);
    if (!outcome) co_return std::unexpected(std::move(outcome).error());
    co_return std::move(*result);
  }
};

}  // namespace personas::store
