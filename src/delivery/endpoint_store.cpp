#include "personas/delivery/endpoint_store.hpp"

#include <fmt/format.h>

#include "personas/store/row_sql.hpp"

namespace personas::delivery {

using store::Row;
using store::Sql;
using store::Transaction;

Result<void> insert_endpoint(Transaction& tx, const TenantId& tenant, const Endpoint& endpoint) {
  static const Sql kCount("SELECT COUNT(*) FROM webhook_endpoints WHERE tenant_id = ?");
  static const Sql kInsert(store::insert<Endpoint>("webhook_endpoints"));
  std::int64_t count = 0;
  TRY_VOID(tx.query(kCount, {tenant}, [&](const Row& row) -> Result<bool> {
    count = row.integer(0);
    return false;
  }));
  if (count >= kMaxEndpoints) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("There are {} webhooks and sinks already; delete some first", count));
  }
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, endpoint)));
  return {};
}

Result<std::optional<Endpoint>> find_endpoint(Transaction& tx, const TenantId& tenant,
                                              const EndpointId& id) {
  static const Sql kFind(store::select<Endpoint>("webhook_endpoints") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<Endpoint>(kFind, {tenant, id});
}

Result<std::vector<Endpoint>> list_endpoints(Transaction& tx, const TenantId& tenant) {
  static const Sql kList(store::select<Endpoint>("webhook_endpoints") +
                         " WHERE tenant_id = ? ORDER BY id");
  return tx.list<Endpoint>(kList, {tenant});
}

Result<void> update_endpoint(Transaction& tx, const TenantId& tenant, const Endpoint& endpoint) {
  static const Sql kUpdate(store::update<Endpoint>("webhook_endpoints"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, endpoint)));
  return {};
}

Result<bool> delete_endpoint(Transaction& tx, const TenantId& tenant, const EndpointId& id) {
  static const Sql kDeliveries(
      "DELETE FROM webhook_out_deliveries WHERE tenant_id = ? AND endpoint_id = ?");
  static const Sql kEndpoint("DELETE FROM webhook_endpoints WHERE tenant_id = ? AND id = ?");
  TRY_VOID(tx.execute(kDeliveries, {tenant, id}));
  TRY(const auto deleted, tx.execute(kEndpoint, {tenant, id}));
  return deleted > 0;
}

Result<void> hold(Transaction& tx, const TenantId& tenant, const EndpointId& id) {
  static const Sql kHold(
      "UPDATE webhook_out_deliveries SET status = 'held', next_attempt_at = NULL WHERE tenant_id = "
      "? AND endpoint_id = ? AND next_attempt_at IS NOT NULL");
  TRY_VOID(tx.execute(kHold, {tenant, id}));
  return {};
}

Result<void> release(Transaction& tx, const TenantId& tenant, const EndpointId& id, Timestamp now) {
  static const Sql kRelease(
      "UPDATE webhook_out_deliveries SET status = 'pending', next_attempt_at = ? WHERE tenant_id = "
      "? AND endpoint_id = ? AND status = 'held'");
  TRY_VOID(tx.execute(kRelease, {now, tenant, id}));
  return {};
}

Result<void> insert_delivery(Transaction& tx, const TenantId& tenant, const Delivery& delivery) {
  static const Sql kInsert(store::insert<Delivery>("webhook_out_deliveries") +
                           " ON CONFLICT (tenant_id, endpoint_id, position) WHERE position IS NOT "
                           "NULL DO NOTHING");
  TRY(const auto endpoint, find_endpoint(tx, tenant, delivery.endpoint_id));
  if (!endpoint || !endpoint->enabled) return {};
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, delivery)));
  return {};
}

Result<std::optional<Delivery>> find_delivery(Transaction& tx, const TenantId& tenant,
                                              const DeliveryId& id) {
  static const Sql kFind(store::select<Delivery>("webhook_out_deliveries") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<Delivery>(kFind, {tenant, id});
}

Result<std::vector<Delivery>> list_deliveries(Transaction& tx, const TenantId& tenant,
                                              const EndpointId& endpoint, const store::Page& page) {
  static const Sql kList(
      store::select<Delivery>("webhook_out_deliveries") +
      " WHERE tenant_id = ? AND endpoint_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
  return tx.list<Delivery>(kList, {tenant, endpoint, page.after.value_or("\x7f"), page.limit});
}

Result<void> update_delivery(Transaction& tx, const TenantId& tenant, const Delivery& delivery) {
  static const Sql kUpdate(store::update<Delivery>("webhook_out_deliveries"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, delivery)));
  return {};
}

Result<void> forget_deliveries(Transaction& tx, const TenantId& tenant, const EndpointId& endpoint,
                               const DeliveryId& before) {
  static const Sql kForget(
      "DELETE FROM webhook_out_deliveries WHERE tenant_id = ? AND id IN (SELECT id FROM "
      "webhook_out_deliveries WHERE tenant_id = ? AND endpoint_id = ? AND id < ? AND "
      "completed_at IS NOT NULL ORDER BY id LIMIT ?)");
  TRY_VOID(tx.execute(kForget, {tenant, tenant, endpoint, before, kForgottenAtOnce}));
  return {};
}

Result<std::vector<Delivery>> due_deliveries(Transaction& tx, const TenantId& tenant,
                                             const EndpointId& endpoint, Timestamp now,
                                             std::size_t limit) {
  static const Sql kDue(store::select<Delivery>("webhook_out_deliveries") +
                        " WHERE tenant_id = ? AND endpoint_id = ? AND next_attempt_at IS NOT NULL "
                        "AND next_attempt_at <= ? ORDER BY next_attempt_at, position LIMIT ?");
  return tx.list<Delivery>(kDue, {tenant, endpoint, now, static_cast<std::int64_t>(limit)});
}

Result<std::optional<Timestamp>> next_due(Transaction& tx, const TenantId& tenant,
                                          const EndpointId& endpoint) {
  static const Sql kNext(
      "SELECT next_attempt_at FROM webhook_out_deliveries WHERE tenant_id = ? AND endpoint_id = ? "
      "AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at LIMIT 1");
  std::optional<Timestamp> next;
  TRY_VOID(tx.query(kNext, {tenant, endpoint}, [&](const Row& row) -> Result<bool> {
    next = Timestamp{row.integer(0)};
    return false;
  }));
  return next;
}

Result<std::vector<Due>> all_due(Transaction& tx) {
  static const Sql kAll(
      "SELECT tenant_id, endpoint_id, MIN(next_attempt_at) FROM webhook_out_deliveries WHERE "
      "next_attempt_at IS NOT NULL GROUP BY tenant_id, endpoint_id");
  std::vector<Due> all;
  TRY_VOID(tx.query(kAll, {}, [&](const Row& row) -> Result<bool> {
    all.push_back({TenantId(std::string(row.text(0))), EndpointId(std::string(row.text(1))),
                   Timestamp{row.integer(2)}});
    return true;
  }));
  return all;
}

}  // namespace personas::delivery
