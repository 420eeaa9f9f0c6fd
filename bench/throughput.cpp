// throughput: null executions from POST to the completion's final `received`, all on disk, in a
// closed loop: as many in flight as the options say, a new one for each that finishes.
#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kMustPerSecond = 6'000;
constexpr double kAimPerSecond = 12'000;
constexpr Duration kWarmUp = seconds(1);

}  // namespace

Measured measure_throughput(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  TRY_VOID(trial->connect_workers(options.workers, options.slots));
  Executor executor(*trial, options.connections);
  TRY_VOID(executor.connect());
  NullWorkers& workers = trial->workers();
  bool loading = true;
  const auto refill = [&] {
    while (loading && executor.has_idle() &&
           executor.sent() - workers.finished() < options.in_flight) {
      executor.execute();
    }
  };
  executor.on_answer = refill;
  workers.on_finished = [&](const wire::Received&) { refill(); };
  const auto in_trouble = [&] { return !executor.trouble().empty() || !workers.trouble().empty(); };

  refill();
  trial->run_until(in_trouble, kWarmUp + seconds(options.pause_seconds));
  const SteadyTime started = SteadyClock::now();
  const std::int64_t finished_before = workers.finished();
  const double cpu_before = trial->server().cpu_seconds();
  trial->run_until(in_trouble, seconds(options.measured_seconds));
  const double elapsed = ms_between(started, SteadyClock::now()) / 1000;
  const auto finished = static_cast<double>(workers.finished() - finished_before);
  const double cpu = trial->server().cpu_seconds() - cpu_before;
  const double rss = trial->server().rss_mb();

  loading = false;
  const auto drained = [&] {
    return in_trouble() || (executor.settled() && workers.finished() >= executor.accepted());
  };
  if (!trial->run_until(drained, kPatience) || in_trouble() || finished < 1) {
    return trial->failed(fmt::format("{} accepted, {} assigned, {} finished; {}",
                                     executor.accepted(), workers.assigned(), workers.finished(),
                                     executor.trouble()));
  }
  return std::vector<Measurement>{
      {.figure = fmt::format("null executions end to end, {} in flight", options.in_flight),
       .unit = "/s",
       .value = finished / elapsed,
       .must = kMustPerSecond,
       .aim = kAimPerSecond,
       .better = Better::kHigher},
      {.figure = "the server's processor time for one",
       .unit = "µs",
       .value = cpu * 1e6 / finished},
      {.figure = "the server's processor time, of one core",
       .unit = "%",
       .value = 100 * cpu / elapsed},
      {.figure = "the server's memory afterwards", .unit = "MB", .value = rss}};
}

}  // namespace personas::bench
