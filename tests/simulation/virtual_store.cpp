#include "virtual_store.hpp"

#include <string>
#include <utility>

#include <boost/asio/post.hpp>

#include "batches.hpp"
#include "connection.hpp"
#include "errors.hpp"
#include "transaction.hpp"

namespace personas::simulation {
namespace {

using store_sqlite::Batches;
using store_sqlite::Connection;
using store_sqlite::Request;
using store_sqlite::Role;

constexpr int kCacheKib = 4 * 1024;
// How much may gather in the log before it is moved: little, so that it happens in every run.
constexpr int kFewPages = 20;
constexpr int kManyPages = 400;

const store::Sql kBegin{"BEGIN"};
const store::Sql kCommit{"COMMIT"};

int remember_pages(void* pages, sqlite3* /*db*/, const char* /*schema*/, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

Error replaced() {
  return {ErrorCode::kUnavailable, "another process has this database", {}};
}

}  // namespace

struct VirtualStore::Parts {
  Parts(std::unique_ptr<Connection> opened, store_sqlite::FatalHandler on_fatal,
        store::JournalPosition last)
      : health(std::move(on_fatal)),
        connection(std::move(opened)),
        batches(*connection, health, last) {}

  store_sqlite::Health health;
  std::unique_ptr<Connection> connection;
  Batches batches;
  std::vector<Request> queue;
  struct Decided {
    boost::asio::any_io_executor executor;
    store::Completion done;
    Result<void> outcome;
  };
  std::vector<Decided> decided;  // and not told yet
  int log_pages = 0;
  int move_at = kFewPages;
};

VirtualStore::VirtualStore(Process& process, Random& random, StoreWatch watch)
    : process_(process), random_(random), watch_(std::move(watch)) {}

VirtualStore::~VirtualStore() = default;

Result<std::unique_ptr<VirtualStore>> VirtualStore::open(Process& process, Random& random,
                                                         Disk& disk, StoreWatch watch) {
  TRY(auto connection,
      Connection::open({.path = "personas.db", .vfs = disk.vfs()}, Role::kWriter, kCacheKib));
  store::JournalPosition last;
  TRY(const auto tables, connection->pragma("SELECT count(*) FROM sqlite_schema WHERE type = "
                                            "'table' AND name = 'journal'"));
  if (tables != "0") {
    TRY(const auto found, connection->pragma("SELECT coalesce(max(position), 0) FROM journal"));
    last.value = std::stoll(found);
  }
  std::unique_ptr<VirtualStore> made(new VirtualStore(process, random, std::move(watch)));
  auto fatal = [store = made.get()](const Error& error) { store->watch_.fatal(error); };
  made->parts_ = std::make_unique<Parts>(std::move(connection), fatal, last);
  sqlite3_wal_hook(made->parts_->connection->handle(), &remember_pages, &made->parts_->log_pages);
  return made;
}

void VirtualStore::submit_write(store::Operation operation, boost::asio::any_io_executor executor,
                                store::Completion done) {
  auto* parts = parts_.get();
  auto decided = [parts, executor = std::move(executor),
                  done = std::move(done)](Result<void> outcome) mutable {
    parts->decided.push_back({std::move(executor), std::move(done), std::move(outcome)});
  };
  parts->queue.push_back({std::move(operation), {}, std::move(decided)});
  if (std::exchange(busy_, true)) return;
  process_.after(between(random_, microseconds(5), microseconds(300)), [this] { turn(); });
}

void VirtualStore::turn() {
  if (successor_) {
    for (auto& request : std::exchange(parts_->queue, {})) {
      request.done(try_late(request.operation));
    }
  } else {
    auto& batches = parts_->batches;
    batches.add(std::move(parts_->queue));
    for (auto did = batches.step(); did != Batches::Did::kIdle; did = batches.step()) {
      if (did == Batches::Did::kCommit || did == Batches::Did::kCommitWithRecords) {
        watch_.committed();
      }
    }
    move_log();
  }
  const bool slow = chance(random_, 3);
  process_.after(
      between(random_, microseconds(100), slow ? Duration(seconds(1)) : milliseconds(12)),
      [this] { tell(); });
}

void VirtualStore::tell() {
  const auto last = parts_->batches.last_position();
  if (!successor_) watch_.acknowledged(last);
  for (auto& one : std::exchange(parts_->decided, {})) {
    auto tell = [done = std::move(one.done), outcome = std::move(one.outcome)]() mutable {
      done(std::move(outcome));
    };
    one.executor ? boost::asio::post(one.executor, std::move(tell)) : tell();
  }
  if (listener_) listener_(last);
  if (parts_->queue.empty()) {
    busy_ = false;
  } else {
    turn();
  }
}

void VirtualStore::submit_read(store::Operation operation, boost::asio::any_io_executor executor,
                               store::Completion done) {
  auto read = [this, operation = std::move(operation), executor = std::move(executor),
               done = std::move(done)]() mutable {
    auto outcome = read_now([&operation](store::Transaction& tx) { return operation(tx); });
    boost::asio::post(executor, [done = std::move(done), outcome = std::move(outcome)]() mutable {
      done(std::move(outcome));
    });
  };
  process_.after(between(random_, microseconds(5), milliseconds(2)), std::move(read));
}

Result<void> VirtualStore::read_now(
    const std::function<Result<void>(store::Transaction&)>& operation) {
  if (successor_) {
    auto* successor = successor_();
    return successor != nullptr ? successor->read_now(operation) : fail(replaced());
  }
  auto& connection = *parts_->connection;
  if (parts_->health.failed()) return fail(store_sqlite::refused_after_failure());
  if (const int code = connection.run(kBegin); code != SQLITE_OK) {
    return fail(store_sqlite::error_of(connection.handle(), code, "begin to read"));
  }
  store_sqlite::SqliteTransaction transaction(connection, parts_->health, Role::kReader);
  store::Operation once = [&operation](store::Transaction& tx) { return operation(tx); };
  auto outcome = transaction.run(once);
  if (connection.in_transaction()) connection.run(kCommit);
  return outcome;
}

Result<void> VirtualStore::write_now(store::Operation operation) {
  Result<void> outcome;
  std::vector<Request> one;
  one.push_back({std::move(operation), {}, [&outcome](Result<void> decided) {
                   outcome = std::move(decided);
                 }});
  parts_->batches.add(std::move(one));
  while (parts_->batches.step() != Batches::Did::kIdle) {
  }
  return outcome;
}

void VirtualStore::move_log() {
  if (parts_->log_pages < parts_->move_at || parts_->health.failed()) return;
  parts_->move_at = kFewPages + static_cast<int>(random_.below(kManyPages));
  // As the checkpointer does beside the writer, and the writer itself when the log is too long.
  const int how = chance(random_, 70) ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART;
  auto* db = parts_->connection->handle();
  const int code = sqlite3_wal_checkpoint_v2(db, nullptr, how, nullptr, nullptr);
  parts_->log_pages = 0;
  if (store_sqlite::is_fatal(code)) {
    parts_->health.report(code, store_sqlite::error_of(db, code, "move the log"),
                          Role::kCheckpointer);
  }
}

void VirtualStore::on_journal(std::function<void(store::JournalPosition)> listener) {
  listener_ = std::move(listener);
}

store::JournalPosition VirtualStore::last_position() const {
  return parts_->batches.last_position();
}

store::StoreStats VirtualStore::stats() const {
  auto stats = parts_->batches.stats();
  stats.queued = parts_->queue.size();
  return stats;
}

void VirtualStore::outlive(Successor successor) {
  successor_ = std::move(successor);
  parts_->connection->abandon();
  parts_->connection.reset();
}

Result<void> VirtualStore::try_late(store::Operation& operation) {
  auto* successor = successor_();
  if (successor == nullptr) return fail(replaced());
  return successor->write_now([&](store::Transaction& tx) { return watch_.late(tx, operation); });
}

void VirtualStore::abandon() {
  parts_->decided.clear();
  parts_->queue.clear();
  if (parts_->connection) parts_->connection->abandon();
}

void VirtualStore::close() {
  if (parts_->health.failed()) parts_->connection->abandon();
  parts_->connection.reset();
}

}  // namespace personas::simulation
