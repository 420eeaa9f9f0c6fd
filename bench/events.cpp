// events: POST /api/events to its answer, which says that the event is on disk; closed loop. Then
// a client reads all of them from the start and stays for more, while as many are published again:
// what a live follower costs. It must have seen every one.
#include <fmt/format.h>

#include "event_stream.hpp"
#include "trial.hpp"

namespace personas::bench {
namespace {

struct Rate {
  double per_second = 0;
  double cpu_us = 0;  // the server's, for one
};

Result<Rate> publish(Trial& trial, Executor& executor, Duration time) {
  bool loading = true;
  const auto refill = [&] {
    while (loading && executor.has_idle()) executor.execute();
  };
  executor.on_answer = refill;
  refill();
  const auto in_trouble = [&] { return !executor.trouble().empty(); };
  trial.run_until(in_trouble, milliseconds(500));  // warm
  const std::int64_t before = executor.accepted();
  const double cpu_before = trial.server().cpu_seconds();
  const SteadyTime started = SteadyClock::now();
  trial.run_until(in_trouble, time);
  const double elapsed = ms_between(started, SteadyClock::now()) / 1000;
  const auto done = static_cast<double>(executor.accepted() - before);
  const double cpu = trial.server().cpu_seconds() - cpu_before;
  loading = false;
  if (!trial.run_until([&] { return in_trouble() || executor.settled(); }, kPatience) ||
      in_trouble() || done < 1) {
    return trial.failed("events were not taken; " + executor.trouble());
  }
  executor.on_answer = nullptr;
  return Rate{done / elapsed, cpu * 1e6 / done};
}

// Reads the tenant's journal from its start, and counts the events.
class Follower {
 public:
  explicit Follower(Trial& trial)
      : stream_(trial, "/v1/events?cursor=start", [this](std::string_view piece) {
          take(piece);
          return true;
        }) {}

  std::int64_t seen() const { return seen_; }
  const std::string& ended() const { return stream_.ended(); }

 private:
  // Lines that begin with "event: event.published"; a piece may end anywhere.
  void take(std::string_view piece) {
    static constexpr std::string_view kLine = "\nevent: event.published\n";
    open_ += piece;
    std::size_t at = 0;
    for (auto found = open_.find(kLine); found != std::string::npos;
         found = open_.find(kLine, at)) {
      ++seen_;
      at = found + kLine.size();
    }
    const std::size_t kept = std::min(open_.size() - at, kLine.size() - 1);
    open_.erase(0, open_.size() - kept);
  }

  std::string open_;
  std::int64_t seen_ = 0;
  EventStream stream_;  // last: it calls take()
};

}  // namespace

Measured measure_events(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  Executor executor(*trial, options.connections, kPostEvent);
  TRY_VOID(executor.connect());
  trial->run_for(seconds(options.pause_seconds));
  const Duration half = milliseconds(options.measured_seconds * 500);
  TRY(const Rate alone, publish(*trial, executor, half));

  Follower follower(*trial);
  const auto caught_up = [&] {
    return follower.seen() == executor.accepted() || !follower.ended().empty();
  };
  const auto failed = [&] {
    return trial->failed(fmt::format("the follower saw {} of {}; {}", follower.seen(),
                                     executor.accepted(), follower.ended()));
  };
  const SteadyTime asked = SteadyClock::now();
  if (!trial->run_until(caught_up, kPatience) || !follower.ended().empty()) return failed();
  const double replayed =
      static_cast<double>(follower.seen()) * 1000 / ms_between(asked, SteadyClock::now());
  TRY(const Rate followed, publish(*trial, executor, half));
  if (!trial->run_until(caught_up, kPatience) || !follower.ended().empty()) return failed();
  // The stream would go on for ever; its call has to end before what it uses.
  trial->server().kill();
  trial->run_until([&] { return !follower.ended().empty(); }, kPatience);
  return std::vector<Measurement>{
      {.figure = fmt::format("events published, each on disk, {} connections", options.connections),
       .unit = "/s",
       .value = alone.per_second,
       .better = Better::kHigher},
      {.figure = "the server's processor time for an event", .unit = "µs", .value = alone.cpu_us},
      {.figure = "events published while one client follows them all",
       .unit = "/s",
       .value = followed.per_second,
       .better = Better::kHigher},
      {.figure = "what the follower adds to an event, processor time",
       .unit = "µs",
       .value = followed.cpu_us - alone.cpu_us},
      {.figure = "events replayed to a client from the start of the journal",
       .unit = "/s",
       .value = replayed,
       .better = Better::kHigher}};
}

}  // namespace personas::bench
