#include "windows.hpp"

#include <algorithm>

#include "personas/store/row_sql.hpp"

#include "compiled.hpp"

namespace personas::bus {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

struct OpenWindow {
  Timestamp opened_at;
  std::int64_t events = 0;
};

Result<std::optional<OpenWindow>> find_window(Transaction& tx, const TenantId& tenant,
                                              const SubscriptionId& subscription) {
  static const Sql kFind(
      "SELECT opened_at, events FROM event_windows WHERE tenant_id = ? AND subscription_id = ?");
  std::optional<OpenWindow> found;
  TRY_VOID(tx.query(kFind, {tenant, subscription}, [&](const Row& row) -> Result<bool> {
    found = OpenWindow{{row.integer(0)}, row.integer(1)};
    return false;
  }));
  return found;
}

}  // namespace

Result<Timestamp> extend_window(Transaction& tx, const TenantId& tenant,
                                const Subscription& subscription, Timestamp now) {
  static const Sql kPut(
      "INSERT INTO event_windows (tenant_id, subscription_id, opened_at, due_at, events) VALUES "
      "(?, ?, ?, ?, ?) ON CONFLICT (tenant_id, subscription_id) DO UPDATE SET due_at = "
      "excluded.due_at, events = excluded.events");
  const DeliveryWindow& window = *subscription.window;
  TRY(const auto open, find_window(tx, tenant, subscription.id));
  const Timestamp opened = open ? open->opened_at : now;
  const std::int64_t events = open ? open->events + 1 : 1;
  Timestamp due = opened + milliseconds(window.ms);
  if (window.mode == WindowMode::kDebounce) {
    due = std::min(now + milliseconds(window.ms), opened + milliseconds(window.ms * kMaxDebounces));
  }
  if (events >= window.max_events) due = now;
  TRY_VOID(tx.execute(kPut, {tenant, subscription.id, opened, due, events}));
  return due;
}

Result<DueWindows> due_windows(Transaction& tx, Timestamp now) {
  static const Sql kDue(
      "SELECT tenant_id, subscription_id, due_at FROM event_windows ORDER BY due_at LIMIT ?");
  DueWindows due;
  TRY_VOID(tx.query(kDue, {kWindowsAtOnce + 1}, [&](const Row& row) -> Result<bool> {
    const Timestamp at{row.integer(2)};
    if (at > now || due.windows.size() == static_cast<std::size_t>(kWindowsAtOnce)) {
      due.next = at;
      return false;
    }
    due.windows.push_back(
        {TenantId(std::string(row.text(0))), SubscriptionId(std::string(row.text(1)))});
    return true;
  }));
  return due;
}

Result<void> drop_window(Transaction& tx, const DueWindow& window) {
  static const Sql kDrop("DELETE FROM event_windows WHERE tenant_id = ? AND subscription_id = ?");
  TRY_VOID(tx.execute(kDrop, {window.tenant, window.subscription}));
  return {};
}

Result<Gathered> gathered_events(Transaction& tx, const DueWindow& window,
                                 const Subscription& subscription) {
  static const Sql kGathered(
      store::select<Event>("events") +
      " WHERE tenant_id = ? AND id IN (SELECT event_id FROM event_matches WHERE tenant_id = ? AND "
      "subscription_id = ? AND status = 'waiting') ORDER BY id LIMIT ?");
  Gathered gathered;
  TRY(gathered.events,
      tx.list<Event>(kGathered, {window.tenant, window.tenant, window.subscription, kMaxGathered}));
  const Compiled compiled(subscription);
  std::string& text = gathered.input.text;
  text = R"({"events":[)";
  for (const Event& event : gathered.events) {
    const EventView view(event);
    if (text.back() != '[') text += ',';
    TRY(const auto input, compiled.input_of(view));
    text += input.text;
  }
  text += "]}";
  return gathered;
}

}  // namespace personas::bus
