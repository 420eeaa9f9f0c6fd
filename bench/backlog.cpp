// backlog, million: a long queue survives kill -9, and the server is soon there again to work on
// it.
#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

struct Limits {
  double ready_ms;
  double first_ms;
  std::optional<double> memory_mb;
};
constexpr Limits kBacklog{1'000, 1'000, std::nullopt};
// As many as one tenant may have queued here (server_process.cpp); its default is a tenth.
constexpr std::int64_t kMillion = 1'000'000;
constexpr Limits kMillionLimits{3'000, 1'000, 150};
constexpr Duration kFillLimit = seconds(300);

Result<double> fill(Trial& trial, Executor& executor, std::int64_t count) {
  const SteadyTime started = SteadyClock::now();
  const auto refill = [&] {
    while (executor.has_idle() && executor.sent() < count) executor.execute();
  };
  executor.on_answer = refill;
  refill();
  const auto done = [&] { return executor.accepted() == count || !executor.trouble().empty(); };
  const bool filled = trial.run_until(done, kFillLimit) && executor.trouble().empty();
  executor.on_answer = nullptr;
  if (!filled) {
    return trial.failed(fmt::format("{} of {} executions were accepted; {}", executor.accepted(),
                                    count, executor.trouble()));
  }
  return static_cast<double>(count) * 1000 / ms_between(started, SteadyClock::now());
}

Measured measure(const Options& options, std::int64_t count, const Limits& limits) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  Executor executor(*trial, options.connections);
  TRY_VOID(executor.connect());
  trial->run_for(seconds(options.pause_seconds));
  const double rss_before = trial->server().rss_mb();
  TRY(const double per_second, fill(*trial, executor, count));
  const double rss = trial->server().rss_mb();
  trial->server().kill();

  TRY(const Duration ready, trial->server().start());
  const double rss_again = trial->server().rss_mb();
  const SteadyTime asked = SteadyClock::now();
  TRY_VOID(trial->connect_workers(1, 1));
  const auto worked = [&] { return trial->workers().finished() > 0; };
  if (!trial->run_until([&] { return trial->workers().assigned() > 0; }, kPatience)) {
    return trial->failed("nothing of the backlog was assigned");
  }
  const double first_ms = ms_between(asked, SteadyClock::now());
  if (!trial->run_until(worked, kPatience)) return trial->failed("nothing of it was finished");
  const std::string of = fmt::format("{} queued executions, ", count);
  return std::vector<Measurement>{
      {.figure = of + "accepted, each on disk",
       .unit = "/s",
       .value = per_second,
       .better = Better::kHigher},
      {.figure = of + "memory grown by", .unit = "MB", .value = rss - rss_before},
      {.figure = of + "ready after kill -9",
       .unit = "ms",
       .value = static_cast<double>(ready.count()) / 1000,
       .must = limits.ready_ms},
      {.figure = of + "memory after that start",
       .unit = "MB",
       .value = rss_again,
       .must = limits.memory_mb},
      {.figure = of + "then a worker dials and has the first one in",
       .unit = "ms",
       .value = first_ms,
       .must = limits.first_ms}};
}

}  // namespace

Measured measure_backlog(const Options& options) {
  return measure(options, options.backlog, kBacklog);
}

Measured measure_million(const Options& options) {
  return measure(options, kMillion, kMillionLimits);
}

}  // namespace personas::bench
