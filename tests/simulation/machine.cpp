#include "machine.hpp"

#include <utility>

#include <boost/asio/post.hpp>

namespace personas::simulation {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

Duration Machine::passed() const {
  const Duration real = scheduler_.now() - start_;
  return real +
         Duration(real.count() / kMillion * drift_ + real.count() % kMillion * drift_ / kMillion);
}

Duration Machine::outside(Duration local) const {
  if (local <= Duration::zero()) return Duration::zero();
  // Seconds apart from the rest: a day in microseconds times a million would not fit.
  const auto whole = local.count() / kMillion;
  const auto rest = local.count() % kMillion;
  const auto rate = kMillion + drift_;
  const auto millionths = whole * kMillion + rest;
  const auto exact = millionths / rate * kMillion + millionths % rate * kMillion / rate;
  return Duration(exact + 1);
}

std::uint64_t Machine::on_clock_set(std::function<void()> told) {
  told_.emplace(++tellings_, std::move(told));
  return tellings_;
}

void Machine::set_wall_error(Duration error) {
  if (std::exchange(wall_error_, error) == error) return;
  for (const auto& [number, told] : told_) told();
}

VirtualAlarm::VirtualAlarm(Process& process)
    : process_(process), telling_(process.machine().on_clock_set([this] {
        if (ring_) ring_after(Duration::zero());
      })) {}

void VirtualAlarm::set(std::optional<Timestamp> at, std::function<void()> ring) {
  ++number_;
  ring_ = std::move(ring);
  if (ring_ && at) ring_after(process_.machine().outside(*at - process_.machine().wall()));
}

void VirtualAlarm::ring_after(Duration wait) {
  process_.after(wait, [this, number = number_] {
    if (number == number_ && ring_) std::exchange(ring_, {})();
  });
}

Process::Process(Machine& machine) : machine_(machine) {
  use_time_source(loop_, *this);
}

void Process::run(Event event) {
  if (ended_) return;
  if (frozen_) {
    backlog_.push_back(++made_);
    waiting_.emplace(made_, std::move(event));
    return;
  }
  boost::asio::post(loop_, std::move(event));
  loop_.restart();
  loop_.poll();
}

// Owned here and not by the scheduler, so that it goes with the process.
std::uint64_t Process::wait(Duration wait, Event event) {
  const auto number = ++made_;
  if (ended_) return number;
  waiting_.emplace(number, std::move(event));
  machine_.scheduler().after(wait, [self = weak_from_this(), number] {
    if (const auto process = self.lock()) process->due(number);
  });
  return number;
}

void Process::due(std::uint64_t number) {
  if (frozen_) {
    backlog_.push_back(number);
    return;
  }
  auto found = waiting_.extract(number);
  if (!found.empty()) run(std::move(found.mapped()));
}

void Process::thaw() {
  if (!std::exchange(frozen_, false)) return;
  for (const auto number : std::exchange(backlog_, {})) {
    machine_.scheduler().after(Duration::zero(), [self = weak_from_this(), number] {
      if (const auto process = self.lock()) process->due(number);
    });
  }
}

void Process::end() {
  if (std::exchange(ended_, true)) return;
  for (auto& event : std::exchange(at_end_, {})) event();
  const auto gone = std::exchange(waiting_, {});
  loop_.shutdown();
}

std::uint64_t Process::start(Duration wait, Event due) {
  return this->wait(machine_.outside(wait), std::move(due));
}

}  // namespace personas::simulation
