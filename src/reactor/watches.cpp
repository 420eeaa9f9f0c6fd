#include "personas/reactor/watches.hpp"

#include "personas/store/row_sql.hpp"

namespace personas::reactor {

using store::Sql;
using store::Transaction;

Result<void> watch(Transaction& tx, const TenantId& tenant, const Watch& watch) {
  static const Sql kInsert(store::insert<Watch>("execution_watches"));
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, watch)));
  return {};
}

Result<std::optional<Watch>> find_watch(Transaction& tx, const TenantId& tenant,
                                        const ExecutionId& execution) {
  static const Sql kFind(store::select<Watch>("execution_watches") +
                         " WHERE tenant_id = ? AND execution_id = ?");
  return tx.find<Watch>(kFind, {tenant, execution});
}

Result<bool> take_watch(Transaction& tx, const TenantId& tenant, const ExecutionId& execution) {
  static const Sql kTake("DELETE FROM execution_watches WHERE tenant_id = ? AND execution_id = ?");
  TRY(const auto taken, tx.execute(kTake, {tenant, execution}));
  return taken > 0;
}

}  // namespace personas::reactor
