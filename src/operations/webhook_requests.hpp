// Bodies, query parameters and answers of the operations on webhooks that come in.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "personas/operations/requests.hpp"
#include "personas/store/webhooks_in.hpp"

namespace personas::operations {

struct WebhookReceipt {
  WebhookDeliveryId delivery_id;
  EventId event_id;
  std::string event_type;
  bool repeated = false;
};

struct WebhookReplay {
  WebhookDeliveryId delivery_id;
  EventId event_id;
  std::string event_type;
  WebhookDeliveryId replay_of;
  std::optional<EventId> first_event_id;
};

struct WebhookSourceBody {
  std::string name;
  webhook_auth::Preset preset = webhook_auth::Preset::kGeneric;
  std::optional<std::string> secret;
  std::optional<std::string> previous_secret;
  std::optional<PersonaId> persona_id;
  bool unsigned_ = false;
};

struct WebhookSourceView {
  WebhookSourceId id;
  std::string name;
  webhook_auth::Preset preset = webhook_auth::Preset::kGeneric;
  std::optional<PersonaId> persona_id;
  bool unsigned_ = false;
  std::string path;
  std::optional<std::string> secret;
  Timestamp created_at;
};

struct DeliveriesQuery {
  std::optional<store::DeliveryStatus> status;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::WebhookReceipt> {
  using R = operations::WebhookReceipt;
  static constexpr std::string_view name = "WebhookReceipt";
  static constexpr auto fields = std::tuple{
      field("deliveryId", &R::delivery_id), field("eventId", &R::event_id),
      field("eventType", &R::event_type),
      field("repeated", &R::repeated).doc("It was here before; these are the ids of the first")};
};

template <>
struct Described<operations::WebhookReplay> {
  using R = operations::WebhookReplay;
  static constexpr std::string_view name = "WebhookReplay";
  static constexpr auto fields =
      std::tuple{field("deliveryId", &R::delivery_id), field("eventId", &R::event_id),
                 field("eventType", &R::event_type), field("replayOf", &R::replay_of),
                 field("firstEventId", &R::first_event_id)};
};

template <>
struct Described<operations::WebhookSourceBody> {
  using B = operations::WebhookSourceBody;
  static constexpr std::string_view name = "WebhookSourceRequest";
  static constexpr auto fields = std::tuple{
      field("name", &B::name).required().length(1, 100).doc("Unique in the tenant"),
      field("preset", &B::preset),
      field("secret", &B::secret)
          .write_only()
          .length(1, 512)
          .doc("Of the sender; where you choose it yourself (generic, standard, github) one is "
               "made if it is absent, and shown once"),
      field("previousSecret", &B::previous_secret)
          .write_only()
          .length(1, 512)
          .doc("Accepted as well, while the secret is being changed"),
      field("personaId", &B::persona_id).doc("Only this persona is to see its events"),
      field("unsigned", &B::unsigned_)
          .doc("Accept whatever comes, without proof: whoever learns the address can send")};
};

template <>
struct Described<operations::WebhookSourceView> {
  using V = operations::WebhookSourceView;
  static constexpr std::string_view name = "WebhookSource";
  static constexpr auto fields =
      std::tuple{field("id", &V::id),
                 field("name", &V::name),
                 field("preset", &V::preset),
                 field("personaId", &V::persona_id),
                 field("unsigned", &V::unsigned_),
                 field("path", &V::path).doc("Where the sender posts to"),
                 field("secret", &V::secret).doc("Once, if the server made it"),
                 field("createdAt", &V::created_at)};
};

template <>
struct Described<operations::DeliveriesQuery> {
  using Q = operations::DeliveriesQuery;
  static constexpr std::string_view name = "WebhookDeliveriesQuery";
  static constexpr auto fields = std::tuple{
      field("status", &Q::status),
      field("limit", &Q::limit).range(1, operations::kMaxPage).doc("Entries of a page"),
      field("cursor", &Q::cursor).length(1, 500).doc("X-Next-Cursor of the page before")};
};

}  // namespace personas::codec
