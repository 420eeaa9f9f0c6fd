// Who wants which events, and what became of an event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

// Several events become one run: kDebounce waits until none has come for `ms` (at most ten times
// that in all), kBatch until `ms` after the first.
enum class WindowMode : std::uint8_t { kDebounce, kBatch };
struct DeliveryWindow {
  WindowMode mode = WindowMode::kBatch;
  std::int64_t ms = 0;
  std::int64_t max_events = 100;  // so many end it at once
};

// "When such an event comes, run this persona."
struct Subscription {
  SubscriptionId id;
  PersonaId persona_id;
  std::optional<std::string> project_id;
  std::optional<std::string> name;
  std::string event_type;                    // exact, or with a final "*"
  std::optional<std::string> source_filter;  // of the event's sourceId: exact, or with a final "*"
  std::optional<std::string> filter;         // an expression over the payload
  std::optional<codec::RawJson> input;       // what the run gets; absent: the payload
  bool enabled = true;
  std::int64_t priority = 0;
  std::optional<DeliveryWindow> window;
  std::optional<std::string> concurrency_key;  // a text with {{ path }}; see max_concurrent
  std::optional<std::int64_t> max_concurrent;  // runs at once that have the same key
  Timestamp created_at;
  Timestamp updated_at;
};

// kStarted: an execution exists. kWaiting: its window is open. kRefused: it could not be started;
// the event's next try asks again.
enum class MatchStatus : std::uint8_t { kStarted, kWaiting, kRefused };

// One subscription that an event matched. `subscription_id` is "direct" for the target of a trigger
// that needs no subscription.
struct EventMatch {
  EventId event_id;
  std::string subscription_id;
  PersonaId persona_id;
  MatchStatus status = MatchStatus::kStarted;
  std::optional<ExecutionId> execution_id = {};
  std::optional<std::string> error_message = {};
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace personas

#include "personas/model/subscription_described.hpp"
