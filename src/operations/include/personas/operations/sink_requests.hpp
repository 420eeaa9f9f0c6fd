// Bodies and answers of the operations on notification sinks.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/delivery/endpoint.hpp"

namespace personas::operations {

struct SinkBody {
  delivery::Kind kind = delivery::Kind::kWebhook;
  std::string url;
  std::vector<delivery::Topic> topics;
  std::optional<PersonaId> persona_id;
  std::optional<std::string> description;
};

struct Sink {
  EndpointId id;
  delivery::Kind kind = delivery::Kind::kWebhook;
  std::string url;
  std::vector<delivery::Topic> topics;
  std::optional<PersonaId> persona_id;
  std::optional<std::string> description;
  bool enabled = true;
  std::optional<std::string> disabled_reason;
  std::optional<std::string> secret;
  Timestamp created_at;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::SinkBody> {
  using B = operations::SinkBody;
  static constexpr std::string_view name = "NotificationSinkRegistration";
  static constexpr auto fields = std::tuple{
      field("kind", &B::kind)
          .doc("webhook is signed; slack is what incoming webhooks of Slack take"),
      field("url", &B::url).required().length(1, 2'048),
      field("topics", &B::topics)
          .required()
          .length(1, 4)
          .doc("messages and reviews of agents, failures of executions, expiries of reviews"),
      field("personaId", &B::persona_id).doc("Tell of this persona only"),
      field("description", &B::description).length(0, 500)};
};

template <>
struct Described<operations::Sink> {
  using S = operations::Sink;
  static constexpr std::string_view name = "NotificationSink";
  static constexpr auto fields = std::tuple{
      field("id", &S::id),
      field("kind", &S::kind),
      field("url", &S::url).doc("Of slack the host alone: who knows the rest may write there"),
      field("topics", &S::topics),
      field("personaId", &S::persona_id),
      field("description", &S::description),
      field("enabled", &S::enabled),
      field("disabledReason", &S::disabled_reason),
      field("secret", &S::secret).doc("Of a webhook; shown once, when it is made"),
      field("createdAt", &S::created_at)};
};

}  // namespace personas::codec
