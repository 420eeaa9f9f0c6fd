// Commits queued operations in groups: carries out what store::GroupCommit says on one connection.
// Has no thread and waits for nothing; its driver calls step(). Statistics may be read from any
// thread, all else belongs to the driver's.
#pragma once

#include <atomic>
#include <deque>
#include <vector>

#include "personas/store/group_commit.hpp"

#include "completions.hpp"
#include "transaction.hpp"

namespace personas::store_sqlite {

class Batches {
 public:
  // `last` is the position of the journal's last record.
  Batches(Connection& connection, Health& health, store::JournalPosition last);

  void add(std::vector<Request>&& requests);
  // One step of the machine. kIdle: nothing is queued. Callers are told before it returns.
  enum class Did : std::uint8_t { kIdle, kStep, kCommit, kCommitWithRecords };
  Did step();

  store::JournalPosition last_position() const { return {position_.load()}; }
  // Commits, operations, replays, last_commit_micros, disk.
  store::StoreStats stats() const;

 private:
  void begin();
  void run_current();
  Did commit();
  void roll_back();
  Result<void> commit_error(int code);
  void deliver();

  Connection& connection_;
  Health& health_;
  SqliteTransaction transaction_;
  store::GroupCommit machine_;
  std::deque<Request> requests_;   // not decided yet
  std::size_t first_request_ = 0;  // number of requests_.front()
  Completions completions_;

  std::atomic<std::int64_t> position_;
  std::atomic<std::uint64_t> commits_ = 0;
  std::atomic<std::uint64_t> operations_ = 0;
  std::atomic<std::uint64_t> replays_ = 0;
  std::atomic<std::int64_t> last_commit_micros_ = 0;
  std::atomic<bool> disk_full_ = false;
};

}  // namespace personas::store_sqlite
