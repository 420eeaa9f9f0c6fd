// A request that waits for the end of an execution.
#pragma once

#include <optional>
#include <string>

#include "personas/base/time.hpp"
#include "personas/model/execution.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

// A waiting request holds a connection, so it may not wait for ever.
inline constexpr Duration kMaxWait = minutes(5);

// None: not at all. 400 names query.wait.
Result<Duration> wait_of(const std::optional<std::string>& wait);

// The execution at its end, or as it is when the time is over; without its output.
Task<Result<Execution>> wait_for_end(Call& call, ExecutionId id, Duration wait);

}  // namespace personas::operations
