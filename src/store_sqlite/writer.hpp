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

#include "personas/store/group_commit.hpp"

#include "checkpointer.hpp"
#include "completions.hpp"
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

  store::JournalPosition last_position() const { return {position_.load()}; }
  // Commits, operations, replays, queued, last_commit_micros.
  store::StoreStats stats() const;

 private:
  void loop();
  // Waits for operations; false when there are none left and the writer is to stop.
  bool take_queue();
  void begin();
  void run_current();
  void commit();
  void roll_back();
  Result<void> commit_error(int code);
  void deliver();
  void limit_wal();

  std::unique_ptr<Connection> connection_;
  Checkpointer& checkpointer_;
  Health& health_;

  // Of the writer's thread.
  SqliteTransaction transaction_;
  store::GroupCommit machine_;
  std::deque<Request> requests_;   // not decided yet
  std::size_t first_request_ = 0;  // number of requests_.front()
  std::vector<Request> taken_;
  Completions completions_;
  int wal_pages_ = 0;          // after the last commit
  int wal_pages_refused_ = 0;  // when a reader last kept the WAL from being emptied
  std::int64_t page_size_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Request> queue_;
  bool waiting_ = false;
  bool stopping_ = false;
  std::function<void(store::JournalPosition)> listener_;

  std::atomic<std::int64_t> position_;
  std::atomic<std::uint64_t> commits_ = 0;
  std::atomic<std::uint64_t> operations_ = 0;
  std::atomic<std::uint64_t> replays_ = 0;
  std::atomic<std::int64_t> last_commit_micros_ = 0;
  std::atomic<bool> disk_full_ = false;
  std::thread thread_;  // last: uses all of the above
};

}  // namespace personas::store_sqlite
