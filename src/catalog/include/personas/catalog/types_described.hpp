// Descriptions of types.hpp.
#pragma once

#include <array>
#include <tuple>

#include "personas/catalog/types.hpp"

namespace personas::codec {

template <>
struct Described<catalog::Group> {
  using T = catalog::Group;
  static constexpr std::string_view name = "PersonaGroup";
  static constexpr auto fields = std::tuple{
      field("id", &T::id),
      field("name", &T::name).required().length(1, 200).doc("Unique in the tenant"),
      field("description", &T::description).length(0, 10'000),
      field("color", &T::color).length(0, 50),
      field("sortOrder", &T::sort_order).range(-1'000'000, 1'000'000).doc("Lower comes first"),
      field("createdAt", &T::created_at).read_only(),
      field("updatedAt", &T::updated_at).read_only()};
};

template <>
struct Described<catalog::PersonaVersion> {
  using T = catalog::PersonaVersion;
  static constexpr std::string_view name = "PersonaVersion";
  static constexpr auto fields =
      std::tuple{field("personaId", &T::persona_id),
                 field("version", &T::version),
                 field("at", &T::at),
                 field("note", &T::note),
                 field("changed", &T::changed).doc("Fields that differ from the version before"),
                 field("snapshot", &T::snapshot).doc("What the agent was; null in lists")};
};

template <>
struct Described<catalog::LineOp> {
  using T = catalog::LineOp;
  static constexpr std::string_view name = "LineOp";
  static constexpr std::array values{value("same", T::kSame), value("added", T::kAdded),
                                     value("removed", T::kRemoved), value("skipped", T::kSkipped)};
};
template <>
struct Described<catalog::DiffLine> {
  using T = catalog::DiffLine;
  static constexpr std::string_view name = "DiffLine";
  static constexpr auto fields = std::tuple{field("op", &T::op), field("text", &T::text)};
};
template <>
struct Described<catalog::FieldChange> {
  using T = catalog::FieldChange;
  static constexpr std::string_view name = "FieldChange";
  static constexpr auto fields =
      std::tuple{field("field", &T::field), field("before", &T::before), field("after", &T::after),
                 field("lines", &T::lines).doc("Of texts with several lines")};
};
template <>
struct Described<catalog::PersonaDiff> {
  using T = catalog::PersonaDiff;
  static constexpr std::string_view name = "PersonaDiff";
  static constexpr auto fields =
      std::tuple{field("personaId", &T::persona_id), field("from", &T::from), field("to", &T::to),
                 field("changes", &T::changes)};
};

template <>
struct Described<catalog::Scenario> {
  using T = catalog::Scenario;
  static constexpr std::string_view name = "TemplateScenario";
  static constexpr auto fields =
      std::tuple{field("name", &T::name).required().length(1, 200),
                 field("prompt", &T::prompt).required().length(1, 100'000),
                 field("input", &T::input), field("expect", &T::expect).length(0, 50)};
};
template <>
struct Described<catalog::SuggestedTrigger> {
  using T = catalog::SuggestedTrigger;
  static constexpr std::string_view name = "SuggestedTrigger";
  static constexpr auto fields =
      std::tuple{field("type", &T::type).required().length(1, 50),
                 field("when", &T::when).required().length(1, 1'000), field("config", &T::config)};
};
template <>
struct Described<catalog::Template> {
  using T = catalog::Template;
  static constexpr std::string_view name = "Template";
  static constexpr auto fields =
      std::tuple{field("id", &T::id).required().length(1, 64),
                 field("title", &T::title).required().length(1, 200),
                 field("description", &T::description).required().length(1, 2'000),
                 field("tools", &T::tools).doc("Names in the tool library"),
                 field("connectors", &T::connectors).doc("Types of credentials it needs"),
                 field("trigger", &T::trigger).doc("What should start it"),
                 field("scenarios", &T::scenarios).doc("Sample runs"),
                 field("persona", &T::persona).doc("The fields of the persona it makes")};
};

template <>
struct Described<catalog::LibraryTool> {
  using T = catalog::LibraryTool;
  static constexpr std::string_view name = "LibraryTool";
  static constexpr auto fields = std::tuple{
      field("name", &T::name).required().length(1, 200),
      field("version", &T::version).required().range(1, 1'000'000),
      field("category", &T::category).length(0, 100),
      field("description", &T::description).required().length(1, 10'000),
      field("implementationGuide", &T::implementation_guide).required().length(1, 100'000),
      field("inputSchema", &T::input_schema),
      field("requiresCredentialType", &T::requires_credential_type).length(0, 100)};
};
template <>
struct Described<catalog::InstallState> {
  using T = catalog::InstallState;
  static constexpr std::string_view name = "InstallState";
  static constexpr std::array values{value("absent", T::kAbsent), value("installed", T::kInstalled),
                                     value("outdated", T::kOutdated), value("changed", T::kChanged),
                                     value("foreign", T::kForeign)};
};
template <>
struct Described<catalog::LibraryEntry> {
  using T = catalog::LibraryEntry;
  static constexpr std::string_view name = "LibraryEntry";
  static constexpr auto fields = std::tuple{
      field("tool", &T::tool),
      field("state", &T::state)
          .doc("absent, installed, outdated (the library is newer), changed (somebody edited it), "
               "foreign (a tool of this name that is not the library's)"),
      field("toolId", &T::tool_id), field("installedVersion", &T::installed_version)};
};

template <>
struct Described<catalog::ConnectorField> {
  using T = catalog::ConnectorField;
  static constexpr std::string_view name = "ConnectorField";
  static constexpr auto fields =
      std::tuple{field("name", &T::name).required().length(1, 64),
                 field("label", &T::label).required().length(1, 200),
                 field("secret", &T::secret),
                 field("required", &T::required),
                 field("where", &T::where).doc("Where its value is to be had"),
                 field("pattern", &T::pattern).doc("Regular expression its value matches"),
                 field("fallback", &T::fallback).doc("Its value when nobody gives one")};
};
template <>
struct Described<catalog::HealthCheck> {
  using T = catalog::HealthCheck;
  static constexpr std::string_view name = "HealthCheck";
  static constexpr auto fields =
      std::tuple{field("method", &T::method),
                 field("url", &T::url).required().doc("{field} stands for a field's value"),
                 field("headers", &T::headers),
                 field("form", &T::form),
                 field("expectStatus", &T::expect_status),
                 field("expectText", &T::expect_text)};
};
template <>
struct Described<catalog::Connector> {
  using T = catalog::Connector;
  static constexpr std::string_view name = "Connector";
  static constexpr auto fields = std::tuple{
      field("type", &T::type).required().length(1, 64),
      field("title", &T::title).required().length(1, 200), field("description", &T::description),
      field("fields", &T::fields).doc("What a credential of this type consists of"),
      field("check", &T::check).doc("A request that succeeds with a working credential")};
};

}  // namespace personas::codec
