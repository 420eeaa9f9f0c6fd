// follow: from a worker's stdout frame leaving to its text arriving at a follower of the stream.
#include <charconv>

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "event_stream.hpp"
#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr double kAimMs = 5;
constexpr std::int64_t kLinesPerSecond = 100;
constexpr std::size_t kWarmUp = 50;
constexpr std::string_view kMark = "line-";
constexpr std::size_t kDigits = 6;

// Writes numbered lines as the agent of one run, and notes when each arrives in the stream.
class Conversation {
 public:
  Conversation(Trial& trial, std::size_t lines)
      : timer_(trial.io()), written_(lines), arrived_(lines) {
    trial.workers().on_assign = [this](NullWorker& worker, const wire::Assign& run) {
      worker_ = &worker;
      run_ = run;
    };
  }

  bool assigned() const { return worker_ != nullptr; }
  const std::string& execution() const { return run_.execution_id; }
  bool complete() const { return seen_ == arrived_.size(); }
  std::size_t seen() const { return seen_; }

  void write_lines() {
    timer_.expires_after(microseconds(1'000'000 / kLinesPerSecond));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      written_[next_] = SteadyClock::now();
      worker_->write(run_, static_cast<std::int64_t>(next_) + 1,
                     fmt::format("{}{:0{}}\n", kMark, next_, kDigits));
      if (++next_ < written_.size()) write_lines();
    });
  }

  // Marks may be cut anywhere between two pieces.
  bool take_piece(std::string_view piece) {
    const SteadyTime now = SteadyClock::now();
    open_ += piece;
    std::size_t at = 0;
    while ((at = open_.find(kMark, at)) != std::string::npos) {
      if (open_.size() < at + kMark.size() + kDigits) break;
      std::size_t number = arrived_.size();
      const char* first = open_.data() + at + kMark.size();
      std::from_chars(first, first + kDigits, number);
      if (number < arrived_.size() && arrived_[number] == SteadyTime{}) {
        arrived_[number] = now;
        ++seen_;
      }
      at += kMark.size() + kDigits;
    }
    const std::size_t kept = at == std::string::npos ? kMark.size() : open_.size() - at;
    if (open_.size() > kept) open_.erase(0, open_.size() - kept);
    return !complete();
  }

  std::vector<double> delays_ms() const {
    std::vector<double> out;
    for (std::size_t i = kWarmUp; i < arrived_.size(); ++i) {
      out.push_back(ms_between(written_[i], arrived_[i]));
    }
    return out;
  }

 private:
  boost::asio::steady_timer timer_;
  std::vector<SteadyTime> written_;
  std::vector<SteadyTime> arrived_;
  NullWorker* worker_ = nullptr;
  wire::Assign run_;
  std::string open_;
  std::size_t next_ = 0;
  std::size_t seen_ = 0;
};

}  // namespace

Measured measure_follow(const Options& options) {
  TRY(const auto trial, Trial::make(options));
  TRY_VOID(trial->server().start());
  TRY_VOID(trial->connect_workers(1, 1));
  Executor executor(*trial, 1);
  TRY_VOID(executor.connect());
  trial->run_for(seconds(options.pause_seconds));
  const auto lines = static_cast<std::size_t>(kLinesPerSecond * options.measured_seconds);
  Conversation talk(*trial, kWarmUp + lines);
  executor.execute();
  if (!trial->run_until([&] { return talk.assigned() && executor.settled(); }, kPatience)) {
    return trial->failed("the execution was not assigned; " + executor.trouble());
  }

  EventStream stream(*trial, fmt::format("/api/executions/{}/stream", talk.execution()),
                     [&](std::string_view piece) { return talk.take_piece(piece); });
  // The stream begins with what happened before: that says it is open.
  trial->run_until([&] { return stream.has_begun() || !stream.ended().empty(); }, kPatience);
  talk.write_lines();
  const Duration limit = seconds(options.measured_seconds) + kPatience;
  trial->run_until([&] { return talk.complete() || !stream.ended().empty(); }, limit);
  if (!talk.complete()) {
    return trial->failed(
        fmt::format("{} lines arrived; {}", talk.seen(),
                    stream.ended().empty() ? "the stream is open" : stream.ended()));
  }
  std::vector<double> delays = talk.delays_ms();
  const std::string at = fmt::format("write → follower at {} lines/s, ", kLinesPerSecond);
  return std::vector<Measurement>{
      {.figure = at + "p50", .unit = "ms", .value = percentile(delays, 0.5), .aim = kAimMs},
      {.figure = at + "p99", .unit = "ms", .value = percentile(delays, 0.99)}};
}

}  // namespace personas::bench
