// Wakes whoever follows the journal. Followers read records from the store by position; the feed
// only says that there is something new, so a slow follower costs nothing but its own lag.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/time.hpp"
#include "personas/store/journal.hpp"

namespace personas::store {

// Thread-safe.
class JournalFeed {
 public:
  enum class Wake : std::uint8_t { kAdvanced, kTimeout, kClosed };

  // Returns when the journal has gone beyond `position`, after `timeout`, or at close(). The
  // waiter's executor is a strand or a loop of one thread: its timer is woken by a post to it.
  Task<Wake> wait_beyond(JournalPosition position, Duration timeout);
  // Called by the store after each commit (Store::on_journal).
  void advance(JournalPosition position);
  // Wakes everyone for good; later waits return kClosed at once.
  void close();
  JournalPosition last() const;

 private:
  struct Waiter;

  mutable std::mutex mutex_;  // held for a list splice, never across a call
  JournalPosition last_;
  bool closed_ = false;
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace personas::store
