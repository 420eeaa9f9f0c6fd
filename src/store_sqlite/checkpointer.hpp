// Moves the WAL into the database beside the writer, on a thread and a connection of its own: a
// checkpoint in the writer would be every hundredth caller's latency.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "connection.hpp"

namespace personas::store_sqlite {

// WAL pages that have not been moved yet (8 MB): fewer would fsync the database too often, more
// would make recovery after a crash noticeably longer.
inline constexpr int kCheckpointPages = 2'000;

class Checkpointer {
 public:
  Checkpointer(std::unique_ptr<Connection> connection, Health& health);
  ~Checkpointer();  // finishes a running checkpoint

  // The WAL has this many pages after a commit. Called by the writer.
  void on_commit(int wal_pages);
  // Keeps the checkpointer away while the writer empties the WAL itself.
  std::unique_lock<std::mutex> pause() { return std::unique_lock(working_); }

  // The last one, when nothing else uses the database any more.
  void final_checkpoint();
  Connection& connection() { return *connection_; }

 private:
  void loop();

  std::unique_ptr<Connection> connection_;
  Health& health_;
  std::mutex working_;  // held during a checkpoint

  std::mutex mutex_;
  std::condition_variable wake_;
  int moved_pages_ = 0;  // of the present WAL, by the last checkpoint
  bool wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: uses all of the above
};

}  // namespace personas::store_sqlite
