#include "checkpointer.hpp"

#include <algorithm>

namespace personas::store_sqlite {

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection, Health& health)
    : connection_(std::move(connection)), health_(health), thread_([this] { loop(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (health_.failed()) connection_->abandon();
}

void Checkpointer::on_commit(int wal_pages) {
  const std::lock_guard lock(mutex_);
  // The WAL began anew if it has become shorter than what was moved.
  moved_pages_ = std::min(moved_pages_, wal_pages);
  if (wanted_ || wal_pages - moved_pages_ < kCheckpointPages) return;
  wanted_ = true;
  wake_.notify_one();
}

void Checkpointer::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    lock.unlock();
    int moved = 0;
    if (!health_.failed()) {
      const std::lock_guard working(working_);
      const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr,
                                                 SQLITE_CHECKPOINT_PASSIVE, nullptr, &moved);
      // A full disk or a busy file is no harm: the WAL holds everything, the next one tries again.
      if (is_fatal(code)) {
        health_.report(code,
                       error_of(connection_->handle(), code, "move the log into the database"),
                       Role::kCheckpointer);
      }
    }
    lock.lock();
    moved_pages_ = std::max(moved, 0);
    wanted_ = false;
  }
}

void Checkpointer::final_checkpoint() {
  if (health_.failed()) return;
  const std::lock_guard working(working_);
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr,
                                             SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (is_fatal(code)) {
    health_.report(code, error_of(connection_->handle(), code, "move the log into the database"),
                   Role::kCheckpointer);
  }
}

}  // namespace personas::store_sqlite
