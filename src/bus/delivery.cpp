#include "delivery.hpp"

namespace personas::bus {

std::optional<Timestamp> Bus::Delivery::settle(std::span<const Duration> pauses) {
  const auto count = [this](MatchStatus status) {
    return std::ranges::count(matches, status, &EventMatch::status);
  };
  const auto refused = count(MatchStatus::kRefused);
  event.processed_at = now;
  event.next_retry_at.reset();
  if (matches.empty()) {
    event.status = EventStatus::kSkipped;
    return std::nullopt;
  }
  if (count(MatchStatus::kWaiting) > 0) {
    event.status = EventStatus::kProcessing;
  } else if (refused == 0) {
    event.status = EventStatus::kDelivered;
  } else {
    event.status = count(MatchStatus::kStarted) > 0 ? EventStatus::kPartial : EventStatus::kFailed;
  }
  if (refused == 0) return std::nullopt;
  const auto first = std::ranges::find(matches, MatchStatus::kRefused, &EventMatch::status);
  if (!event.error_message) event.error_message = first->error_message;
  const auto tries = static_cast<std::size_t>(event.retry_count);
  if (tries >= pauses.size()) {
    event.status = EventStatus::kDead;
    return std::nullopt;
  }
  event.next_retry_at = now + pauses[tries];
  return event.next_retry_at;
}

}  // namespace personas::bus
