// From a POST to the assign frame it leads to, arriving at a waiting worker, at a fixed rate that
// does not wait for answers.
//
// latency: POST /api/execute, counted from the moment it leaves, at a low rate: what the program
// adds. event-latency: the same of POST /api/events, which a subscription turns into a run.
// open-loop: counted from the moment it was due, at a high rate: what somebody sees who does not
// slow down when the server does. A stall then counts for all that were due in it.
#include <charconv>

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "trial.hpp"

namespace personas::bench {
namespace {

// What the program itself may take; the two commits (enqueue, claim) come on top.
constexpr double kOwnP50Ms = 0.5;
constexpr double kOwnEventP50Ms = 0.7;
constexpr int kSyncsOnTheWay = 2;  // of an event too: it is stored and matched in one commit
constexpr double kP99Ms = 5;
constexpr std::int64_t kOpenLoopRate = 500;
constexpr double kOpenLoopAimMs = 4;  // p99
constexpr int kDiskSamples = 300;
constexpr std::int64_t kWarmUp = 200;  // executions that are not counted
constexpr std::int64_t kConnections = 16;
constexpr std::int64_t kSlots = 64;
constexpr std::string_view kMark = "bench-";

constexpr std::string_view kEventType = "bench.due";

enum class CountedFrom : std::uint8_t { kSent, kDue };

// What is posted: a body with the mark of this number.
struct Posted {
  Post post;
  std::string (*body)(std::int64_t number);
};

std::string execution_body(std::int64_t number) {
  return fmt::format(R"({{"prompt":"{}{}"}})", kMark, number);
}

std::string event_body(std::int64_t number) {
  return fmt::format(R"({{"eventType":"{}","payload":{{"note":"{}{}"}}}})", kEventType, kMark,
                     number);
}

constexpr Posted kExecutions{{}, execution_body};
constexpr Posted kEvents{kPostEvent, event_body};

// Sends number 0, 1, 2, … at their times and keeps when each was due and when it was assigned.
class Pacer {
 public:
  Pacer(Trial& trial, Executor& executor, const Posted& posted, std::int64_t rate,
        std::int64_t count, CountedFrom from)
      : executor_(executor),
        body_(posted.body),
        timer_(trial.io()),
        due_(static_cast<std::size_t>(count)),
        assigned_(static_cast<std::size_t>(count)),
        interval_(1'000'000'000 / rate),
        from_(from) {
    trial.workers().on_assign = [this](NullWorker& worker, const wire::Assign& run) {
      note(run, SteadyClock::now());
      worker.write(run, 1, "x\n");
      worker.complete(run, 2);
    };
  }

  void begin() {
    next_at_ = SteadyClock::now() + interval_;
    arm();
  }
  bool complete() const { return seen_ == std::ssize(due_); }
  std::int64_t seen() const { return seen_; }

  std::vector<double> delays_ms() const {
    std::vector<double> out;
    for (std::size_t i = kWarmUp; i < due_.size(); ++i) {
      if (assigned_[i] != SteadyTime{}) out.push_back(ms_between(due_[i], assigned_[i]));
    }
    return out;
  }

 private:
  void arm() {
    timer_.expires_at(next_at_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      // When it leaves: the lateness of this program's own timer is not the server's.
      due_[next_] = from_ == CountedFrom::kDue ? next_at_ : SteadyClock::now();
      executor_.post(body_(static_cast<std::int64_t>(next_)));
      next_at_ += interval_;
      if (++next_ < due_.size()) arm();
    });
  }

  void note(const wire::Assign& run, SteadyTime now) {
    const auto at = run.prompt.find(kMark);
    if (at == std::string::npos) return;
    std::size_t number = due_.size();
    const char* first = run.prompt.data() + at + kMark.size();
    std::from_chars(first, run.prompt.data() + run.prompt.size(), number);
    if (number >= due_.size() || assigned_[number] != SteadyTime{}) return;
    assigned_[number] = now;
    ++seen_;
  }

