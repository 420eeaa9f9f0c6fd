// Each inner SELECT reads the first kMaxCounted entries of one index and nothing else: a condition
// on the tenant inside would let an engine choose the primary key and read a table instead.
#include "signal_counts.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "personas/model/trigger.hpp"

namespace personas::operations {
namespace {

using store::Row;
using store::Sql;

constexpr Duration kRecently = minutes(1);

Result<void> look_at_bus(const Call& call, store::Transaction& tx, BusReport& bus) {
  static const Sql kRetrying(
      "SELECT count(*) FROM (SELECT tenant_id FROM events WHERE next_retry_at IS NOT NULL ORDER BY "
      "next_retry_at LIMIT ?) AS first WHERE tenant_id = ?");
  static const Sql kDead(
      "SELECT count(*) FROM (SELECT tenant_id FROM events WHERE status = 'dead' LIMIT ?) AS first "
      "WHERE tenant_id = ?");
  static const Sql kWindows(
      "SELECT count(*), COALESCE(sum(events), 0) FROM (SELECT tenant_id, events FROM event_windows "
      "LIMIT ?) AS first WHERE tenant_id = ?");
  bus.state = "matching";
  TRY_VOID(
      tx.query(kRetrying, {kMaxCounted, call.tenant()}, [&bus](const Row& row) -> Result<bool> {
        bus.pending_events = row.integer(0);
        return false;
      }));
  TRY_VOID(tx.query(kDead, {kMaxCounted, call.tenant()}, [&bus](const Row& row) -> Result<bool> {
    bus.dead_events = row.integer(0);
    return false;
  }));
  TRY_VOID(tx.query(kWindows, {kMaxCounted, call.tenant()}, [&bus](const Row& row) -> Result<bool> {
    bus.open_windows = row.integer(0);
    bus.pending_events += row.integer(1);
    return false;
  }));
  return {};
}

Result<void> look_at_scheduler(const Call& call, store::Transaction& tx,
                               SchedulerReport& scheduler) {
  static const Sql kScheduled(
      "SELECT count(*), min(next_trigger_at) FROM (SELECT tenant_id, next_trigger_at FROM triggers "
      "WHERE next_trigger_at IS NOT NULL ORDER BY next_trigger_at LIMIT ?) AS first WHERE "
      "tenant_id = ?");
  static const Sql kFirings(
      "SELECT count(*) FROM (SELECT id FROM trigger_firings WHERE tenant_id = ? AND id >= ? LIMIT "
      "?) AS first");
  TRY_VOID(tx.query(kScheduled, {kMaxCounted, call.tenant()},
                    [&scheduler](const Row& row) -> Result<bool> {
                      scheduler.scheduled = row.integer(0);
                      if (scheduler.scheduled > 0)
                        scheduler.next_due_at = Timestamp{row.integer(1)};
                      return false;
                    }));
  scheduler.state = scheduler.scheduled > 0 ? "on" : "idle";
  // Ids begin with their time, and this one is below all others of its millisecond.
  struct Lowest final : Random {
    void fill(std::span<std::uint8_t> bytes) override { std::ranges::fill(bytes, std::uint8_t{0}); }
  } lowest;
  const auto since = FiringId::make(call.now - kRecently, lowest);
  TRY_VOID(tx.query(kFirings, {call.tenant(), since, kMaxCounted},
                    [&scheduler](const Row& row) -> Result<bool> {
                      scheduler.firings_last_minute = row.integer(0);
                      return false;
                    }));
  return {};
}

Result<void> look_at_webhooks(const Call& call, store::Transaction& tx,
                              DeliveriesReport& webhooks) {
  static const Sql kEndpoints(
      "SELECT count(*), COALESCE(sum(CASE WHEN enabled = 0 THEN 1 ELSE 0 END), 0) FROM (SELECT "
      "enabled FROM webhook_endpoints WHERE tenant_id = ? LIMIT ?) AS first");
  static const Sql kPending(
      "SELECT count(*) FROM (SELECT tenant_id FROM webhook_out_deliveries WHERE next_attempt_at IS "
      "NOT NULL ORDER BY tenant_id, endpoint_id, next_attempt_at LIMIT ?) AS first WHERE tenant_id "
      "= ?");
  TRY_VOID(tx.query(kEndpoints, {call.tenant(), kMaxCounted},
                    [&webhooks](const Row& row) -> Result<bool> {
                      webhooks.endpoints = row.integer(0);
                      webhooks.disabled_endpoints = row.integer(1);
                      return false;
                    }));
  TRY_VOID(
      tx.query(kPending, {kMaxCounted, call.tenant()}, [&webhooks](const Row& row) -> Result<bool> {
        webhooks.pending = row.integer(0);
        return false;
      }));
  return {};
}

}  // namespace

Result<Signals> look_at_signals(const Call& call, store::Transaction& tx) {
  Signals signals;
  TRY_VOID(look_at_bus(call, tx, signals.bus));
  TRY_VOID(look_at_scheduler(call, tx, signals.scheduler));
  TRY_VOID(look_at_webhooks(call, tx, signals.webhooks));
  return signals;
}

}  // namespace personas::operations
