// Whether and when a failed attempt is tried again. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "personas/base/time.hpp"
#include "personas/model/failure.hpp"
#include "personas/model/persona.hpp"

namespace personas::execution {

// `ended_attempts` includes the one that just failed. `jitter` is any random number. Returns the
// wait before the next attempt, or nullopt if there is none.
std::optional<Duration> next_attempt_after(const std::optional<RetryPolicy>& policy,
                                           FailureReason reason, std::int64_t ended_attempts,
                                           std::uint64_t jitter);

}  // namespace personas::execution
