// idle: starting over an existing database, and what a server with nothing to do holds.
// size: the program on disk without its symbols.
#include <filesystem>

#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kMustMb = 25;
constexpr double kMustReadyMs = 100;
constexpr double kMustSizeMb = 25;
constexpr int kStarts = 5;
constexpr std::int64_t kExecutionsInDatabase = 500;
constexpr Duration kSettle = seconds(2);
constexpr Duration kStopGrace = seconds(35);  // above the server's own drain timeout

// A database that has been used: executions that ran to their end.
Result<void> fill(Trial& trial) {
  TRY_VOID(trial.connect_workers(1, 64));
  Executor executor(trial, 16);
  TRY_VOID(executor.connect());
  for (std::int64_t i = 0; i < kExecutionsInDatabase; ++i) executor.execute();
  const auto done = [&] {
    return trial.workers().finished() == kExecutionsInDatabase || !executor.trouble().empty();
  };
  if (trial.run_until(done, kPatience) && executor.trouble().empty()) return {};
  return trial.failed("the database could not be filled; " + executor.trouble());
}

}  // namespace

Measured measure_idle(const Options& options) {
  std::vector<double> ready_ms;
  std::vector<double> rss_mb;
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  TRY_VOID(fill(*trial));
  trial->server().kill();  // whoever was connected is gone; the next start recovers
  TRY_VOID(trial->server().start());
  const SteadyTime asked = SteadyClock::now();
  trial->server().stop(kStopGrace);
  const double stop_ms = ms_between(asked, SteadyClock::now());
  for (int i = 0; i < kStarts; ++i) {
    TRY(const Duration took, trial->server().start());
    ready_ms.push_back(static_cast<double>(took.count()) / 1000);
    // The loop has nothing to do but to wait; its workers' server is gone.
    ServerProcess::pause(kSettle);
    rss_mb.push_back(trial->server().rss_mb());
    trial->server().stop(kStopGrace);
  }
  return std::vector<Measurement>{
      {.figure = fmt::format("ready after its start, median of {}", kStarts),
       .unit = "ms",
       .value = percentile(ready_ms, 0.5),
       .must = kMustReadyMs},
      {.figure = "memory 2 s after its start",
       .unit = "MB",
       .value = percentile(rss_mb, 0.5),
       .must = kMustMb},
      {.figure = "stopped after SIGTERM", .unit = "ms", .value = stop_ms}};
}

Measured measure_size(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  const std::string copy = trial->server().folder() + "/stripped";
  TRY(const int code, run_program({"strip", "-o", copy, options.binary}, kPatience));
  std::error_code error;
  const auto bytes = std::filesystem::file_size(copy, error);
  if (code != 0 || error) return fail(ErrorCode::kUnavailable, "strip (binutils) failed.");
  return std::vector<Measurement>{{.figure = "the program, stripped",
                                   .unit = "MB",
                                   .value = static_cast<double>(bytes) / (1024 * 1024),
                                   .must = kMustSizeMb}};
}

}  // namespace personas::bench
