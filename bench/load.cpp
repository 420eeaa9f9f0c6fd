#include "load.hpp"

#include <utility>

namespace personas::bench {

Load::Load(Trial& trial, Executor& executor, Send send)
    : trial_(trial), executor_(executor), send_(std::move(send)) {
  executor_.on_answer = [this] { refill(); };
}

Load::~Load() {
  executor_.on_answer = nullptr;
}

void Load::refill() {
  while (loading_ && executor_.has_idle()) send_(executor_);
}

Result<Load::Spent> Load::run(Duration warm, Duration time) {
  loading_ = true;
  refill();
  const auto in_trouble = [this] { return !executor_.trouble().empty(); };
  trial_.run_until(in_trouble, warm);
  const std::int64_t before = executor_.accepted();
  const double cpu_before = trial_.server().cpu_seconds();
  const SteadyTime started = SteadyClock::now();
  trial_.run_until(in_trouble, time);
  const double elapsed = ms_between(started, SteadyClock::now()) / 1000;
  const auto done = static_cast<double>(executor_.accepted() - before);
  const double cpu = trial_.server().cpu_seconds() - cpu_before;
  loading_ = false;
  if (!trial_.run_until([&] { return in_trouble() || executor_.settled(); }, kPatience) ||
      in_trouble() || done < 1) {
    return trial_.failed("requests were not taken; " + executor_.trouble());
  }
  return Spent{done / elapsed, cpu * 1e6 / done};
}

}  // namespace personas::bench
