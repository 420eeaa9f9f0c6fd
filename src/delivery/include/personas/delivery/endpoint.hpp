// Endpoints that are told what happens, and what is delivered to them.
//
// An endpoint is one row whatever it leads to; what differs is how a delivery is carried there
// (carrier.hpp). A webhook subscribes to types of records by `events`; a notification sink chooses
// topics by `notify` and may belong to one persona.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas {

PERSONAS_ID(EndpointId, "whe");
// What receivers know a delivery by, over all attempts.
PERSONAS_ID(DeliveryId, "whm");

namespace delivery {

inline constexpr std::int64_t kMaxEndpoints = 100;  // of a tenant: each is asked about every record
inline constexpr std::int64_t kMaxConcurrency = 4;  // deliveries to one endpoint at once

enum class Kind : std::uint8_t { kWebhook, kSlack };
enum class Topic : std::uint8_t { kMessages, kReviews, kFailures, kExpiries };

struct Endpoint {
  EndpointId id;
  Kind kind = Kind::kWebhook;
  std::string url;
  std::optional<std::string> description;
  std::vector<std::string> events;
  std::vector<Topic> notify;
  std::optional<PersonaId> persona_id;
  bool enabled = true;
  std::optional<std::string> disabled_reason;
  bool asymmetric = false;  // signed with Ed25519 as well
  std::int64_t concurrency = kMaxConcurrency;
  std::optional<Timestamp> failing_since;   // the first failure since the last success
  std::int64_t dead_in_row = 0;             // deliveries given up since the last success
  std::optional<Timestamp> previous_until;  // until when the secret before is signed with too
  Timestamp created_at;
  Timestamp updated_at;
};

enum class DeliveryStatus : std::uint8_t {
  kPending,  // not tried yet
  kFailed,   // tried, and to be tried again
  kDelivered,
  kDead,  // given up
  kHeld,  // its endpoint is disabled
};

struct Delivery {
  DeliveryId id;
  EndpointId endpoint_id;
  std::optional<std::int64_t> position;  // in the journal; none: a test
  std::string type;
  codec::RawJson payload;
  DeliveryStatus status = DeliveryStatus::kPending;
  std::int64_t attempts = 0;
  std::optional<Timestamp> next_attempt_at;
  std::optional<Timestamp> last_attempt_at;
  std::optional<std::int64_t> last_status;
  std::optional<std::string> last_error;
  std::optional<std::int64_t> last_duration_ms;
  Timestamp created_at;
  std::optional<Timestamp> completed_at;
};

}  // namespace delivery
}  // namespace personas

namespace personas::codec {

template <>
struct Described<delivery::Kind> {
  static constexpr std::string_view name = "SinkKind";
  static constexpr std::array values{value("webhook", delivery::Kind::kWebhook),
                                     value("slack", delivery::Kind::kSlack)};
};

template <>
struct Described<delivery::Topic> {
  static constexpr std::string_view name = "NotificationTopic";
  static constexpr std::array values{
      value("messages", delivery::Topic::kMessages), value("reviews", delivery::Topic::kReviews),
      value("failures", delivery::Topic::kFailures), value("expiries", delivery::Topic::kExpiries)};
};

template <>
struct Described<delivery::Endpoint> {
  using E = delivery::Endpoint;
  static constexpr std::string_view name = "DeliveryEndpoint";
  static constexpr auto fields = std::tuple{field("id", &E::id),
                                            field("kind", &E::kind),
                                            field("url", &E::url),
                                            field("description", &E::description),
                                            field("events", &E::events),
                                            field("notify", &E::notify),
                                            field("personaId", &E::persona_id),
                                            field("enabled", &E::enabled),
                                            field("disabledReason", &E::disabled_reason),
                                            field("asymmetric", &E::asymmetric),
                                            field("concurrency", &E::concurrency),
                                            field("failingSince", &E::failing_since),
                                            field("deadInRow", &E::dead_in_row),
                                            field("previousUntil", &E::previous_until),
                                            field("createdAt", &E::created_at),
                                            field("updatedAt", &E::updated_at)};
};

template <>
struct Described<delivery::DeliveryStatus> {
  static constexpr std::string_view name = "EndpointDeliveryStatus";
  static constexpr std::array values{value("pending", delivery::DeliveryStatus::kPending),
                                     value("failed", delivery::DeliveryStatus::kFailed),
                                     value("delivered", delivery::DeliveryStatus::kDelivered),
                                     value("dead", delivery::DeliveryStatus::kDead),
                                     value("held", delivery::DeliveryStatus::kHeld)};
};

template <>
struct Described<delivery::Delivery> {
  using D = delivery::Delivery;
  static constexpr std::string_view name = "EndpointDelivery";
  static constexpr auto fields = std::tuple{
      field("id", &D::id).doc("The webhook-id of every attempt"),
      field("endpointId", &D::endpoint_id),
      field("position", &D::position).write_only(),
      field("type", &D::type),
      field("payload", &D::payload).doc("The body as it is sent"),
      field("status", &D::status)
          .doc(
              "failed is tried again at nextAttemptAt; held waits for its endpoint; dead was given "
              "up"),
      field("attempts", &D::attempts),
      field("nextAttemptAt", &D::next_attempt_at),
      field("lastAttemptAt", &D::last_attempt_at),
      field("lastStatus", &D::last_status).doc("HTTP status of the last answer, if there was one"),
      field("lastError", &D::last_error),
      field("lastDurationMs", &D::last_duration_ms),
      field("createdAt", &D::created_at),
      field("completedAt", &D::completed_at)};
};

}  // namespace personas::codec
