// What a catalog holds: groups, versions and their differences, templates, library tools,
// connectors. Values only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::catalog {

struct Group {
  GroupId id;
  std::string name;
  std::string description;
  std::optional<std::string> color;
  std::int64_t sort_order = 0;
  Timestamp created_at;
  Timestamp updated_at;
};

// What the agent was from then on: everything that makes it act as it does, without secrets.
struct PersonaVersion {
  PersonaId persona_id;
  std::int64_t version = 0;
  Timestamp at;
  std::string note;
  std::vector<std::string> changed;        // fields that differ from the version before
  std::optional<codec::RawJson> snapshot;  // not in lists
};

enum class LineOp : std::uint8_t { kSame, kAdded, kRemoved, kSkipped };
struct DiffLine {
  LineOp op = LineOp::kSame;
  std::string text;  // of kSkipped: empty; some equal lines are left out there
};
// One field that differs. Members of objects are fields of their own: "retry.maxAttempts".
struct FieldChange {
  std::string field;
  codec::RawJson before;
  codec::RawJson after;
  std::optional<std::vector<DiffLine>> lines;  // of texts with several lines
};
struct PersonaDiff {
  PersonaId persona_id;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::vector<FieldChange> changes;
};

struct Scenario {
  std::string name;
  std::string prompt;
  std::optional<codec::RawJson> input;
  std::vector<std::string> expect;  // in words: what a good run does
};
struct SuggestedTrigger {
  std::string type;  // schedule, webhook, chain, manual, polling
  std::string when;  // in words
  std::optional<codec::RawJson> config;
};
struct Template {
  std::string id;
  std::string title;
  std::string description;
  std::vector<std::string> tools;       // names in the tool library
  std::vector<std::string> connectors;  // types of credentials it needs
  std::optional<SuggestedTrigger> trigger;
  std::vector<Scenario> scenarios;
  codec::RawJson persona;  // the fields of a persona, `tools` by name among them
};

struct LibraryTool {
  std::string name;
  std::int64_t version = 1;
  std::string category;
  std::string description;
  std::string implementation_guide;
  std::optional<codec::JsonText> input_schema;
  std::optional<std::string> requires_credential_type;
};
enum class InstallState : std::uint8_t { kAbsent, kInstalled, kOutdated, kChanged, kForeign };
struct LibraryEntry {
  LibraryTool tool;
  InstallState state = InstallState::kAbsent;
  std::optional<ToolId> tool_id;
  std::optional<std::int64_t> installed_version;
};

struct ConnectorField {
  std::string name;
  std::string label;
  bool secret = false;
  bool required = true;
  std::string where;  // where its value is to be had
  std::optional<std::string> pattern;
  std::optional<std::string> fallback;  // its value when nobody gives one
};
// A request that succeeds with a working credential. "{field}" stands for a field's value.
struct HealthCheck {
  std::string method = "GET";
  std::string url;
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> form;  // sent as a body, when there is any
  std::vector<std::int64_t> expect_status;
  std::optional<std::string> expect_text;
};
struct Connector {
  std::string type;
  std::string title;
  std::string description;
  std::vector<ConnectorField> fields;
  std::optional<HealthCheck> check;
};

}  // namespace personas::catalog

#include "personas/catalog/types_described.hpp"
