// What an agent's protocol lines ask for, parsed: the seven protocols as values.
// The prompt's documentation, the parser and the schema come from the table in
// agents/protocols.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "personas/codec/described.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/signals.hpp"

namespace personas {

struct UserMessage {
  std::string content;
  std::optional<std::string> title;
  ContentType content_type = ContentType::kInfo;
  MessagePriority priority = MessagePriority::kNormal;
};

struct PersonaAction {
  std::string target;  // persona id or name
  std::string action = "run";
  std::optional<codec::RawJson> input;
};

struct EmitEvent {
  std::string type;
  std::optional<codec::RawJson> data;
};

struct AgentMemory {
  std::string title;
  std::string content;
  MemoryCategory category = MemoryCategory::kGeneral;
  std::int64_t importance = 5;
  std::vector<std::string> tags;
};

struct ManualReview {
  std::string title;
  std::string description;
  Severity severity = Severity::kMedium;
  std::optional<codec::RawJson> context_data;
  std::vector<std::string> suggested_actions;
};

struct FlowStep {
  std::string step;
  std::string action;
  std::string status;
};

struct ExecutionFlow {
  std::vector<FlowStep> flows;
};

struct OutcomeAssessment {
  bool accomplished = false;
  std::string summary;
  std::vector<std::string> blockers;
};

using Effect = std::variant<UserMessage, PersonaAction, EmitEvent, AgentMemory, ManualReview,
                            ExecutionFlow, OutcomeAssessment>;

namespace codec {

template <>
struct Described<UserMessage> {
  static constexpr std::string_view name = "UserMessage";
  static constexpr auto fields = std::tuple{field("content", &UserMessage::content)
                                                .required()
                                                .length(1, 100'000)
                                                .doc("What to tell the user, Markdown allowed"),
                                            field("title", &UserMessage::title).length(0, 500),
                                            field("content_type", &UserMessage::content_type),
                                            field("priority", &UserMessage::priority)};
};

template <>
struct Described<PersonaAction> {
  static constexpr std::string_view name = "PersonaAction";
  static constexpr auto fields =
      std::tuple{field("target", &PersonaAction::target)
                     .required()
                     .length(1, 200)
                     .doc("Id or name of the persona to run"),
                 field("action", &PersonaAction::action).length(1, 50).doc("\"run\""),
                 field("input", &PersonaAction::input).doc("Its input data, any JSON")};
};

template <>
struct Described<EmitEvent> {
  static constexpr std::string_view name = "EmitEvent";
  static constexpr auto fields =
      std::tuple{field("type", &EmitEvent::type).required().length(1, 200).doc("Type of the event"),
                 field("data", &EmitEvent::data).doc("Its payload, any JSON")};
};

template <>
struct Described<AgentMemory> {
  static constexpr std::string_view name = "AgentMemory";
  static constexpr auto fields =
      std::tuple{field("title", &AgentMemory::title).required().length(1, 500),
                 field("content", &AgentMemory::content).required().length(1, 50'000),
                 field("category", &AgentMemory::category),
                 field("importance", &AgentMemory::importance).range(1, 10),
                 field("tags", &AgentMemory::tags).length(0, 50)};
};

template <>
struct Described<ManualReview> {
  static constexpr std::string_view name = "ManualReview";
  static constexpr auto fields = std::tuple{
      field("title", &ManualReview::title)
          .required()
          .length(1, 500)
          .doc("The question in one line"),
      field("description", &ManualReview::description).length(0, 50'000),
      field("severity", &ManualReview::severity),
      field("context_data", &ManualReview::context_data).doc("What a human needs to decide"),
      field("suggested_actions", &ManualReview::suggested_actions).length(0, 50)};
};

template <>
struct Described<FlowStep> {
  static constexpr std::string_view name = "FlowStep";
  static constexpr auto fields = std::tuple{field("step", &FlowStep::step).length(0, 1'000),
                                            field("action", &FlowStep::action).length(0, 5'000),
                                            field("status", &FlowStep::status).length(0, 100)};
};

template <>
struct Described<ExecutionFlow> {
  static constexpr std::string_view name = "ExecutionFlow";
  static constexpr auto fields =
      std::tuple{field("flows", &ExecutionFlow::flows).required().length(0, 500)};
};

template <>
struct Described<OutcomeAssessment> {
  static constexpr std::string_view name = "OutcomeAssessment";
  static constexpr auto fields =
      std::tuple{field("accomplished", &OutcomeAssessment::accomplished)
                     .required()
                     .doc("Whether the task was really done"),
                 field("summary", &OutcomeAssessment::summary).length(0, 20'000),
                 field("blockers", &OutcomeAssessment::blockers).length(0, 100)};
};

}  // namespace codec
}  // namespace personas
