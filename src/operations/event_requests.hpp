// Query parameters, bodies and answers of events and subscriptions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"
#include "personas/operations/requests.hpp"

namespace personas::operations {

inline constexpr std::size_t kMaxEventsOfBatch = 1'000;
inline constexpr std::int64_t kMaxReplayed = 500;  // of one request: they are one transaction

struct EventBody : Event {
  std::optional<std::string> idempotency_key;
};

struct EventBatch {
  std::vector<EventBody> events;
};

struct PublishedEvent {
  EventId id;
  EventStatus status = EventStatus::kPending;
  bool repeated = false;
};
struct PublishedBatch {
  std::vector<PublishedEvent> events;
};

enum class ReplayMode : std::uint8_t { kRetry, kAgain };
struct ReplayBody {
  std::optional<std::string> event_type;
  std::optional<std::string> source_id;
  std::optional<EventStatus> status;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  ReplayMode mode = ReplayMode::kRetry;
  std::int64_t limit = 100;
  std::optional<EventId> before;
};
struct ReplayReport {
  std::vector<PublishedEvent> events;
  std::optional<EventId> before;  // to go on with; absent: there are no more
};

struct SubscriptionsQuery {
  std::optional<PersonaId> persona_id;
  std::optional<std::string> event_type;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::EventBody> {
  static constexpr std::string_view name = "EventBody";
  static constexpr auto fields = std::tuple_cat(
      Described<Event>::fields,
      std::tuple{
          field("idempotencyKey", &operations::EventBody::idempotency_key)
              .length(1, 200)
              .doc("The source's own name for this fact: an event of the same sourceType with "
                   "the same key is not published twice")});
};

template <>
struct Described<operations::EventBatch> {
  static constexpr std::string_view name = "EventBatch";
  static constexpr auto fields = std::tuple{field("events", &operations::EventBatch::events)
                                                .required()
                                                .length(1, operations::kMaxEventsOfBatch)};
};

template <>
struct Described<operations::PublishedEvent> {
  using P = operations::PublishedEvent;
  static constexpr std::string_view name = "PublishedEvent";
  static constexpr auto fields =
      std::tuple{field("id", &P::id), field("status", &P::status),
                 field("repeated", &P::repeated).doc("It was there already, and is given again")};
};

template <>
struct Described<operations::PublishedBatch> {
  static constexpr std::string_view name = "PublishedBatch";
  static constexpr auto fields = std::tuple{
      field("events", &operations::PublishedBatch::events).doc("In the order of the request")};
};

template <>
struct Described<operations::ReplayMode> {
  static constexpr std::string_view name = "ReplayMode";
  static constexpr std::array values{value("retry", operations::ReplayMode::kRetry),
                                     value("again", operations::ReplayMode::kAgain)};
};

template <>
struct Described<operations::ReplayBody> {
  using B = operations::ReplayBody;
  static constexpr std::string_view name = "ReplayBody";
  static constexpr auto fields = std::tuple{
      field("eventType", &B::event_type).length(1, 200).doc("Exact, or a prefix with a final *"),
      field("sourceId", &B::source_id).length(1, 500),
      field("status", &B::status),
      field("since", &B::since).doc("Published then or later"),
      field("until", &B::until).doc("Published before that"),
      field("mode", &B::mode)
          .doc("retry: start what these events have not started; again: publish them once more"),
      field("limit", &B::limit).range(1, operations::kMaxReplayed),
      field("before", &B::before).doc("Goes on where the answer before ended; newest first")};
};

template <>
struct Described<operations::ReplayReport> {
  using R = operations::ReplayReport;
  static constexpr std::string_view name = "ReplayReport";
  static constexpr auto fields =
      std::tuple{field("events", &R::events),
                 field("before", &R::before).doc("The next request's; absent: there are no more")};
};

template <>
struct Described<operations::SubscriptionsQuery> {
  using Q = operations::SubscriptionsQuery;
  static constexpr std::string_view name = "SubscriptionsQuery";
  static constexpr auto fields = std::tuple{
      field("personaId", &Q::persona_id).doc("Those that run this persona"),
      field("eventType", &Q::event_type).length(1, 200).doc("As the subscription names it"),
      field("limit", &Q::limit).range(1, operations::kMaxPage).doc("Entries of a page"),
      field("cursor", &Q::cursor).length(1, 500).doc("X-Next-Cursor of the page before")};
};

}  // namespace personas::codec
