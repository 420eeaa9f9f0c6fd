// What goes into the dispatcher core beside its inputs, and what comes out of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/execution/fair_queue.hpp"
#include "personas/model/failure.hpp"

namespace personas::execution {

struct Now {
  Instant mono;
  Timestamp wall;
};

// Limits of one attempt, known once its claim has been won.
struct AttemptLimits {
  Duration wall{};  // zero: none
  std::optional<Duration> idle;
};

namespace effect {
// Ask the store for the execution on behalf of the worker; answer
// claim_won/claim_lost/claim_failed.
struct Claim {
  QueuedExecution entry;
  std::int64_t attempt;
  WorkerId worker;
};
// Tell the worker to stop this run.
struct Cancel {
  WorkerId worker;
  ExecutionId execution;
  std::int64_t attempt;
  std::string reason;
};
// The attempt is over without the worker's word: write that, then call ended().
struct Lose {
  QueuedExecution entry;
  std::int64_t attempt;
  FailureReason reason;
  std::string message;
  Duration silence{};  // for which nothing was heard of the worker before it was given up
};
// Read this lane's window again; answer refilled().
struct Refill {
  LaneKey lane;
};
}  // namespace effect

using DispatchEffect = std::variant<effect::Claim, effect::Cancel, effect::Lose, effect::Refill>;

}  // namespace personas::execution
