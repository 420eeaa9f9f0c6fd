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
  std::optional<std::string> url;
  std::vector<delivery::Topic> topics;
  std::optional<PersonaId> persona_id;
  std::optional<std::string> description;
  bool enabled = true;
  std::vector<std::string> to;
  std::optional<std::string> from;
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::vector<std::string> command;
  std::optional<std::int64_t> timeout_ms;
};

struct Sink {
  EndpointId id;
  delivery::Kind kind = delivery::Kind::kWebhook;
  std::optional<std::string> url;
  std::vector<delivery::Topic> topics;
  std::optional<PersonaId> persona_id;
  std::optional<std::string> description;
  bool enabled = true;
  std::optional<std::string> disabled_reason;
  std::vector<std::string> to;
  std::optional<std::string> from;
  std::optional<std::string> user;
  std::vector<std::string> command;
  std::optional<std::int64_t> timeout_ms;
  std::optional<std::string> secret;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::SinkBody> {
  using B = operations::SinkBody;
  static constexpr std::string_view name = "NotificationSinkRegistration";
  static constexpr auto fields = std::tuple{
      field("kind", &B::kind)
          .doc("webhook is signed; slack is what incoming webhooks of Slack take; email is sent by "
               "SMTP; command runs on a worker. It cannot be changed"),
      field("url", &B::url)
          .length(1, 2'048)
          .doc("Of webhook and slack: where to. Of email: its server as smtp://host:port "
               "(STARTTLS), smtps:// or smtp+plain://; without one the platform's"),
      field("topics", &B::topics)
          .required()
          .length(1, 4)
          .doc("messages and reviews of agents, failures of executions, expiries of reviews, "
               "credentials and tokens"),
      field("personaId", &B::persona_id).doc("Tell of this persona only"),
      field("description", &B::description).length(0, 500),
      field("enabled", &B::enabled),
      field("to", &B::to).length(0, delivery::kMaxRecipients).doc("Of email: addresses"),
      field("from", &B::from).length(1, 254).doc("Of email: the sender; else the platform's"),
      field("user", &B::user).length(1, 200).doc("Of email with a server of its own"),
      field("password", &B::password)
          .write_only()
          .length(1, 1'000)
          .doc("Of user; never shown. A changed url or user needs it again"),
      field("command", &B::command)
          .length(0, delivery::kMaxArguments)
          .doc("Of command: the program and its arguments; it gets the notification as JSON on "
               "standard input"),
      field("timeoutMs", &B::timeout_ms).range(1'000, 3'600'000).doc("Of command")};
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
      field("to", &S::to),
      field("from", &S::from),
      field("user", &S::user),
      field("command", &S::command),
      field("timeoutMs", &S::timeout_ms),
      field("secret", &S::secret).doc("Of a webhook; shown once, when it is made"),
      field("createdAt", &S::created_at),
      field("updatedAt", &S::updated_at)};
};

}  // namespace personas::codec
