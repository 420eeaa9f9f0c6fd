// work: a fixed amount of work and then a clean end, for what counts instead of taking time
// (scripts/profile): every request has been answered and every execution is over when the server
// is asked to stop.
#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr std::int64_t kConnections = 16;
constexpr std::int64_t kInFlight = 32;
constexpr Duration kWorkLimit = seconds(600);  // under a profiler all takes fifty times as long
constexpr Duration kStopGrace = seconds(120);

}  // namespace

Measured measure_work(const Options& options) {
  const bool executes = options.work == "execution";
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  // Also beside events: both kinds of work then differ by what is done, not by who is there.
  TRY_VOID(trial->connect_workers(1, options.slots));
  NullWorkers& workers = trial->workers();
  Executor executor(*trial, kConnections, executes ? Post{} : kPostEvent);
  TRY_VOID(executor.connect());
  const auto over = [&] { return executes ? workers.finished() : executor.accepted(); };
  const auto refill = [&] {
    while (executor.has_idle() && executor.sent() < options.count &&
           executor.sent() - over() < kInFlight) {
      executor.execute();
    }
  };
  executor.on_answer = refill;
  workers.on_finished = [&](const wire::Received&) { refill(); };
  const SteadyTime started = SteadyClock::now();
  refill();
  const auto done = [&] {
    return over() >= options.count || !executor.trouble().empty() || !workers.trouble().empty();
  };
  if (!trial->run_until(done, kWorkLimit) || over() < options.count) {
    return trial->failed(
        fmt::format("{} of {} done; {}", over(), options.count, executor.trouble()));
  }
  const double took_ms = ms_between(started, SteadyClock::now());
  trial->server().stop(kStopGrace);
  return std::vector<Measurement>{
      {.figure = fmt::format("{} times {}", options.count, options.work),
       .unit = "s",
       .value = took_ms / 1000}};
}

}  // namespace personas::bench
