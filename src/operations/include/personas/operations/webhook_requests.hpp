// Bodies and answers of the operations on webhooks out.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/delivery/endpoint.hpp"
#include "personas/delivery/filter.hpp"

namespace personas::operations {

struct WebhookBody {
  std::string url;
  std::optional<std::string> description;
  std::vector<std::string> events;
  bool enabled = true;
  bool asymmetric = false;
  std::int64_t concurrency = delivery::kMaxConcurrency;
};

struct Webhook {
  EndpointId id;
  std::string url;
  std::optional<std::string> description;
  std::vector<std::string> events;
  bool enabled = true;
  std::optional<std::string> disabled_reason;
  std::int64_t concurrency = 0;
  std::optional<std::string> secret;
  std::optional<std::string> public_key;
  std::optional<Timestamp> previous_secret_until;
  std::optional<Timestamp> failing_since;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::WebhookBody> {
  using B = operations::WebhookBody;
  static constexpr std::string_view name = "WebhookRegistration";
  static constexpr auto fields = std::tuple{
      field("url", &B::url)
          .required()
          .length(1, 2'048)
          .doc("https or http; private networks need allow-private-targets"),
      field("description", &B::description).length(0, 500),
      field("events", &B::events)
          .required()
          .length(1, delivery::kMaxFilters)
          .doc("Types of records of GET /v1/events, or of events; with * at their end. * alone is "
               "all but output, progress and turns, which are named in full"),
      field("enabled", &B::enabled),
      field("asymmetric", &B::asymmetric)
          .doc("Sign with Ed25519 as well (v1a); publicKey verifies it"),
      field("concurrency", &B::concurrency)
          .range(1, delivery::kMaxConcurrency)
          .doc("Deliveries under way at once; 1 keeps first attempts in order")};
};

template <>
struct Described<operations::Webhook> {
  using W = operations::Webhook;
  static constexpr std::string_view name = "Webhook";
  static constexpr auto fields =
      std::tuple{field("id", &W::id),
                 field("url", &W::url),
                 field("description", &W::description),
                 field("events", &W::events),
                 field("enabled", &W::enabled),
                 field("disabledReason", &W::disabled_reason),
                 field("concurrency", &W::concurrency),
                 field("secret", &W::secret).doc("Shown once, when it is made"),
                 field("publicKey", &W::public_key).doc("Of v1a"),
                 field("previousSecretUntil", &W::previous_secret_until)
                     .doc("Until then deliveries are signed with the secret before as well"),
                 field("failingSince", &W::failing_since),
                 field("createdAt", &W::created_at),
                 field("updatedAt", &W::updated_at)};
};

}  // namespace personas::codec
