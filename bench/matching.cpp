// matching: what 100,000 subscriptions cost an event. Ten of them take its type, and the filter of
// each refuses it; so an event asks ten filters and starts nothing. Measured as the server's
// processor time for an event with them, less that for the same events before they were there.
//
// batches: POST /api/events/batch, full ones, each one transaction.
#include <fmt/format.h>

#include "load.hpp"

namespace personas::bench {
namespace {

constexpr std::int64_t kTypes = 10'000;
constexpr std::int64_t kSubscriptionsOfAType = 10;
constexpr double kMatchingMustUs = 50;
constexpr std::int64_t kEventsOfABatch = 1'000;  // what one may hold
constexpr std::int64_t kBatchConnections = 4;
constexpr double kBatchMustPerSecond = 40'000;
constexpr Duration kFillPatience = minutes(3);

std::string event_of_type(std::int64_t number) {
  return fmt::format(R"({{"eventType":"bench.{}","payload":{{"n":{}}}}})", number % kTypes, number);
}

Result<void> subscribe_all(Trial& trial) {
  TRY(const auto persona, trial.make_persona());
  Executor executor(trial, trial.options().connections, {"/api/subscriptions", "{}"});
  TRY_VOID(executor.connect());
  constexpr std::int64_t kAll = kTypes * kSubscriptionsOfAType;
  std::int64_t next = 0;
  const auto refill = [&] {
    while (next < kAll && executor.has_idle()) {
      executor.post(
          fmt::format(R"({{"personaId":"{}","eventType":"bench.{}","filter":"payload.n < 0"}})",
                      persona, next % kTypes));
      ++next;
    }
  };
  executor.on_answer = refill;
  refill();
  const auto done = [&] { return !executor.trouble().empty() || executor.accepted() == kAll; };
  if (trial.run_until(done, kFillPatience) && executor.trouble().empty()) return {};
  return trial.failed(fmt::format("{} of {} subscriptions were made; {}", executor.accepted(), kAll,
                                  executor.trouble()));
}

std::string batch(std::int64_t number) {
  std::string body = R"({"events":[)";
  for (std::int64_t i = 0; i < kEventsOfABatch; ++i) {
    if (i != 0) body += ',';
    fmt::format_to(std::back_inserter(body), R"({{"eventType":"bench","payload":{{"n":{}}}}})",
                   number * kEventsOfABatch + i);
  }
  return body + "]}";
}

}  // namespace

Measured measure_matching(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  Executor executor(*trial, options.connections, kPostEvent);
  TRY_VOID(executor.connect());
  const Duration half = milliseconds(options.measured_seconds * 500);
  Load load(*trial, executor,
            [n = std::int64_t{0}](Executor& to) mutable { to.post(event_of_type(n++)); });
  TRY(const auto alone, load.run(milliseconds(500), half));
  TRY_VOID(subscribe_all(*trial));
  trial->run_for(seconds(options.pause_seconds));
  TRY(const auto matched, load.run(milliseconds(500), half));
  const auto count = kTypes * kSubscriptionsOfAType;
  return std::vector<Measurement>{
      {.figure =
           fmt::format("matching against {} subscriptions adds to an event, processor time", count),
       .unit = "µs",
       .value = matched.cpu_us - alone.cpu_us,
       .must = kMatchingMustUs},
      {.figure = fmt::format("events matched against {} subscriptions", count),
       .unit = "/s",
       .value = matched.per_second,
       .better = Better::kHigher},
      {.figure = "the server's memory then", .unit = "MB", .value = trial->server().rss_mb()}};
}

Measured measure_batches(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  Executor executor(*trial, kBatchConnections, {"/api/events/batch", "{}"});
  TRY_VOID(executor.connect());
  trial->run_for(seconds(options.pause_seconds));
  Load load(*trial, executor, [n = std::int64_t{0}](Executor& to) mutable { to.post(batch(n++)); });
  TRY(const auto spent, load.run(milliseconds(500), seconds(options.measured_seconds)));
  return std::vector<Measurement>{
      {.figure = fmt::format("events in batches of {}, each batch on disk", kEventsOfABatch),
       .unit = "/s",
       .value = spent.per_second * kEventsOfABatch,
       .must = kBatchMustPerSecond,
       .better = Better::kHigher},
      {.figure = "the server's processor time for an event of a batch",
       .unit = "µs",
       .value = spent.cpu_us / kEventsOfABatch}};
}

}  // namespace personas::bench
