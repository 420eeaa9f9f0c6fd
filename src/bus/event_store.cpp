#include "personas/bus/event_store.hpp"

#include "personas/store/row_sql.hpp"

namespace personas::bus {
namespace {

using codec::Cell;
using store::Row;
using store::Sql;
using store::Transaction;

}  // namespace

Result<std::optional<Event>> find_repeated(Transaction& tx, const TenantId& tenant,
                                           std::string_view source_type, std::string_view key) {
  static const Sql kFind(store::select<Event>("events") +
                         " WHERE tenant_id = ? AND source_type = ? AND dedupe_key = ?");
  return tx.find<Event>(kFind, {tenant, source_type, key});
}

Result<std::optional<Event>> find_by_effect(Transaction& tx, const TenantId& tenant,
                                            std::string_view effect_key) {
  static const Sql kFind(store::select<Event>("events") +
                         " WHERE tenant_id = ? AND effect_key = ?");
  return tx.find<Event>(kFind, {tenant, effect_key});
}

Result<void> update_state(Transaction& tx, const TenantId& tenant, const Event& event) {
  static const Sql kUpdate(
      "UPDATE events SET status = ?, error_message = ?, processed_at = ?, retry_count = ?, "
      "next_retry_at = ? WHERE tenant_id = ? AND id = ?");
  const std::array cells{Cell(std::string(codec::name_of(event.status))),
                         event.error_message ? Cell(*event.error_message) : Cell(),
                         event.processed_at ? Cell(event.processed_at->micros) : Cell(),
                         Cell(event.retry_count),
                         event.next_retry_at ? Cell(event.next_retry_at->micros) : Cell(),
                         Cell(tenant.str()),
                         Cell(event.id.str())};
  TRY_VOID(tx.execute_cells(kUpdate, cells));
  return {};
}

namespace {

Result<Cause> read_cause(Transaction& tx, const Sql& sql, const TenantId& tenant,
                         const std::string& id) {
  Cause cause{.root = id};
  TRY_VOID(tx.query(sql, {tenant, id}, [&](const Row& row) -> Result<bool> {
    cause = {.depth = row.integer(0), .root = std::string(row.text(1))};
    return false;
  }));
  return cause;
}

}  // namespace

Result<Cause> cause_of_run(Transaction& tx, const TenantId& tenant, const ExecutionId& run) {
  static const Sql kCause(
      "SELECT e.depth, COALESCE(e.chain_root, e.id) FROM executions x JOIN events e ON e.tenant_id "
      "= x.tenant_id AND e.id = x.event_id WHERE x.tenant_id = ? AND x.id = ?");
  return read_cause(tx, kCause, tenant, run.str());
}

Result<Cause> cause_of_event(Transaction& tx, const TenantId& tenant, const EventId& event) {
  static const Sql kCause(
      "SELECT depth, COALESCE(chain_root, id) FROM events WHERE tenant_id = ? AND id = ?");
  return read_cause(tx, kCause, tenant, event.str());
}

Result<void> put_match(Transaction& tx, const TenantId& tenant, const EventMatch& match) {
  static const Sql kPut(store::insert<EventMatch>("event_matches") +
                        " ON CONFLICT (tenant_id, event_id, subscription_id) DO UPDATE SET status "
                        "= excluded.status, execution_id = excluded.execution_id, error_message = "
                        "excluded.error_message, updated_at = excluded.updated_at");
  TRY_VOID(tx.execute_cells(kPut, store::cells_of(tenant, match)));
  return {};
}

Result<std::vector<EventMatch>> matches_of(Transaction& tx, const TenantId& tenant,
                                           const EventId& event) {
  static const Sql kList(store::select<EventMatch>("event_matches") +
                         " WHERE tenant_id = ? AND event_id = ? ORDER BY created_at, "
                         "subscription_id");
  return tx.list<EventMatch>(kList, {tenant, event});
}

Result<DueEvents> due_events(Transaction& tx, Timestamp now, std::int64_t limit) {
  static const Sql kDue(
      "SELECT tenant_id, id, next_retry_at FROM events WHERE next_retry_at IS NOT NULL ORDER BY "
      "next_retry_at LIMIT ?");
  DueEvents due;
  TRY_VOID(tx.query(kDue, {limit + 1}, [&](const Row& row) -> Result<bool> {
    const Timestamp at{row.integer(2)};
    if (at > now || due.events.size() == static_cast<std::size_t>(limit)) {
      due.next = at;
      return false;
    }
    due.events.push_back({TenantId(std::string(row.text(0))), EventId(std::string(row.text(1)))});
    return true;
  }));
  return due;
}

}  // namespace personas::bus
