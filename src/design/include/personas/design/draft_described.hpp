// Descriptions of draft.hpp. Their documentation is what the designing agent is told.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/design/draft.hpp"

namespace personas::codec {

template <>
struct Described<design::DraftTool> {
  using T = design::DraftTool;
  static constexpr std::string_view name = "DraftTool";
  static constexpr auto fields = std::tuple{
      field("library", &T::library)
          .length(1, 200)
          .doc("Name of a tool that exists; then no other field is set"),
      field("name", &T::name).length(1, 200).doc("Of a new tool; unique"),
      field("category", &T::category).length(0, 100),
      field("description", &T::description).length(0, 10'000),
      field("implementationGuide", &T::implementation_guide)
          .length(0, 100'000)
          .doc("How the agent uses it, step by step: URLs, commands, parameters, errors"),
      field("inputSchema", &T::input_schema),
      field("requiresCredentialType", &T::requires_credential_type)
          .length(0, 100)
          .doc("serviceType of the connector it needs")};
};

template <>
struct Described<design::TriggerType> {
  using T = design::TriggerType;
  static constexpr std::string_view name = "DraftTriggerType";
  static constexpr std::array values{value("schedule", T::kSchedule), value("webhook", T::kWebhook),
                                     value("chain", T::kChain), value("manual", T::kManual),
                                     value("polling", T::kPolling)};
};

template <>
struct Described<design::DraftTrigger> {
  using T = design::DraftTrigger;
  static constexpr std::string_view name = "DraftTrigger";
  static constexpr auto fields = std::tuple{
      field("type", &T::type).required(),
      field("config", &T::config)
          .doc("{cron, timezone} of a schedule, {event_type} of a chain, {interval_seconds}"),
      field("why", &T::why).length(0, 2'000)};
};

template <>
struct Described<design::DraftConnector> {
  using T = design::DraftConnector;
  static constexpr std::string_view name = "DraftConnector";
  static constexpr auto fields =
      std::tuple{field("serviceType", &T::service_type).required().length(1, 100),
                 field("fields", &T::fields)
                     .length(0, 20)
                     .doc("Names of its fields, such as token, base_url; never values"),
                 field("why", &T::why).length(0, 2'000)};
};

template <>
struct Described<design::Feasibility> {
  using T = design::Feasibility;
  static constexpr std::string_view name = "Feasibility";
  static constexpr auto fields = std::tuple{
      field("score", &T::score).required().range(0, 100).doc("0: cannot work, 100: surely works"),
      field("notes", &T::notes).length(0, 50), field("risks", &T::risks).length(0, 50),
      field("questions", &T::questions).length(0, 50).doc("What the user should answer")};
};

template <>
struct Described<design::Draft> {
  using T = design::Draft;
  static constexpr std::string_view name = "Draft";
  static constexpr auto fields =
      std::tuple{field("persona", &T::persona).required().doc("The fields it sets"),
                 field("tools", &T::tools).length(0, 50).doc("All tools the persona shall have"),
                 field("triggers", &T::triggers).length(0, 20),
                 field("connectors", &T::connectors).length(0, 20),
                 field("feasibility", &T::feasibility).required()};
};

template <>
struct Described<design::Problem> {
  using T = design::Problem;
  static constexpr std::string_view name = "DraftProblem";
  static constexpr auto fields =
      std::tuple{field("path", &T::path).doc("JSON pointer into the draft; empty: all of it"),
                 field("message", &T::message)};
};

template <>
struct Described<design::DraftStatus> {
  using S = design::DraftStatus;
  static constexpr std::string_view name = "DraftStatus";
  static constexpr std::array values{value("running", S::kRunning), value("ready", S::kReady),
                                     value("invalid", S::kInvalid), value("failed", S::kFailed),
                                     value("applied", S::kApplied)};
};

template <>
struct Described<design::PersonaDraft> {
  using T = design::PersonaDraft;
  static constexpr std::string_view name = "PersonaDraft";
  static constexpr auto fields = std::tuple{
      field("id", &T::id),
      field("executionId", &T::execution_id).doc("The execution that writes it; it streams"),
      field("personaId", &T::persona_id).doc("The persona it changes, or has made"),
      field("revises", &T::revises).doc("The draft it is a revision of"),
      field("description", &T::description),
      field("draft", &T::draft).doc("As the agent wrote it"),
      field("problems", &T::problems),
      field("status", &T::status),
      field("createdAt", &T::created_at),
      field("updatedAt", &T::updated_at)};
};

}  // namespace personas::codec
