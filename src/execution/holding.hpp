// Which questions hold a run, and what its next attempt is told of them.
#pragma once

#include <optional>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/model/persona.hpp"
#include "personas/model/signals.hpp"
#include "personas/store/store.hpp"

#include "execution_row.hpp"

namespace personas::execution {

struct Holding {
  std::int64_t pending = 0;
  Timestamp until;               // the latest expiry of the pending ones
  std::int64_t undelivered = 0;  // decided, and no attempt that was told has ended well
};
// Nothing for test runs, which nobody watches.
Result<Holding> holding_reviews(store::Transaction& tx, const ExecutionRow& row,
                                const Persona* persona);

// An attempt that was given decisions has ended well: they need not be given again.
Result<void> mark_told(store::Transaction& tx, const ExecutionRow& row);

// The questions of the execution for its next attempt, oldest first: all of them for an agent that
// remembers nothing, else those that it was not told of and those still open. Decisions count as
// given to this attempt.
enum class Recall : std::uint8_t { kKept, kLost };
Result<std::vector<Review>> give_reviews(store::Transaction& tx, const ExecutionRow& row,
                                         Recall recall);

}  // namespace personas::execution
