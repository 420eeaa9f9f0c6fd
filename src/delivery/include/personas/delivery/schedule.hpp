// Who is sent to next: endpoints take turns, the one that has waited longest first. Pure.
//
// A turn is one batch for one endpoint. Turns share a number of permits, one per delivery under
// way, so that an endpoint that answers slowly holds no more of them than its own few. An endpoint
// has one turn at a time, which keeps its batches in order.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/delivery/endpoint.hpp"

namespace personas::delivery {

struct Lane {
  TenantId tenant;
  EndpointId endpoint;
  auto operator<=>(const Lane&) const = default;
};

class Schedule {
 public:
  explicit Schedule(std::size_t permits) : permits_(permits) {}

  // Something for the endpoint is due then; the earliest word counts.
  void due(const Lane& lane, Timestamp at);

  struct Turn {
    Lane lane;
    std::size_t permits = 0;  // deliveries it may have under way
  };
  // The next turn, if one is due and a permit is free; it lasts until ended().
  std::optional<Turn> next(Timestamp now);
  // `at`: when something is due next, if anything is.
  void ended(const Turn& turn, std::optional<Timestamp> at);

  // When to ask next() again; none: not before due() or ended() was called.
  std::optional<Timestamp> wake() const;
  std::size_t lanes() const { return lanes_.size(); }

 private:
  struct State {
    std::optional<Timestamp> at;
    bool has_turn = false;
  };
  std::map<Lane, State> lanes_;                 // that wait or have a turn
  std::set<std::pair<Timestamp, Lane>> queue_;  // that wait and have none
  std::size_t permits_;
};

}  // namespace personas::delivery
