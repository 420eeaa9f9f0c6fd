#include "personas/execution/retry.hpp"

#include <algorithm>
#include <cmath>

namespace personas::execution {

std::optional<Duration> next_attempt_after(const std::optional<RetryPolicy>& policy,
                                           FailureReason reason, std::int64_t ended_attempts,
                                           std::uint64_t jitter) {
  const Retryable retryable = info(reason).retryable;
  if (retryable == Retryable::kNo) return std::nullopt;
  if (retryable == Retryable::kIfAsked && !policy) return std::nullopt;
  const RetryPolicy used = policy.value_or(RetryPolicy{});
  if (ended_attempts >= used.max_attempts) return std::nullopt;

  const double factor = std::pow(used.multiplier, static_cast<double>(ended_attempts - 1));
  const double wait = std::min(static_cast<double>(used.initial_backoff_ms) * factor,
                               static_cast<double>(used.max_backoff_ms));
  const auto base = static_cast<std::int64_t>(wait);
  // Up to half is added, so that runs that failed together do not come back together.
  const std::int64_t spread = base / 2 + 1;
  return milliseconds(base +
                      static_cast<std::int64_t>(jitter % static_cast<std::uint64_t>(spread)));
}

}  // namespace personas::execution
