#include "personas/catalog/tool_installs.hpp"

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/catalog/documents.hpp"
#include "personas/catalog/versions.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"
#include "personas/store/repositories.hpp"

namespace personas::catalog {
namespace {

using store::Sql;
using store::Transaction;

struct Install {
  std::string tool_id;
  std::int64_t version = 0;
  std::string digest;
};

Result<std::optional<Install>> find_install(Transaction& tx, const TenantId& tenant,
                                            std::string_view name) {
  static const Sql kFind(
      "SELECT tool_id, version, digest FROM tool_installs WHERE tenant_id = ? AND name = ?");
  std::optional<Install> found;
  TRY_VOID(tx.query(kFind, {tenant, name}, [&](const store::Row& row) -> Result<bool> {
    found = Install{std::string(row.text(0)), row.integer(1), std::string(row.text(2))};
    return true;
  }));
  return found;
}

std::string digest_of(const ToolDefinition& tool) {
  return to_hex(crypto::sha256(as_bytes(codec::serialize(view_of(tool)))));
}

void fill(const LibraryTool& from, ToolDefinition& tool) {
  tool.name = from.name;
  tool.category = from.category;
  tool.description = from.description;
  tool.script_path.clear();
  tool.implementation_guide = from.implementation_guide;
  tool.input_schema = from.input_schema;
  tool.requires_credential_type = from.requires_credential_type;
}

Result<void> remember(Transaction& tx, const TenantId& tenant, const ToolDefinition& tool,
                      std::int64_t version, Timestamp now) {
  static const Sql kForget("DELETE FROM tool_installs WHERE tenant_id = ? AND name = ?");
  static const Sql kInsert(
      "INSERT INTO tool_installs (tenant_id, tool_id, name, version, digest, installed_at) VALUES "
      "(?, ?, ?, ?, ?, ?)");
  TRY_VOID(tx.execute(kForget, {tenant, tool.name}));
  TRY_VOID(tx.execute(kInsert, {tenant, tool.id, tool.name, version, digest_of(tool), now}));
  return {};
}

InstallState state_of(const ToolDefinition& tool, const std::optional<Install>& install,
                      std::int64_t newest) {
  if (!install || install->tool_id != tool.id.str()) return InstallState::kForeign;
  if (install->digest != digest_of(tool)) return InstallState::kChanged;
  return install->version < newest ? InstallState::kOutdated : InstallState::kInstalled;
}

}  // namespace

Result<LibraryEntry> library_entry(Transaction& tx, const TenantId& tenant,
                                   const LibraryTool& tool) {
  LibraryEntry entry{
      .tool = tool, .state = InstallState::kAbsent, .tool_id = {}, .installed_version = {}};
  TRY(const auto present, find_tool_by_name(tx, tenant, tool.name));
  if (!present) return entry;
  TRY(const auto install, find_install(tx, tenant, tool.name));
  entry.state = state_of(*present, install, tool.version);
  entry.tool_id = present->id;
  if (entry.state != InstallState::kForeign) entry.installed_version = install->version;
  return entry;
}

Result<Installed> install_tool(Transaction& tx, const TenantId& tenant, const LibraryTool& tool,
                               Overwrite overwrite, Timestamp now, Random& random) {
  TRY(const auto entry, library_entry(tx, tenant, tool));
  TRY(auto present, find_tool_by_name(tx, tenant, tool.name));
  if (entry.state == InstallState::kInstalled) {
    return Installed{std::move(*present), Installed::What::kUnchanged};
  }
  const bool is_ours = entry.state == InstallState::kAbsent ||
                       entry.state == InstallState::kOutdated || overwrite == Overwrite::kAlways;
  if (!is_ours) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("There is a tool '{}' that {}; install it with force to replace it", tool.name,
                    entry.state == InstallState::kChanged ? "was changed after it was installed"
                                                          : "is not the library's"));
  }
  Installed installed{.tool = present.value_or(ToolDefinition{}),
                      .what = present ? Installed::What::kUpdated : Installed::What::kCreated};
  fill(tool, installed.tool);
  installed.tool.updated_at = now;
  if (present) {
    TRY_VOID(store::update_tool(tx, tenant, installed.tool));
  } else {
    installed.tool.id = ToolId::make(now, random);
    installed.tool.created_at = now;
    TRY_VOID(store::insert_tool(tx, tenant, installed.tool));
  }
  TRY_VOID(remember(tx, tenant, installed.tool, tool.version, now));
  return installed;
}

}  // namespace personas::catalog
