#include "personas/catalog/group_store.hpp"

#include <fmt/format.h>

#include "personas/codec/rows.hpp"

namespace personas::catalog {
namespace {

using store::Sql;
using store::Transaction;

const std::string& group_columns() {
  static const std::string columns = codec::columns<Group>();
  return columns;
}

Result<std::int64_t> count_groups(Transaction& tx, const TenantId& tenant) {
  static const Sql kCount("SELECT COUNT(*) FROM persona_groups WHERE tenant_id = ?");
  std::int64_t count = 0;
  TRY_VOID(tx.query(kCount, {tenant}, [&](const store::Row& row) -> Result<bool> {
    count = row.integer(0);
    return true;
  }));
  return count;
}

Result<void> require_free_name(Transaction& tx, const TenantId& tenant, const Group& group) {
  TRY(const auto holder, find_group_by_name(tx, tenant, group.name));
  if (!holder || holder->id == group.id) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("The name '{}' is that of group {}", group.name, holder->id.str()),
              {{"/name", "is the name of another group"}});
}

}  // namespace

Result<std::vector<Group>> list_groups(Transaction& tx, const TenantId& tenant) {
  static const Sql kList("SELECT " + group_columns() +
                         " FROM persona_groups WHERE tenant_id = ? ORDER BY sort_order, name");
  return tx.list<Group>(kList, {tenant});
}

Result<std::optional<Group>> find_group(Transaction& tx, const TenantId& tenant,
                                        const GroupId& id) {
  static const Sql kFind("SELECT " + group_columns() +
                         " FROM persona_groups WHERE tenant_id = ? AND id = ?");
  return tx.find<Group>(kFind, {tenant, id});
}

Result<std::optional<Group>> find_group_by_name(Transaction& tx, const TenantId& tenant,
                                                std::string_view name) {
  static const Sql kFind("SELECT " + group_columns() +
                         " FROM persona_groups WHERE tenant_id = ? AND name = ?");
  return tx.find<Group>(kFind, {tenant, name});
}

Result<void> insert_group(Transaction& tx, const TenantId& tenant, const Group& group) {
  static const Sql kInsert("INSERT INTO persona_groups (tenant_id, " + group_columns() +
                           ") VALUES (?, " + codec::placeholders<Group>() + ")");
  TRY_VOID(require_free_name(tx, tenant, group));
  TRY(const auto count, count_groups(tx, tenant));
  if (count >= kMaxGroups) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("There are {} groups, which is the limit; delete one", count));
  }
  auto cells = codec::to_cells(group);
  cells.insert(cells.begin(), codec::Cell(tenant.str()));
  TRY_VOID(tx.execute_cells(kInsert, cells));
  return {};
}

Result<void> update_group(Transaction& tx, const TenantId& tenant, const Group& group) {
  static const Sql kUpdate("UPDATE persona_groups SET (" + group_columns() + ") = (" +
                           codec::placeholders<Group>() + ") WHERE tenant_id = ? AND id = ?");
  TRY_VOID(require_free_name(tx, tenant, group));
  auto cells = codec::to_cells(group);
  cells.emplace_back(tenant.str());
  cells.emplace_back(group.id.str());
  TRY_VOID(tx.execute_cells(kUpdate, cells));
  return {};
}

Result<bool> delete_group(Transaction& tx, const TenantId& tenant, const GroupId& id) {
  static const Sql kLeave(
      "UPDATE personas SET group_id = NULL WHERE tenant_id = ? AND group_id = ?");
  static const Sql kDelete("DELETE FROM persona_groups WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  if (deleted == 0) return false;
  TRY_VOID(tx.execute(kLeave, {tenant, id}));
  return true;
}

Result<std::vector<Persona>> personas_of_group(Transaction& tx, const TenantId& tenant,
                                               std::string_view group, std::string_view after,
                                               std::int64_t limit) {
  static const Sql kList("SELECT " + codec::columns<Persona>() +
                         " FROM personas WHERE tenant_id = ? AND group_id = ? AND id > ? ORDER BY "
                         "id LIMIT ?");
  return tx.list<Persona>(kList, {tenant, group, after, limit});
}

Result<void> check_group(Transaction& tx, const TenantId& tenant,
                         const std::optional<std::string>& before,
                         const std::optional<std::string>& after) {
  if (!after || after == before) return {};
  TRY(const auto count, count_groups(tx, tenant));
  if (count == 0) return {};
  TRY(const auto group, find_group(tx, tenant, GroupId(*after)));
  if (group) return {};
  return fail(ErrorCode::kInvalidRequest,
              fmt::format("There is no group '{}'; GET /api/groups lists them", *after),
              {{"/groupId", "is not the id of a group"}});
}

}  // namespace personas::catalog
