#include <algorithm>

#include "personas/store_sqlite/open.hpp"

#include "checked_files.hpp"
#include "checkpointer.hpp"
#include "connection.hpp"
#include "files.hpp"
#include "plans.hpp"
#include "readers.hpp"
#include "writer.hpp"

namespace personas::store_sqlite {

namespace {

class SqliteStore final : public store::Store {
 public:
  SqliteStore(SqliteOptions options, FileLock lock, FatalHandler on_fatal)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        files_(options_.vfs),
        health_(std::move(on_fatal), options_.on_damage) {
    options_.vfs = files_.name();
  }

  ~SqliteStore() override {
    // Readers first, so that no snapshot keeps the WAL from being emptied.
    readers_.reset();
    writer_.reset();
    if (checkpointer_) checkpointer_->final_checkpoint();
  }

  Result<void> start();

  void submit_write(store::Operation operation, boost::asio::any_io_executor executor,
                    store::Completion done) override {
    writer_->submit({std::move(operation), std::move(executor), std::move(done)});
  }
  void submit_read(store::Operation operation, boost::asio::any_io_executor executor,
                   store::Completion done) override {
    readers_->submit({std::move(operation), std::move(executor), std::move(done)});
  }
  void on_journal(std::function<void(store::JournalPosition)> listener) override {
    writer_->on_journal(std::move(listener));
  }
  store::JournalPosition last_position() const override { return writer_->last_position(); }
  store::StoreStats stats() const override {
    auto stats = writer_->stats();
    stats.file_bytes = file_size_or_zero(options_.path);
    stats.damaged_reads = health_.damaged_reads();
    stats.wal_bytes = file_size_or_zero(wal_path(options_.path));
    return stats;
  }
  std::string_view engine() const override { return "sqlite"; }

 private:
  Result<std::unique_ptr<Connection>> open_writer(int cache_kib);

  SqliteOptions options_;
  FileLock lock_;
  CheckedVfs files_;
  Health health_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Readers> readers_;
};

// Zero before the first migration has made the table.
Result<store::JournalPosition> last_recorded(Connection& connection) {
  TRY(const auto tables, connection.pragma("SELECT count(*) FROM sqlite_schema "
                                           "WHERE type = 'table' AND name = 'journal'"));
  if (tables == "0") return store::JournalPosition{};
  TRY(const auto last, connection.pragma("SELECT coalesce(max(position), 0) FROM journal"));
  return store::JournalPosition{std::stoll(last)};
}

Result<std::unique_ptr<Connection>> SqliteStore::open_writer(int cache_kib) {
  TRY(auto connection, Connection::open(options_, Role::kWriter, cache_kib));
  if (!opened_without_checksums(connection->handle())) return connection;
  TRY_VOID(connection->add_checksums());
  connection.reset();
  TRY(connection, Connection::open(options_, Role::kWriter, cache_kib));
  if (!opened_without_checksums(connection->handle())) return connection;
  return fail(ErrorCode::kInternal, "the database could not be given checksums");
}

Result<void> SqliteStore::start() {
  TRY_VOID(check_log(options_.path));
  const int readers = std::clamp(options_.readers, 1, kMaxReaders);
  // The writer touches the most pages; the checkpointer copies them without a cache.
  const int writer_kib = options_.cache_kib / 2;
  const int reader_kib = options_.cache_kib / 2 / readers;
  constexpr int kCheckpointerKib = 64;

  TRY(auto writing, open_writer(writer_kib));
  TRY_VOID(fix_plans(*writing));  // of a database of an earlier version
  TRY(auto checkpointing, Connection::open(options_, Role::kCheckpointer, kCheckpointerKib));
  std::vector<std::unique_ptr<Connection>> reading;
  for (int i = 0; i < readers; ++i) {
    TRY(auto connection, Connection::open(options_, Role::kReader, reader_kib));
    reading.push_back(std::move(connection));
  }
  TRY(const auto last, last_recorded(*writing));
  checkpointer_ = std::make_unique<Checkpointer>(std::move(checkpointing), health_);
  writer_ = std::make_unique<Writer>(std::move(writing), *checkpointer_, health_, last);
  readers_ = std::make_unique<Readers>(std::move(reading), health_);
  return {};
}

}  // namespace

Result<std::unique_ptr<store::Store>> open_sqlite(SqliteOptions options, FatalHandler on_fatal) {
  TRY(auto lock, FileLock::acquire(options.path));
  TRY_VOID(make_private(options.path));
  configure_library_once();
  auto store =
      std::make_unique<SqliteStore>(std::move(options), std::move(lock), std::move(on_fatal));
  TRY_VOID(store->start());
  return store;
}

}  // namespace personas::store_sqlite
