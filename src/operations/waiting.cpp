#include "waiting.hpp"

#include "personas/execution/execution_store.hpp"

namespace personas::operations {

Result<Duration> wait_of(const std::optional<std::string>& wait) {
  if (!wait) return Duration(0);
  const auto duration = parse_duration(*wait);
  if (duration && *duration <= kMaxWait) return *duration;
  const std::string why = "expected a duration of at most 5m, such as 30s";
  return fail(ErrorCode::kInvalidRequest, "query.wait: " + why, {{"query.wait", why}});
}

Task<Result<Execution>> wait_for_end(Call& call, ExecutionId id, Duration wait) {
  Services& services = call.services;
  const Instant deadline = services.clock.now() + wait;
  while (true) {
    const auto seen = services.feed.last();
    CO_TRY(auto execution, co_await services.store.read([&](store::Transaction& tx) {
      return execution::load(tx, call.tenant(), id, execution::Output::kNone);
    }));
    const Duration left = deadline - services.clock.now();
    if (is_final(execution.status) || left <= Duration(0)) co_return execution;
    // The time is over, or the server stops.
    if (co_await services.feed.wait_beyond(seen, left) != store::JournalFeed::Wake::kAdvanced) {
      co_return execution;
    }
  }
}

}  // namespace personas::operations
