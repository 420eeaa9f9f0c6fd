#include "writer.hpp"

#include <chrono>

namespace personas::store_sqlite {

namespace {

const store::Sql kBegin{"BEGIN IMMEDIATE"};
const store::Sql kCommit{"COMMIT"};
const store::Sql kRollback{"ROLLBACK"};

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
      transaction_(*connection_, health, Role::kWriter),
      position_(last.value) {
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
  store::StoreStats stats;
  stats.commits = commits_;
  stats.operations = operations_;
  stats.replays = replays_;
  stats.last_commit_micros = last_commit_micros_;
  using Disk = store::StoreStats::Disk;
  stats.disk = health_.failed() ? Disk::kFailed : disk_full_ ? Disk::kFull : Disk::kOk;
  const std::lock_guard lock(mutex_);
  stats.queued = queue_.size();
  return stats;
}

void Writer::loop() {
  while (true) {
    switch (machine_.next()) {
      case store::GroupCommit::Step::kWait:
        if (!take_queue()) return;
        break;
      case store::GroupCommit::Step::kBegin:
        begin();
        break;
      case store::GroupCommit::Step::kRun:
        run_current();
        break;
      case store::GroupCommit::Step::kCommit:
        commit();
        break;
      case store::GroupCommit::Step::kRollback:
        roll_back();
        break;
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
  machine_.add(taken_.size());
  for (auto& request : taken_) requests_.push_back(std::move(request));
  taken_.clear();
  return true;
}

void Writer::begin() {
  if (health_.failed()) {
    machine_.began(fail(refused_after_failure()));
    return deliver();
  }
  const int code = connection_->run(kBegin);
  transaction_.begin({position_.load(std::memory_order_relaxed)});
  if (code == SQLITE_OK) return machine_.began({});
  auto error = error_of(connection_->handle(), code, "begin to write");
  health_.report(code, error);
  machine_.began(fail(std::move(error)));
  deliver();
}

void Writer::run_current() {
  auto& request = requests_[machine_.current() - first_request_];
  auto outcome = transaction_.run(request.operation);
  machine_.ran(std::move(outcome), transaction_.wrote());
}

void Writer::commit() {
  const auto started = std::chrono::steady_clock::now();
  const int code = connection_->run(kCommit);
  const auto took = std::chrono::steady_clock::now() - started;
  if (code != SQLITE_OK) {
    machine_.committed(commit_error(code));
    return deliver();
  }
  last_commit_micros_.store(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  commits_.fetch_add(1, std::memory_order_relaxed);
  disk_full_.store(false, std::memory_order_relaxed);
  const auto position = transaction_.last_position();
  const bool appended = position.value != position_.exchange(position.value);
  machine_.committed({});
  deliver();
  if (appended && listener_) listener_(position);
  checkpointer_.on_commit(wal_pages_);
  limit_wal();
}

Result<void> Writer::commit_error(int code) {
  auto error = error_of(connection_->handle(), code, "commit");
  health_.report(code, error);
  // SQLite reports a full disk before it has marked the transaction as committed, and everything
  // else that is not the disk's fault before it has written.
  if (is_fatal(code)) error.code = ErrorCode::kOutcomeUnknown;
  return fail(std::move(error));
}

void Writer::roll_back() {
  // SQLite may have rolled back by itself; a rollback that fails has done so too.
  if (connection_->in_transaction()) connection_->run(kRollback);
  machine_.rolled_back();
  deliver();
}

void Writer::deliver() {
  for (auto& [operation, result] : machine_.take_outcomes()) {
    if (!result && result.error().code == ErrorCode::kStorageFull) disk_full_.store(true);
    completions_.add(std::move(requests_.front()), std::move(result));
    requests_.pop_front();
    ++first_request_;
    operations_.fetch_add(1, std::memory_order_relaxed);
  }
  replays_.store(machine_.replays(), std::memory_order_relaxed);
  completions_.post_all();
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
    health_.report(code, error_of(connection_->handle(), code, "move the log into the database"));
  }
}

}  // namespace personas::store_sqlite
