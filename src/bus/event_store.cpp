#include "personas/bus/event_store.hpp"

#include "personas/base/bytes.hpp"
#include "personas/store/metering.hpp"
#include "personas/store/row_sql.hpp"

namespace personas::bus {
namespace {

using codec::Cell;
using store::Row;
using store::Sql;
using store::Transaction;

Cell text_or_null(std::string_view text) {
  return text.empty() ? Cell() : Cell(std::string(text));
}

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

Result<void> insert_event(Transaction& tx, const TenantId& tenant, const Event& event,
                          const EventKeys& keys) {
  static const Sql kInsert(
      fmt::format("INSERT INTO events (tenant_id, effect_key, dedupe_key, depth, {}) VALUES (?, ?, "
                  "?, ?, {})",
                  codec::columns<Event>(), codec::placeholders<Event>()));
  auto cells = codec::to_cells(event);
  cells.insert(cells.begin(), {Cell(tenant.str()), text_or_null(keys.effect_key),
                               text_or_null(keys.dedupe_key), Cell(keys.depth)});
  TRY_VOID(tx.execute_cells(kInsert, cells));
  store::Metered metered{.at = event.created_at, .counters = {.events = 1}};
  if (event.source_type == "persona") metered.persona_id = event.source_id.value_or("");
  return store::meter(tx, tenant, metered);
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

Result<std::int64_t> depth_of_cause(Transaction& tx, const TenantId& tenant,
                                    const ExecutionId& run) {
  static const Sql kDepth(
      "SELECT e.depth FROM executions x JOIN events e ON e.tenant_id = x.tenant_id AND e.id = "
      "x.event_id WHERE x.tenant_id = ? AND x.id = ?");
  std::int64_t depth = 0;
  TRY_VOID(tx.query(kDepth, {tenant, run}, [&](const Row& row) -> Result<bool> {
    depth = row.integer(0);
    return false;
  }));
  return depth;
}

Result<std::int64_t> depth_of(Transaction& tx, const TenantId& tenant, const EventId& event) {
  static const Sql kDepth("SELECT depth FROM events WHERE tenant_id = ? AND id = ?");
  std::int64_t depth = 0;
  TRY_VOID(tx.query(kDepth, {tenant, event}, [&](const Row& row) -> Result<bool> {
    depth = row.integer(0);
    return false;
  }));
  return depth;
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

Result<std::vector<Event>> select_events(Transaction& tx, const TenantId& tenant,
                                         const ReplayFilter& filter) {
  static const Sql kSelect(
      store::select<Event>("events") +
      " WHERE tenant_id = ? AND id < ? AND (? = '' OR event_type = ?) AND event_type >= ? AND "
      "event_type < ? AND (? = '' OR source_id = ?) AND (? = '' OR status = ?) AND created_at >= ? "
      "AND created_at < ? ORDER BY id DESC LIMIT ?");
  std::string type = filter.event_type.value_or("");
  std::string from;
  std::string to = "\xf4\x90";  // behind every text
  if (type.ends_with('*')) {
    from = type.substr(0, type.size() - 1);
    to = from + to;
    type.clear();
  }
  const std::string source = filter.source_id.value_or("");
  const std::string status = filter.status ? std::string(codec::name_of(*filter.status)) : "";
  return tx.list<Event>(kSelect, {tenant, filter.before.empty() ? "\x7f" : filter.before, type,
                                  type, from, to, source, source, status, status,
                                  filter.since ? filter.since->micros : std::int64_t{0},
                                  filter.until ? filter.until->micros : INT64_MAX, filter.limit});
}

}  // namespace personas::bus
