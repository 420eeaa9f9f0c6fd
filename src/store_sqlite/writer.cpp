#include "writer.hpp"

namespace personas::store_sqlite {

namespace {

// How long emptying the WAL may wait for readers of old snapshots; all writers wait with it.
constexpr int kEmptyWalMillis = 100;

int remember_wal_pages(void* pages, sqlite3* /*db*/, const char* /*schema*/, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, Checkpointer& checkpointer, Health& health,
               store::JournalPosition last)
    : connection_(std::move(connection)),
      checkpointer_(checkpointer),
      health_(health),
      batches_(*connection_, health, last) {
  sqlite3_wal_hook(connection_->handle(), &remember_wal_pages, &wal_pages_);
  const auto page_size = connection_->pragma("PRAGMA page_size");
  page_size_ = page_size ? std::stoll(*page_size) : 4096;
  thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (health_.failed()) connection_->abandon();
}

void Writer::submit(Request&& request) {
  if (health_.failed()) return post_one(std::move(request), fail(refused_after_failure()));
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < kMaxQueuedWrites) {
      queue_.push_back(std::move(request));
      wake = std::exchange(waiting_, false);
    }
  }
  if (wake) wake_.notify_one();
  if (request.done) {
    post_one(std::move(request),
             fail(ErrorCode::kUnavailable, "too many writes are waiting; try again shortly"));
  }
}

void Writer::on_journal(std::function<void(store::JournalPosition)> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

store::StoreStats Writer::stats() const {
  auto stats = batches_.stats();
  const std::lock_guard lock(mutex_);
  stats.queued = queue_.size();
  return stats;
}

void Writer::loop() {
  while (true) {
    switch (batches_.step()) {
      case Batches::Did::kIdle:
        if (!take_queue()) return;
        break;
      case Batches::Did::kStep:
        break;
      case Batches::Did::kCommitWithRecords:
        if (listener_) listener_(batches_.last_position());
        [[fallthrough]];
      case Batches::Did::kCommit:
        checkpointer_.on_commit(wal_pages_);
        limit_wal();
    }
  }
}

bool Writer::take_queue() {
  {
    std::unique_lock lock(mutex_);
    waiting_ = queue_.empty();
    wake_.wait(lock, [this] { return !queue_.empty() || stopping_; });
    waiting_ = false;
    if (queue_.empty()) return false;
    taken_.swap(queue_);
  }
  batches_.add(std::move(taken_));
  return true;
}

// While writers never rest, the checkpointer never catches up to the WAL's end, and SQLite can only
// begin it anew when all of it has been moved. So at its limit the writer moves the rest.
void Writer::limit_wal() {
  const int limit = static_cast<int>(kRestartWalBytes / page_size_);
  if (wal_pages_ < limit) wal_pages_refused_ = 0;
  if (wal_pages_ < limit || wal_pages_ < wal_pages_refused_ + limit / 4) return;
  const auto paused = checkpointer_.pause();
  sqlite3_busy_timeout(connection_->handle(), kEmptyWalMillis);
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr,
                                             SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  sqlite3_busy_timeout(connection_->handle(), kBusyMillis);
  if (code != SQLITE_OK) wal_pages_refused_ = wal_pages_;
  if (is_fatal(code)) {
    health_.report(code, error_of(connection_->handle(), code, "move the log into the database"),
                   Role::kWriter);
  }
}

}  // namespace personas::store_sqlite
