// One event on its way to its subscribers, and the status that follows from what became of it.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/bus/bus.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"

namespace personas::bus {

struct Bus::Delivery {
  const TenantId& tenant;
  Event event;
  std::optional<TriggerId> trigger = {};
  Timestamp now;
  store::AfterCommit& after;
  bool direct = false;  // its target runs without a subscription too
  std::vector<EventMatch> matches = {};

  // Of which there is a run, or will be when its window ends.
  bool is_settled(std::string_view subscription) const {
    return std::ranges::any_of(matches, [&](const EventMatch& match) {
      return match.subscription_id == subscription && match.status != MatchStatus::kRefused;
    });
  }
  bool was_direct() const {
    return std::ranges::any_of(
        matches, [](const EventMatch& match) { return match.subscription_id == kDirect; });
  }
  void put(EventMatch match) {
    const auto it = std::ranges::find(matches, match.subscription_id, &EventMatch::subscription_id);
    if (it == matches.end()) {
      matches.push_back(std::move(match));
    } else {
      *it = std::move(match);
    }
  }
  // Sets the event's state from its matches; when it is to be tried again, if ever.
  std::optional<Timestamp> settle(std::span<const Duration> pauses);
};

}  // namespace personas::bus
