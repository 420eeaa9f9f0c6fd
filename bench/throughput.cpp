// throughput: null executions from POST to the completion's final `received`, all on disk, in a
// closed loop: as many in flight as the options say, a new one for each that finishes.
// metered: the same, of a persona, and each says what it used of two models, as an agent CLI does.
#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kMustPerSecond = 6'000;
constexpr double kAimPerSecond = 12'000;
constexpr Duration kWarmUp = seconds(1);

void complete_with_usage(NullWorker& worker, const wire::Assign& run) {
  worker.write(run, 1, "x\n");
  wire::Complete frame;
  frame.session_id = "0b6ad0a6-0000-4000-8000-000000000000";
  frame.total_cost_usd = 0.0123;
  frame.duration_ms = 10;
  frame.turns = 2;
  frame.model = "large";
  frame.usage.emplace(R"({"inputTokens":10,"outputTokens":20,"cacheReadInputTokens":30})");
  frame.models.emplace(
      R"([{"model":"large","usage":{"inputTokens":10,"outputTokens":20},"costUsd":0.012},)"
      R"({"model":"small","usage":{"inputTokens":1,"outputTokens":2},"costUsd":0.0003}])");
  worker.complete(run, 2, std::move(frame));
}

enum class Kind : std::uint8_t { kNull, kMetered };

Measured measure(const Options& options, Kind kind) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  TRY_VOID(trial->connect_workers(options.workers, options.slots));
  Post post;
  std::string body;
  if (kind == Kind::kMetered) {
    TRY(const auto persona, trial->make_persona());
    body = fmt::format(R"({{"prompt":"x","personaId":"{}"}})", persona);
    post.body = body;
    trial->workers().on_assign = complete_with_usage;
  }
  Executor executor(*trial, options.connections, post);
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
  const bool null = kind == Kind::kNull;
  return std::vector<Measurement>{
      {.figure = fmt::format("{} executions end to end, {} in flight", null ? "null" : "metered",
                             options.in_flight),
       .unit = "/s",
       .value = finished / elapsed,
       .must = null ? std::optional(kMustPerSecond) : std::nullopt,
       .aim = null ? std::optional(kAimPerSecond) : std::nullopt,
       .better = Better::kHigher},
      {.figure = "the server's processor time for one",
       .unit = "µs",
       .value = cpu * 1e6 / finished},
      {.figure = "the server's processor time, of one core",
       .unit = "%",
       .value = 100 * cpu / elapsed},
      {.figure = "the server's memory afterwards", .unit = "MB", .value = rss}};
}

}  // namespace

Measured measure_throughput(const Options& options) {
  return measure(options, Kind::kNull);
}

Measured measure_metered(const Options& options) {
  return measure(options, Kind::kMetered);
}

}  // namespace personas::bench
