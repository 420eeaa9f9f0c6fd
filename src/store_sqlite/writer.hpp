// The one thread that writes: gathers what waits into one commit, driven by store::GroupCommit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "batches.hpp"
#include "checkpointer.hpp"
#include "connection.hpp"
#include "transaction.hpp"

namespace personas::store_sqlite {

class Writer {
 public:
  // `last` is the position of the journal's last record.
  Writer(std::unique_ptr<Connection> connection, Checkpointer& checkpointer, Health& health,
         store::JournalPosition last);
  ~Writer();  // runs what is queued, then stops

  void submit(Request&& request);
  void on_journal(std::function<void(store::JournalPosition)> listener);

  store::JournalPosition last_position() const { return batches_.last_position(); }
  // Commits, operations, replays, queued, last_commit_micros.
  store::StoreStats stats() const;

 private:
  void loop();
  // Waits for operations; false when there are none left and the writer is to stop.
  bool take_queue();
  void limit_wal();

  std::unique_ptr<Connection> connection_;
  Checkpointer& checkpointer_;
  Health& health_;

  // Of the writer's thread.
  Batches batches_;
  std::vector<Request> taken_;
  int wal_pages_ = 0;          // after the last commit
  int wal_pages_refused_ = 0;  // when a reader last kept the WAL from being emptied
  std::int64_t page_size_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Request> queue_;
  bool waiting_ = false;
  bool stopping_ = false;
  std::function<void(store::JournalPosition)> listener_;

  std::thread thread_;  // last: uses all of the above
};

}  // namespace personas::store_sqlite
