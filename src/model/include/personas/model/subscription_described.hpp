// Descriptions of subscription.hpp: names, rules and documentation of their fields.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/model/subscription.hpp"

namespace personas::codec {

template <>
struct Described<WindowMode> {
  static constexpr std::string_view name = "WindowMode";
  static constexpr std::array values{value("debounce", WindowMode::kDebounce),
                                     value("batch", WindowMode::kBatch)};
};

template <>
struct Described<DeliveryWindow> {
  static constexpr std::string_view name = "DeliveryWindow";
  static constexpr auto fields = std::tuple{
      field("mode", &DeliveryWindow::mode)
          .required()
          .doc(
              "debounce: one run when no event has come for ms; batch: one run ms after the first"),
      field("ms", &DeliveryWindow::ms).required().range(100, 86'400'000).doc("Milliseconds"),
      field("maxEvents", &DeliveryWindow::max_events)
          .range(1, 1'000)
          .doc("So many events end it at once")};
};

template <>
struct Described<Subscription> {
  using S = Subscription;
  static constexpr std::string_view name = "Subscription";
  static constexpr auto fields = std::tuple{
      field("id", &S::id),
      field("personaId", &S::persona_id).required(),
      field("projectId", &S::project_id).length(0, 200),
      field("name", &S::name).length(0, 200),
      field("eventType", &S::event_type)
          .required()
          .length(1, 200)
          .doc("Exact, or a prefix with a final *; * alone is every event"),
      field("sourceFilter", &S::source_filter)
          .length(0, 500)
          .doc("The event's sourceId: exact, or a prefix with a final *"),
      field("filter", &S::filter)
          .length(0, 4096)
          .doc("An expression over the payload, such as: action == \"opened\" and not draft"),
      field("input", &S::input)
          .doc("The run's input, with {{ path }} for values of the payload; absent: the payload"),
      field("enabled", &S::enabled),
      field("priority", &S::priority).range(-100, 100).doc("Of the runs; higher ones go first"),
      field("deliveryWindow", &S::window).doc("Gathers several events into one run"),
      field("concurrencyKey", &S::concurrency_key)
          .length(0, 1000)
          .doc("A text with {{ path }}: runs with the same one do not run at the same time"),
      field("maxConcurrent", &S::max_concurrent)
          .range(1, 1000)
          .doc("Runs at once with the same concurrencyKey, or of the subscription without one"),
      field("createdAt", &S::created_at).read_only(),
      field("updatedAt", &S::updated_at).read_only()};
};

template <>
struct Described<MatchStatus> {
  static constexpr std::string_view name = "MatchStatus";
  static constexpr std::array values{value("started", MatchStatus::kStarted),
                                     value("waiting", MatchStatus::kWaiting),
                                     value("refused", MatchStatus::kRefused)};
};

template <>
struct Described<EventMatch> {
  using M = EventMatch;
  static constexpr std::string_view name = "EventMatch";
  static constexpr auto fields =
      std::tuple{field("eventId", &M::event_id),
                 field("subscriptionId", &M::subscription_id)
                     .doc("\"direct\" for a trigger's own persona, which needs no subscription"),
                 field("personaId", &M::persona_id),
                 field("status", &M::status),
                 field("executionId", &M::execution_id),
                 field("errorMessage", &M::error_message),
                 field("createdAt", &M::created_at),
                 field("updatedAt", &M::updated_at)};
};

}  // namespace personas::codec
