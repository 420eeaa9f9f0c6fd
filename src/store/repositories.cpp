// Rows of personas and tools.
#include "personas/store/repositories.hpp"

#include "repository_rows.hpp"

namespace personas::store {
namespace {

Result<void> require_one(std::int64_t changed, std::string_view what, std::string_view id) {
  if (changed == 0) {
    return fail(ErrorCode::kNotFound, fmt::format("There is no {} '{}'", what, id));
  }
  return {};
}

}  // namespace

Result<std::optional<Persona>> find_persona(Transaction& tx, const TenantId& tenant,
                                            const PersonaId& id) {
  static const Sql kFind(select<Persona>("personas") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Persona>(kFind, {tenant, id});
}

Result<std::optional<Persona>> find_persona_by_name(Transaction& tx, const TenantId& tenant,
                                                    std::string_view name) {
  static const Sql kFind(select<Persona>("personas") + " WHERE tenant_id = ? AND name = ?");
  return tx.find<Persona>(kFind, {tenant, name});
}

Result<void> insert_persona(Transaction& tx, const TenantId& tenant, const Persona& persona) {
  static const Sql kInsert(insert<Persona>("personas"));
  TRY_VOID(tx.execute_cells(kInsert, cells_of(tenant, persona)));
  return {};
}

Result<void> update_persona(Transaction& tx, const TenantId& tenant, const Persona& persona) {
  static const Sql kUpdate(update<Persona>("personas"));
  TRY(const auto changed, tx.execute_cells(kUpdate, cells_and_key(tenant, persona)));
  return require_one(changed, "persona", persona.id.str());
}

Result<bool> delete_persona(Transaction& tx, const TenantId& tenant, const PersonaId& id) {
  static const Sql kLinks("DELETE FROM persona_tools WHERE tenant_id = ? AND persona_id = ?");
  static const Sql kCredentials(
      "DELETE FROM persona_credentials WHERE tenant_id = ? AND persona_id = ?");
  static const Sql kDelete("DELETE FROM personas WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  if (deleted == 0) return false;
  TRY_VOID(tx.execute(kLinks, {tenant, id}));
  TRY_VOID(tx.execute(kCredentials, {tenant, id}));
  return true;
}

Result<std::vector<Persona>> list_personas(Transaction& tx, const TenantId& tenant,
                                           const Page& page) {
  static const Sql kList(select<Persona>("personas") +
                         " WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?");
  return tx.list<Persona>(kList, {tenant, page.after.value_or(""), page.limit});
}

Result<std::optional<ToolDefinition>> find_tool(Transaction& tx, const TenantId& tenant,
                                                const ToolId& id) {
  static const Sql kFind(select<ToolDefinition>("tool_definitions") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<ToolDefinition>(kFind, {tenant, id});
}

Result<void> insert_tool(Transaction& tx, const TenantId& tenant, const ToolDefinition& tool) {
  static const Sql kInsert(insert<ToolDefinition>("tool_definitions"));
  TRY_VOID(tx.execute_cells(kInsert, cells_of(tenant, tool)));
  return {};
}

Result<void> update_tool(Transaction& tx, const TenantId& tenant, const ToolDefinition& tool) {
  static const Sql kUpdate(update<ToolDefinition>("tool_definitions"));
  TRY(const auto changed, tx.execute_cells(kUpdate, cells_and_key(tenant, tool)));
  return require_one(changed, "tool definition", tool.id.str());
}

Result<bool> delete_tool(Transaction& tx, const TenantId& tenant, const ToolId& id) {
  static const Sql kLinks("DELETE FROM persona_tools WHERE tenant_id = ? AND tool_id = ?");
  static const Sql kDelete("DELETE FROM tool_definitions WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  if (deleted == 0) return false;
  TRY_VOID(tx.execute(kLinks, {tenant, id}));
  return true;
}

Result<std::vector<ToolDefinition>> list_tools(Transaction& tx, const TenantId& tenant,
                                               const Page& page) {
  static const Sql kList(select<ToolDefinition>("tool_definitions") +
                         " WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?");
  return tx.list<ToolDefinition>(kList, {tenant, page.after.value_or(""), page.limit});
}

Result<void> link_tool(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                       const ToolId& tool, Timestamp now) {
  static const Sql kLink(
      "INSERT INTO persona_tools (tenant_id, persona_id, tool_id, linked_at) VALUES (?, ?, ?, ?) "
      "ON CONFLICT DO NOTHING");
  TRY_VOID(tx.execute(kLink, {tenant, persona, tool, now}));
  return {};
}

Result<bool> unlink_tool(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                         const ToolId& tool) {
  static const Sql kUnlink(
      "DELETE FROM persona_tools WHERE tenant_id = ? AND persona_id = ? AND tool_id = ?");
  TRY(const auto deleted, tx.execute(kUnlink, {tenant, persona, tool}));
  return deleted > 0;
}

Result<std::vector<ToolDefinition>> tools_of(Transaction& tx, const TenantId& tenant,
                                             const PersonaId& persona) {
  static const Sql kList("SELECT " + codec::columns<ToolDefinition>("t.") +
                         " FROM persona_tools l JOIN tool_definitions t ON t.tenant_id = "
                         "l.tenant_id AND t.id = l.tool_id WHERE l.tenant_id = ? AND l.persona_id "
                         "= ? ORDER BY t.id");
  return tx.list<ToolDefinition>(kList, {tenant, persona});
}

}  // namespace personas::store
