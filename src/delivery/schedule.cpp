#include "personas/delivery/schedule.hpp"

#include <algorithm>

namespace personas::delivery {

void Schedule::due(const Lane& lane, Timestamp at) {
  State& state = lanes_[lane];
  if (state.at && *state.at <= at) return;
  if (!state.has_turn) {
    if (state.at) queue_.erase({*state.at, lane});
    queue_.emplace(at, lane);
  }
  state.at = at;
}

std::optional<Schedule::Turn> Schedule::next(Timestamp now) {
  if (permits_ == 0 || queue_.empty() || queue_.begin()->first > now) return {};
  Turn turn{.lane = queue_.begin()->second,
            .permits = std::min(permits_, static_cast<std::size_t>(kMaxConcurrency))};
  queue_.erase(queue_.begin());
  permits_ -= turn.permits;
  lanes_[turn.lane] = State{.at = {}, .has_turn = true};
  return turn;
}

void Schedule::ended(const Turn& turn, std::optional<Timestamp> at) {
  permits_ += turn.permits;
  const auto found = lanes_.find(turn.lane);
  const std::optional<Timestamp> meanwhile = found->second.at;
  lanes_.erase(found);
  if (meanwhile) due(turn.lane, *meanwhile);
  if (at) due(turn.lane, *at);
}

std::optional<Timestamp> Schedule::wake() const {
  if (permits_ == 0 || queue_.empty()) return {};
  return queue_.begin()->first;
}

}  // namespace personas::delivery
