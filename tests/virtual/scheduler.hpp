// Virtual time: events run in order of their time, and of their making when that is equal.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/time.hpp"

namespace personas::virtual_world {

class Scheduler {
 public:
  Instant now() const { return now_; }
  void at(Instant when, std::move_only_function<void()> event) {
    queue_.push({std::max(when, now_), ++made_, std::move(event)});
  }
  void after(Duration delay, std::move_only_function<void()> event) {
    at(now_ + delay, std::move(event));
  }
  // False if nothing is left to happen before `end`.
  bool step(Instant end) {
    if (queue_.empty() || queue_.top().when > end) return false;
    now_ = queue_.top().when;
    auto event = std::move(const_cast<Entry&>(queue_.top()).event);
    queue_.pop();
    event();
    return true;
  }

 private:
  struct Entry {
    Instant when;
    std::uint64_t order;
    std::move_only_function<void()> event;
    bool operator<(const Entry& other) const {
      return std::pair(when.micros, order) > std::pair(other.when.micros, other.order);
    }
  };
  std::priority_queue<Entry> queue_;
  Instant now_{1'000'000'000};
  std::uint64_t made_ = 0;
};

// Uniform in [low, high].
inline Duration between(Random& random, Duration low, Duration high) {
  const auto span = static_cast<std::uint64_t>((high - low).count()) + 1;
  return low + Duration(static_cast<Duration::rep>(random.below(span)));
}
inline bool chance(Random& random, unsigned percent) {
  return random.below(100) < percent;
}

}  // namespace personas::virtual_world
