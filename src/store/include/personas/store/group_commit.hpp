// The group-commit writer as a state machine without I/O (docs/decisions/0003-store.md).
//
// An engine's thread drives it: it asks next(), does that one thing to the database, and reports
// how it went. The machine decides what belongs into a batch and says which callers get which
// outcome.
//
// Operations take effect in the order they were added, always. If one fails after it has written,
// the batch is rolled back; what stood before it runs again and commits, and the failed one opens
// the next batch. Failing as the first of a batch is final: it saw committed state alone. So no
// operation runs more than three times because of its neighbours, and a failure costs at most one
// more commit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::store {

// More would let one commit's latency grow without gaining throughput (measured: stack notes §4).
inline constexpr std::size_t kMaxBatch = 256;

class GroupCommit {
 public:
  enum class Step : std::uint8_t {
    kWait,      // nothing to do until add()
    kBegin,     // begin a transaction and report began()
    kRun,       // run operation current() and report ran()
    kCommit,    // commit; report committed()
    kRollback,  // make sure that no transaction is open; report rolled_back()
  };

  // Takes `count` newly queued operations into account, numbered on from the last.
  void add(std::size_t count) { added_ += count; }
  Step next() const;
  std::size_t current() const { return index_; }  // number of the operation that kRun means

  void began(Result<void> outcome);
  // `wrote`: whether the operation changed anything before it returned.
  enum class Wrote : std::uint8_t { kNothing, kSomething };
  void ran(Result<void> outcome, Wrote wrote);
  // An error is what every caller of the batch gets, so it says whether the outcome is known.
  void committed(Result<void> outcome);
  void rolled_back();

  // Outcomes decided since the last call, in the order of the operations, without a gap.
  struct Outcome {
    std::size_t operation;
    Result<void> result;
  };
  std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }

  std::uint64_t replays() const { return replays_; }  // operations that had to run again

 private:
  enum class State : std::uint8_t { kIdle, kInTransaction, kMustRollBack };
  static constexpr std::size_t kNoCut = std::numeric_limits<std::size_t>::max();

  std::size_t batch_end() const;
  void decide_all(const Error& error);

  State state_ = State::kIdle;
  std::size_t added_ = 0;
  std::size_t first_ = 0;     // of the batch; all before it are decided
  std::size_t index_ = 0;     // the next to run
  std::size_t end_ = 0;       // one past the batch's last
  std::size_t cut_ = kNoCut;  // the batch ends before this one, because it failed after writing
  std::uint64_t replays_ = 0;
  std::vector<Result<void>> results_;  // of the batch, decided when it commits
  std::vector<Outcome> outcomes_;
};

}  // namespace personas::store
