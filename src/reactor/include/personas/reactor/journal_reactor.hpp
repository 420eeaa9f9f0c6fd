// Acts on the journal: hands every committed record of the wanted types to a handler, exactly once
// as far as the database is concerned, over restarts (docs/decisions/0015-journal-reactor.md).
//
// Two steps. `look` runs in a read snapshot, may be slow, and says what follows from a record, if
// anything. What follows is a write; it runs in one transaction together with the reactor's new
// position, on condition that the position is still the one that was read. So a crash anywhere
// either leaves the record to be looked at again, or finds it done. Records from which nothing
// follows cost no write: the position is kept in memory and written along with the next reaction,
// or by itself after kMaxLag positions.
//
// A reaction that fails is tried again. One that fails kMaxTries times for a reason that will not
// pass is set down in `reactor_failures` and passed over, so that it stops no other.
//
// Lives on one executor; all methods are called there. Lifetime: until stop() has completed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "personas/async/background.hpp"
#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/time.hpp"
#include "personas/store/journal_feed.hpp"
#include "personas/store/journal_reader.hpp"
#include "personas/store/store.hpp"

namespace personas::reactor {

// Reactions in one transaction: each is a few rows, and the writer serves others as well.
inline constexpr std::size_t kMaxReactions = 50;
// After a wake, commits of this long are read together: under load it bounds the reads per second.
inline constexpr Duration kGather = milliseconds(5);
// Records that a restart may look at again, above what the page it stopped in held.
inline constexpr std::int64_t kMaxLag = 10'000;
inline constexpr int kMaxTries = 5;
inline constexpr Duration kFirstPause = milliseconds(100);
inline constexpr Duration kLongestPause = seconds(30);
inline constexpr std::size_t kMaxReason = 2'000;  // of a failure, as it is kept

// What must follow the commit and cannot be part of it, such as waking the dispatcher. Lost in a
// crash, so it only ever says sooner what a start finds out by itself.
using AfterCommit = std::vector<std::function<void()>>;
// Re-runnable, like every write.
using Reaction = std::function<Result<void>(store::Transaction& tx, AfterCommit& after)>;

class Handler {
 public:
  virtual ~Handler() = default;
  // Under which the position is kept; never changes.
  virtual std::string_view name() const = 0;
  virtual std::vector<std::string_view> types() const = 0;
  // What follows from this record; an empty function: nothing. May be asked more than once. What it
  // draws (ids) it draws here, so that the reaction may run again.
  virtual Result<Reaction> look(store::Transaction& tx, const store::JournalRecord& record) = 0;
};

struct Trouble {
  std::string_view handler;
  store::JournalPosition position;
  Error error;
  enum class Then : std::uint8_t { kTriedAgain, kSetAside } then = Then::kTriedAgain;
};

struct ReactorStats {
  std::uint64_t pages = 0;      // read
  std::uint64_t looked_at = 0;  // records of the wanted types
  std::uint64_t reactions = 0;  // committed
  std::uint64_t writes = 0;     // transactions
  std::uint64_t set_aside = 0;
};

class JournalReactor {
 public:
  JournalReactor(const boost::asio::any_io_executor& executor, store::Store& store,
                 store::JournalFeed& feed, Handler& handler,
                 std::function<void(const Trouble&)> on_trouble);
  ~JournalReactor();
  JournalReactor(const JournalReactor&) = delete;
  JournalReactor& operator=(const JournalReactor&) = delete;

  // Reads where it stopped. A handler seen for the first time begins at the end of the journal:
  // nothing before was written with it in mind.
  Task<Result<void>> open();
  // One page: read, looked at, acted on. kMore: there is more to read now.
  enum class Progress : std::uint8_t { kIdle, kMore };
  Task<Result<Progress>> step();

  // Steps in the background until stop(); after open().
  void run();
  // No new step; waits for the one under way. The feed is closed before, which ends its waits.
  Task<void> stop();

  store::JournalPosition position() const { return position_; }
  const ReactorStats& stats() const { return stats_; }

 private:
  struct Found {
    store::JournalPosition position;
    Reaction react;
  };
  struct Page;

  Task<void> loop();
  Task<Result<void>> commit(std::vector<Found> found, store::JournalPosition next);
  Task<Result<void>> commit_one_by_one(std::vector<Found> found, store::JournalPosition next);
  Task<Result<void>> set_aside(store::JournalPosition position, Error error);
  Result<Page> read_page(store::Transaction& tx) const;
  // Whether the record is tried again, or has failed for good.
  bool is_worth_retrying(store::JournalPosition position, const Error& error);

  store::Store& store_;
  store::JournalFeed& feed_;
  Handler& handler_;
  std::function<void(const Trouble&)> on_trouble_;
  store::JournalPosition position_;  // looked at up to here
  store::JournalPosition durable_;   // as the store has it
  store::JournalPosition failing_;   // the record that failed last, and how often
  int tries_ = 0;
  ReactorStats stats_;
  Background background_;
};

}  // namespace personas::reactor
