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

inline constexpr std::size_t kMaxRecipients = 10;  // of one message
inline constexpr std::size_t kMaxArguments = 50;   // of a command, with its program
inline constexpr std::size_t kMaxArgument = 8'000;

enum class Kind : std::uint8_t { kWebhook, kSlack, kEmail, kCommand };
enum class Topic : std::uint8_t { kMessages, kReviews, kFailures, kExpiries };

// Of an e-mail sink. With a server of its own the endpoint's URL is that; else the platform's is
// used, and its sender if there is none here.
struct MailRoute {
  std::vector<std::string> to;
  std::optional<std::string> from;
  std::optional<std::string> user;  // its password is in the vault
};

// Of a command sink: what a worker runs, with the notification on its standard input.
struct CommandRoute {
  std::vector<std::string> argv;
  std::optional<std::int64_t> timeout_ms;
};

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
  std::optional<MailRoute> mail;
  std::optional<CommandRoute> command;
  Timestamp created_at;
  Timestamp updated_at;
};

enum class DeliveryStatus : std::uint8_t {
  kPending,  // not tried yet
  kFailed,   // tried, and to be tried again
  kRunning,  // its command is under way; execution_id
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
  std::optional<ExecutionId> execution_id;  // of its last attempt, if it is a command's
  Timestamp created_at;
  std::optional<Timestamp> completed_at;
};

}  // namespace delivery
}  // namespace personas

namespace personas::codec {

template <>
struct Described<delivery::Kind> {
  static constexpr std::string_view name = "SinkKind";
  static constexpr std::array values{
      value("webhook", delivery::Kind::kWebhook), value("slack", delivery::Kind::kSlack),
      value("email", delivery::Kind::kEmail), value("command", delivery::Kind::kCommand)};
};

template <>
struct Described<delivery::Topic> {
  static constexpr std::string_view name = "NotificationTopic";
  static constexpr std::array values{
      value("messages", delivery::Topic::kMessages), value("reviews", delivery::Topic::kReviews),
      value("failures", delivery::Topic::kFailures), value("expiries", delivery::Topic::kExpiries)};
};

template <>
struct Described<delivery::MailRoute> {
  using M = delivery::MailRoute;
  static constexpr std::string_view name = "MailRoute";
  static constexpr auto fields =
      std::tuple{field("to", &M::to), field("from", &M::from), field("user", &M::user)};
};

template <>
struct Described<delivery::CommandRoute> {
  using C = delivery::CommandRoute;
  static constexpr std::string_view name = "CommandRoute";
  static constexpr auto fields =
      std::tuple{field("argv", &C::argv), field("timeoutMs", &C::timeout_ms)};
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
                                            field("mail", &E::mail),
                                            field("command", &E::command),
                                            field("createdAt", &E::created_at),
                                            field("updatedAt", &E::updated_at)};
};

template <>
struct Described<delivery::DeliveryStatus> {
  static constexpr std::string_view name = "EndpointDeliveryStatus";
  static constexpr std::array values{value("pending", delivery::DeliveryStatus::kPending),
                                     value("failed", delivery::DeliveryStatus::kFailed),
                                     value("running", delivery::DeliveryStatus::kRunning),
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
          .doc("failed is tried again at nextAttemptAt; running is a command under way; held waits "
               "for its endpoint; dead was given up"),
      field("attempts", &D::attempts),
      field("nextAttemptAt", &D::next_attempt_at),
      field("lastAttemptAt", &D::last_attempt_at),
      field("lastStatus", &D::last_status)
          .doc("HTTP or SMTP status of the last answer, if there was one"),
      field("lastError", &D::last_error),
      field("lastDurationMs", &D::last_duration_ms),
      field("executionId", &D::execution_id).doc("Of the last attempt of a command"),
      field("createdAt", &D::created_at),
      field("completedAt", &D::completed_at)};
};

}  // namespace personas::codec
