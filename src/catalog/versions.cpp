#include "personas/catalog/versions.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "personas/catalog/diff.hpp"
#include "personas/codec/json.hpp"
#include "personas/codec/rows.hpp"
#include "personas/store/repositories.hpp"

namespace personas::catalog {
namespace {

namespace bj = boost::json;

using store::Sql;
using store::Transaction;

// What does not make the agent. Everything else of a persona does, fields of tomorrow included.
constexpr std::array<std::string_view, 11> kNotTheAgent{
    "id",      "projectId", "icon",          "color",     "enabled",  "designContext",
    "groupId", "version",   "webhookSecret", "createdAt", "updatedAt"};

constexpr std::string_view kTools = "tools";

const std::string& version_columns() {
  static const std::string columns = codec::columns<PersonaVersion>();
  return columns;
}

Result<std::optional<PersonaVersion>> find_version(Transaction& tx, const TenantId& tenant,
                                                   const PersonaId& id, std::int64_t version) {
  static const Sql kFind("SELECT " + version_columns() +
                         " FROM persona_versions WHERE tenant_id = ? AND persona_id = ? AND "
                         "version = ?");
  return tx.find<PersonaVersion>(kFind, {tenant, id, version});
}

Result<void> insert_version(Transaction& tx, const TenantId& tenant, const PersonaVersion& row) {
  static const Sql kInsert("INSERT INTO persona_versions (tenant_id, " + version_columns() +
                           ") VALUES (?, " + codec::placeholders<PersonaVersion>() + ")");
  auto cells = codec::to_cells(row);
  cells.insert(cells.begin(), codec::Cell(tenant.str()));
  TRY_VOID(tx.execute_cells(kInsert, cells));
  return {};
}

// A persona that is older than its versions gets the one it was.
PersonaVersion unrecorded(const Persona& persona, const bj::object& state) {
  return {.persona_id = persona.id,
          .version = persona.version,
          .at = persona.updated_at,
          .note = {},
          .changed = {},
          .snapshot = codec::RawJson{codec::serialize(state)}};
}

std::vector<std::string> names_of(const std::vector<FieldChange>& changes) {
  std::vector<std::string> names;
  names.reserve(changes.size());
  for (const auto& change : changes) names.push_back(change.field);
  return names;
}

Result<bj::object> snapshot_in(const PersonaVersion& version) {
  TRY(auto json, codec::parse_json(version.snapshot ? version.snapshot->text : "{}"));
  if (!json.is_object()) {
    return fail(ErrorCode::kInternal, fmt::format("Version {} of {} is not readable",
                                                  version.version, version.persona_id.str()));
  }
  return std::move(json.get_object());
}

// The ids of the tools a snapshot names.
Result<std::vector<ToolId>> tools_in(Transaction& tx, const TenantId& tenant,
                                     const bj::object& snapshot) {
  std::vector<ToolId> ids;
  std::string missing;
  const auto* names = snapshot.if_contains(kTools);
  if (names == nullptr || !names->is_array()) return ids;
  for (const auto& entry : names->get_array()) {
    if (!entry.is_string()) continue;
    const std::string name(entry.get_string());
    TRY(const auto tool, find_tool_by_name(tx, tenant, name));
    if (tool) {
      ids.push_back(tool->id);
    } else {
      missing += (missing.empty() ? "'" : ", '") + name + "'";
    }
  }
  if (missing.empty()) return ids;
  return fail(ErrorCode::kUnprocessable,
              fmt::format("That version uses tools that do not exist any more: {}; create them "
                          "again or install them from the library, then restore it",
                          missing));
}

}  // namespace

bj::object snapshot_of(const Persona& persona, const std::vector<ToolDefinition>& tools) {
  bj::object snapshot;
  auto all = codec::parse_json(codec::to_json(persona));
  if (all && all->is_object()) snapshot = std::move(all->get_object());
  for (const auto name : kNotTheAgent) snapshot.stable_erase(name);
  std::vector<std::string> names;
  for (const auto& tool : tools) names.push_back(tool.name);
  std::ranges::sort(names);
  bj::array linked;
  for (const auto& name : names) linked.emplace_back(name);
  snapshot[kTools] = std::move(linked);
  return snapshot;
}

Result<bj::object> state_of(Transaction& tx, const TenantId& tenant, const Persona& persona) {
  TRY(const auto tools, store::tools_of(tx, tenant, persona.id));
  return snapshot_of(persona, tools);
}

Result<void> note_creation(Transaction& tx, const TenantId& tenant, const Persona& persona,
                           std::string_view note, Timestamp now) {
  TRY(const auto state, state_of(tx, tenant, persona));
  auto row = unrecorded(persona, state);
  row.at = now;
  row.note = std::string(note);
  return insert_version(tx, tenant, row);
}

Result<void> note_change(Transaction& tx, const TenantId& tenant, const bj::object& before,
                         Persona& persona, std::string_view note, Timestamp now) {
  static const Sql kRaise("UPDATE personas SET version = ? WHERE tenant_id = ? AND id = ?");
  TRY(const auto after, state_of(tx, tenant, persona));
  const auto changes = diff_objects(before, after);
  if (changes.empty()) return {};
  TRY(const auto present, find_version(tx, tenant, persona.id, persona.version));
  if (!present) TRY_VOID(insert_version(tx, tenant, unrecorded(persona, before)));
  ++persona.version;
  TRY_VOID(tx.execute(kRaise, {persona.version, tenant, persona.id}));
  return insert_version(tx, tenant,
                        {.persona_id = persona.id,
                         .version = persona.version,
                         .at = now,
                         .note = std::string(note),
                         .changed = names_of(changes),
                         .snapshot = codec::RawJson{codec::serialize(after)}});
}

Result<void> forget_versions(Transaction& tx, const TenantId& tenant, const PersonaId& id) {
  static const Sql kDelete("DELETE FROM persona_versions WHERE tenant_id = ? AND persona_id = ?");
  TRY_VOID(tx.execute(kDelete, {tenant, id}));
  return {};
}

Result<std::vector<PersonaVersion>> list_versions(Transaction& tx, const TenantId& tenant,
                                                  const Persona& persona, std::int64_t before,
                                                  std::int64_t limit) {
  static const Sql kList("SELECT " + version_columns() +
                         " FROM persona_versions WHERE tenant_id = ? AND persona_id = ? AND "
                         "version < ? ORDER BY version DESC LIMIT ?");
  TRY(auto rows, tx.list<PersonaVersion>(kList, {tenant, persona.id, before, limit}));
  if (rows.empty() && persona.version < before) rows.push_back(unrecorded(persona, {}));
  for (auto& row : rows) row.snapshot.reset();
  return rows;
}

Result<PersonaVersion> require_version(Transaction& tx, const TenantId& tenant,
                                       const Persona& persona, std::int64_t version) {
  TRY(auto found, find_version(tx, tenant, persona.id, version));
  if (found) return std::move(*found);
  if (version == persona.version) {
    TRY(const auto state, state_of(tx, tenant, persona));
    return unrecorded(persona, state);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("Persona '{}' has no version {}; the present one is {}", persona.name,
                          version, persona.version));
}

Result<PersonaDiff> diff_versions(Transaction& tx, const TenantId& tenant, const Persona& persona,
                                  std::int64_t from, std::int64_t to) {
  TRY(const auto old_version, require_version(tx, tenant, persona, from));
  TRY(const auto new_version, require_version(tx, tenant, persona, to));
  TRY(const auto before, snapshot_in(old_version));
  TRY(const auto after, snapshot_in(new_version));
  return PersonaDiff{persona.id, from, to, diff_objects(before, after)};
}

Result<void> restore_version(Transaction& tx, const TenantId& tenant, Persona& persona,
                             std::int64_t version, Timestamp now) {
  TRY(const auto wanted, require_version(tx, tenant, persona, version));
  TRY(auto snapshot, snapshot_in(wanted));
  TRY(const auto tools, tools_in(tx, tenant, snapshot));
  snapshot.stable_erase(kTools);
  // What was accepted then is taken as it is: a rule of today must not bar the way back.
  TRY_VOID(codec::read_into(snapshot, persona,
                            {.unknown = codec::UnknownFields::kIgnore,
                             .completeness = codec::ReadOptions::Completeness::kPartial,
                             .rules = codec::ReadOptions::Rules::kTrust}));
  return link_exactly(tx, tenant, persona.id, tools, now);
}

Result<void> link_exactly(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                          const std::vector<ToolId>& tools, Timestamp now) {
  TRY(const auto linked, store::tools_of(tx, tenant, persona));
  for (const auto& tool : linked) {
    if (std::ranges::find(tools, tool.id) != tools.end()) continue;
    TRY_VOID(store::unlink_tool(tx, tenant, persona, tool.id));
  }
  for (const auto& tool : tools) TRY_VOID(store::link_tool(tx, tenant, persona, tool, now));
  return {};
}

Result<std::optional<ToolDefinition>> find_tool_by_name(Transaction& tx, const TenantId& tenant,
                                                        std::string_view name) {
  static const Sql kFind("SELECT " + codec::columns<ToolDefinition>() +
                         " FROM tool_definitions WHERE tenant_id = ? AND name = ?");
  return tx.find<ToolDefinition>(kFind, {tenant, name});
}

}  // namespace personas::catalog
