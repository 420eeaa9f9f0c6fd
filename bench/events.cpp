// events: POST /api/events to its answer, which says that the event is on disk; closed loop. Then
// a client reads all of them from the start and stays for more, while as many are published again:
// what a live follower costs. It must have seen every one.
#include <fmt/format.h>

#include "event_stream.hpp"
#include "load.hpp"

namespace personas::bench {
namespace {

constexpr double kMustPerSecond = 15'000;
constexpr double kAimPerSecond = 25'000;

constexpr Duration kWarmUp = milliseconds(500);

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
  Load load(*trial, executor, [](Executor& to) { to.execute(); });
  TRY(const auto alone, load.run(kWarmUp, half));

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
  TRY(const auto followed, load.run(kWarmUp, half));
  if (!trial->run_until(caught_up, kPatience) || !follower.ended().empty()) return failed();
  // The stream would go on for ever; its call has to end before what it uses.
  trial->server().kill();
  trial->run_until([&] { return !follower.ended().empty(); }, kPatience);
  return std::vector<Measurement>{
      {.figure = fmt::format("events published, each on disk, {} connections", options.connections),
       .unit = "/s",
       .value = alone.per_second,
       .must = kMustPerSecond,
       .aim = kAimPerSecond,
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