  Executor& executor_;
  std::string (*body_)(std::int64_t);
  boost::asio::steady_timer timer_;
  std::vector<SteadyTime> due_;
  std::vector<SteadyTime> assigned_;
  std::chrono::nanoseconds interval_;
  CountedFrom from_;
  SteadyTime next_at_;
  std::size_t next_ = 0;
  std::int64_t seen_ = 0;
};

Result<void> subscribe(Trial& trial) {
  TRY(const auto persona, trial.make_persona());
  const std::string body =
      fmt::format(R"({{"personaId":"{}","eventType":"{}"}})", persona, kEventType);
  Executor subscriptions(trial, 1, {"/api/subscriptions", body});
  TRY_VOID(subscriptions.connect());
  subscriptions.execute();
  trial.run_until([&] { return subscriptions.settled(); }, kPatience);
  if (subscriptions.accepted() == 1) return {};
  return trial.failed("no subscription could be made; " + subscriptions.trouble());
}

Result<std::vector<double>> delays(Trial& trial, const Posted& posted, std::int64_t rate,
                                   CountedFrom from) {
  const Options& options = trial.options();
  TRY_VOID(trial.server().start());
  TRY_VOID(trial.connect_workers(1, kSlots));
  if (posted.body == event_body) TRY_VOID(subscribe(trial));
  Executor executor(trial, kConnections, posted.post);
  TRY_VOID(executor.connect());
  trial.run_for(seconds(options.pause_seconds));
  Pacer pacer(trial, executor, posted, rate, kWarmUp + rate * options.measured_seconds, from);
  pacer.begin();
  const Duration limit = seconds(options.measured_seconds) + kPatience;
  const auto done = [&] { return pacer.complete() || !executor.trouble().empty(); };
  if (trial.run_until(done, limit) && executor.trouble().empty()) return pacer.delays_ms();
  return trial.failed(
      fmt::format("{} of {} were assigned; {}", pacer.seen(), executor.sent(), executor.trouble()));
}

Measured measure_paced(const Options& options, const Posted& posted, std::string_view from,
                       double own_p50_ms) {
  TRY(const auto trial, Trial::make(options));
  TRY(auto disk, disk_sync_ms(trial->server().folder(), kDiskSamples));
  TRY(auto found, delays(*trial, posted, options.rate, CountedFrom::kSent));
  // What the disk itself takes, with nobody else at the processor: its quickest tenth. A median on
  // a busy machine holds the wait for a processor and would loosen the limit just then.
  const double sync = percentile(disk, 0.1);
  const std::string at = fmt::format("{} → assign at {}/s, ", from, options.rate);
  return std::vector<Measurement>{
      {.figure = at + "p50",
       .unit = "ms",
       .value = percentile(found, 0.5),
       .must = own_p50_ms + kSyncsOnTheWay * sync},
      {.figure = at + "p99", .unit = "ms", .value = percentile(found, 0.99), .must = kP99Ms},
      {.figure = at + "largest", .unit = "ms", .value = percentile(found, 1)}};
}

}  // namespace

Measured measure_latency(const Options& options) {
  return measure_paced(options, kExecutions, "execute", kOwnP50Ms);
}

Measured measure_event_latency(const Options& options) {
  return measure_paced(options, kEvents, "event", kOwnEventP50Ms);
}

Measured measure_open_loop(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY(auto found, delays(*trial, kExecutions, kOpenLoopRate, CountedFrom::kDue));
  const std::string at = fmt::format("due → assign at {}/s, ", kOpenLoopRate);
  return std::vector<Measurement>{
      {.figure = at + "p50", .unit = "ms", .value = percentile(found, 0.5)},
      {.figure = at + "p99", .unit = "ms", .value = percentile(found, 0.99), .aim = kOpenLoopAimMs},
      {.figure = at + "p99.9", .unit = "ms", .value = percentile(found, 0.999)}};
}

}  // namespace personas::bench
