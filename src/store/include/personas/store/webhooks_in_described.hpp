// Descriptions of webhooks_in.hpp.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/store/webhooks_in.hpp"

namespace personas::codec {

template <>
struct Described<store::WebhookSource> {
  using S = store::WebhookSource;
  static constexpr std::string_view name = "WebhookSourceRow";
  static constexpr auto fields =
      std::tuple{field("id", &S::id).read_only(),  field("name", &S::name),
                 field("preset", &S::preset),      field("personaId", &S::persona_id),
                 field("unsigned", &S::unsigned_), field("createdAt", &S::created_at).read_only()};
};

template <>
struct Described<store::DeliveryStatus> {
  using D = store::DeliveryStatus;
  static constexpr std::string_view name = "WebhookDeliveryStatus";
  static constexpr std::array values{
      value("accepted", D::kAccepted), value("answered", D::kAnswered),
      value("malformed", D::kMalformed), value("refused", D::kRefused)};
};

template <>
struct Described<store::WebhookDelivery> {
  using D = store::WebhookDelivery;
  static constexpr std::string_view name = "WebhookDelivery";
  static constexpr auto fields = std::tuple{
      field("id", &D::id),
      field("endpoint", &D::endpoint).doc("The path it came to"),
      field("preset", &D::preset),
      field("personaId", &D::persona_id),
      field("sourceDeliveryId", &D::source_delivery_id).doc("The sender's own name of it"),
      field("receivedAt", &D::received_at),
      field("status", &D::status),
      field("eventId", &D::event_id).doc("What came of it on the bus"),
      field("eventType", &D::event_type),
      field("error", &D::error).doc("Why it was not accepted; the sender is not told"),
      field("replayOf", &D::replay_of).doc("The delivery that was published again"),
      field("repetitions", &D::repetitions).doc("How often the sender sent it again"),
      field("size", &D::size).doc("Bytes of the body"),
      field("headers", &D::headers).doc("As they came, secrets masked")};
};

}  // namespace personas::codec
