// What the status document says of events, triggers and deliveries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::operations {

// Counts in the status document stop here: it is asked often, and looks at no more rows than this.
inline constexpr std::int64_t kMaxCounted = 10'000;

struct BusReport {
  std::string state;
  std::int64_t pending_events = 0;
  std::int64_t dead_events = 0;
  std::int64_t open_windows = 0;
};

struct SchedulerReport {
  std::string state;
  std::int64_t scheduled = 0;
  std::optional<Timestamp> next_due_at;
  std::int64_t firings_last_minute = 0;
};

struct DeliveriesReport {
  std::int64_t endpoints = 0;
  std::int64_t disabled_endpoints = 0;
  std::int64_t pending = 0;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::BusReport> {
  using T = operations::BusReport;
  static constexpr std::string_view name = "Bus";
  static constexpr auto fields = std::tuple{
      field("state", &T::state).doc("matching: an event is matched when it is published"),
      field("pendingEvents", &T::pending_events)
          .doc("Gathered in a window, or to be tried again; counted up to 10000"),
      field("deadEvents", &T::dead_events)
          .doc("Given up; GET /api/events/dead lists them; counted up to 10000"),
      field("openWindows", &T::open_windows).doc("Of subscriptions that gather events")};
};

template <>
struct Described<operations::SchedulerReport> {
  using T = operations::SchedulerReport;
  static constexpr std::string_view name = "Scheduler";
  static constexpr auto fields =
      std::tuple{field("state", &T::state).doc("on, or idle when nothing is scheduled"),
                 field("scheduled", &T::scheduled)
                     .doc("Triggers that fire by themselves; counted up to 10000"),
                 field("nextDueAt", &T::next_due_at).doc("When the first of them is due"),
                 field("firingsLastMinute", &T::firings_last_minute).doc("Counted up to 10000")};
};

template <>
struct Described<operations::DeliveriesReport> {
  using T = operations::DeliveriesReport;
  static constexpr std::string_view name = "Deliveries";
  static constexpr auto fields =
      std::tuple{field("endpoints", &T::endpoints).doc("Webhooks and sinks; counted up to 10000"),
                 field("disabledEndpoints", &T::disabled_endpoints),
                 field("pending", &T::pending).doc("Deliveries to be sent; counted up to 10000")};
};

}  // namespace personas::codec
