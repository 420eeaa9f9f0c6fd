// Bodies and answers of the operations on drafts and test runs.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/catalog/types.hpp"
#include "personas/codec/described.hpp"
#include "personas/design/draft.hpp"
#include "personas/design/prompt.hpp"
#include "personas/evaluation/scenario.hpp"

namespace personas::operations {

// Which agent does it; the platform's default where absent.
struct AgentChoice {
  std::optional<std::string> backend;
  std::optional<std::string> model;
};

struct CompileBody {
  std::string description;
  std::optional<PersonaId> persona_id;
  std::optional<std::string> backend;
  std::optional<std::string> model;
};

struct ReviseBody {
  std::string feedback;
  std::optional<std::string> backend;
  std::optional<std::string> model;
};

struct DraftStarted {
  ExecutionId execution_id;
  DraftId draft_id;
};

struct ApplyDraftBody {
  std::optional<std::string> name;
  bool reuse_tools = false;
};

struct DraftReport : design::PersonaDraft {
  std::vector<catalog::FieldChange> changes;               // by applying it
  std::vector<design::DraftConnector> missing_connectors;  // no credential serves them yet
  std::vector<design::Problem> conflicts;                  // names that are taken
};

struct TestBody {
  std::vector<ScenarioId> scenario_ids;
  std::optional<std::string> backend;
  std::optional<std::string> model;
  std::int64_t repeat = 1;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::CompileBody> {
  using B = operations::CompileBody;
  static constexpr std::string_view name = "CompilePersona";
  static constexpr auto fields = std::tuple{
      field("description", &B::description)
          .required()
          .length(1, design::kMaxDescription)
          .doc("What the agent shall do, or how the persona shall change, in your words"),
      field("personaId", &B::persona_id).doc("A persona to be changed"),
      field("backend", &B::backend).length(1, 50).doc("Who drafts; claude if absent"),
      field("model", &B::model).length(1, 200)};
};

template <>
struct Described<operations::ReviseBody> {
  using B = operations::ReviseBody;
  static constexpr std::string_view name = "ReviseDraft";
  static constexpr auto fields = std::tuple{
      field("feedback", &B::feedback)
          .length(0, design::kMaxDescription)
          .doc("What should be different; its problems are told anyway"),
      field("backend", &B::backend).length(1, 50), field("model", &B::model).length(1, 200)};
};

template <>
struct Described<operations::DraftStarted> {
  using B = operations::DraftStarted;
  static constexpr std::string_view name = "DraftStarted";
  static constexpr auto fields =
      std::tuple{field("executionId", &B::execution_id), field("draftId", &B::draft_id)};
};

template <>
struct Described<operations::ApplyDraftBody> {
  using B = operations::ApplyDraftBody;
  static constexpr std::string_view name = "ApplyDraft";
  static constexpr auto fields = std::tuple{
      field("name", &B::name).length(1, 200).doc("Another name than the draft's"),
      field("reuseTools", &B::reuse_tools)
          .doc("Where a new tool's name is taken, the persona gets the tool that has it")};
};

template <>
struct Described<operations::DraftReport> {
  using T = operations::DraftReport;
  static constexpr std::string_view name = "PersonaDraftReport";
  static constexpr auto fields = std::tuple_cat(
      Described<design::PersonaDraft>::fields,
      std::tuple{field("changes", &T::changes).doc("What applying it would change"),
                 field("missingConnectors", &T::missing_connectors)
                     .doc("Connectors it asks for that no credential serves yet"),
                 field("conflicts", &T::conflicts).doc("Names in it that are taken")});
};

template <>
struct Described<operations::TestBody> {
  using B = operations::TestBody;
  static constexpr std::string_view name = "StartTests";
  static constexpr auto fields =
      std::tuple{field("scenarioIds", &B::scenario_ids)
                     .length(0, evaluation::kMaxScenarios)
                     .doc("All of the persona's, if absent"),
                 field("backend", &B::backend).length(1, 50).doc("Instead of the persona's"),
                 field("model", &B::model).length(1, 200),
                 field("repeat", &B::repeat)
                     .range(1, evaluation::kMaxRepetitions)
                     .doc("How often each is run; agents vary")};
};

}  // namespace personas::codec
