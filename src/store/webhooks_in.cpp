#include "personas/store/webhooks_in.hpp"

#include "repository_rows.hpp"

namespace personas::store {
namespace {

constexpr const char* kAfterAllIds = "\x7f";  // sorts after every id
// Dropped from a full log by one delivery: more than one, so that it gets down to a bound that was
// lowered; few, so that no delivery pays for all.
constexpr std::int64_t kDroppedAtOnce = 16;
// What a row costs beside its body and headers.
constexpr std::int64_t kRowBytes = 512;

struct Bound {
  std::string_view kind;
  std::int64_t entries;
  std::int64_t bytes;
};
constexpr Bound kAccepted{"accepted", kMaxLoggedDeliveries, kMaxLoggedBytes};
constexpr Bound kRefused{"refused", kMaxLoggedRefusals, kMaxLoggedBytes};

const Bound& bound_of(DeliveryStatus status) {
  return status == DeliveryStatus::kRefused ? kRefused : kAccepted;
}

struct Use {
  std::int64_t entries = 0;
  std::int64_t bytes = 0;
};

Result<Use> add_use(Transaction& tx, const TenantId& tenant, std::string_view kind, Use more) {
  static const Sql kAdd(
      "INSERT INTO webhook_log_use (tenant_id, kind, entries, bytes) VALUES (?, ?, ?, ?) ON "
      "CONFLICT (tenant_id, kind) DO UPDATE SET entries = webhook_log_use.entries + "
      "excluded.entries, bytes = webhook_log_use.bytes + excluded.bytes RETURNING entries, bytes");
  Use now;
  TRY_VOID(
      tx.query(kAdd, {tenant, kind, more.entries, more.bytes}, [&](const Row& row) -> Result<bool> {
        now = {row.integer(0), row.integer(1)};
        return true;
      }));
  return now;
}

// Drops the oldest while there is too much, the newest never.
Result<void> trim(Transaction& tx, const TenantId& tenant, const Bound& bound, Use used) {
  static const Sql kOldest(
      "SELECT id, cost FROM webhook_deliveries WHERE tenant_id = ? AND kind = ? ORDER BY id LIMIT "
      "?");
  static const Sql kDrop("DELETE FROM webhook_deliveries WHERE tenant_id = ? AND id = ?");
  if (used.entries <= bound.entries && used.bytes <= bound.bytes) return {};
  std::vector<std::pair<std::string, std::int64_t>> oldest;
  TRY_VOID(tx.query(kOldest, {tenant, bound.kind, std::min(kDroppedAtOnce, used.entries - 1)},
                    [&](const Row& row) -> Result<bool> {
                      oldest.emplace_back(row.text(0), row.integer(1));
                      return true;
                    }));
  Use dropped;
  for (const auto& [id, cost] : oldest) {
    if (used.entries + dropped.entries <= bound.entries &&
        used.bytes + dropped.bytes <= bound.bytes) {
      break;
    }
    TRY_VOID(tx.execute(kDrop, {tenant, id}));
    dropped.entries -= 1;
    dropped.bytes -= cost;
  }
  TRY_VOID(add_use(tx, tenant, bound.kind, dropped));
  return {};
}

}  // namespace

Result<std::optional<WebhookSource>> find_webhook_source(Transaction& tx, const TenantId& tenant,
                                                         const WebhookSourceId& id) {
  static const Sql kFind(select<WebhookSource>("webhook_sources") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<WebhookSource>(kFind, {tenant, id});
}

Result<void> insert_webhook_source(Transaction& tx, const TenantId& tenant,
                                   const WebhookSource& source) {
  static const Sql kInsert(insert<WebhookSource>("webhook_sources"));
  TRY_VOID(tx.execute_cells(kInsert, cells_of(tenant, source)));
  return {};
}

Result<bool> delete_webhook_source(Transaction& tx, const TenantId& tenant,
                                   const WebhookSourceId& id) {
  static const Sql kDelete("DELETE FROM webhook_sources WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  return deleted > 0;
}

Result<std::vector<WebhookSource>> list_webhook_sources(Transaction& tx, const TenantId& tenant,
                                                        const Page& page) {
  static const Sql kList(select<WebhookSource>("webhook_sources") +
                         " WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?");
  return tx.list<WebhookSource>(kList, {tenant, page.after.value_or(""), page.limit});
}

Result<std::optional<OwnedSource>> find_source_of_any_tenant(Transaction& tx,
                                                             const WebhookSourceId& id) {
  static const Sql kOwner("SELECT tenant_id FROM webhook_sources WHERE id = ?");
  std::optional<TenantId> owner;
  TRY_VOID(tx.query(kOwner, {id}, [&](const Row& row) -> Result<bool> {
    owner = TenantId(std::string(row.text(0)));
    return false;
  }));
  if (!owner) return std::optional<OwnedSource>();
  TRY(auto source, find_webhook_source(tx, *owner, id));
  if (!source) return std::optional<OwnedSource>();
  return std::optional(OwnedSource{std::move(*owner), std::move(*source)});
}

Result<std::vector<TenantId>> tenants_with_webhook(Transaction& tx, const PersonaId& persona,
                                                   std::int64_t most) {
  static const Sql kTenants(
      "SELECT tenant_id FROM personas WHERE id = ? AND webhook_secret IS NOT NULL ORDER BY "
      "tenant_id LIMIT ?");
  std::vector<TenantId> tenants;
  TRY_VOID(tx.query(kTenants, {persona, most}, [&](const Row& row) -> Result<bool> {
    tenants.emplace_back(std::string(row.text(0)));
    return true;
  }));
  return tenants;
}

Result<std::optional<SeenDelivery>> find_seen(Transaction& tx, const TenantId& tenant,
                                              std::string_view endpoint, std::string_view id) {
  static const Sql kFind(
      "SELECT delivery_id, event_id FROM webhook_seen WHERE tenant_id = ? AND endpoint = ? AND "
      "source_delivery_id = ?");
  std::optional<SeenDelivery> seen;
  TRY_VOID(tx.query(kFind, {tenant, endpoint, id}, [&](const Row& row) -> Result<bool> {
    seen = SeenDelivery{WebhookDeliveryId(std::string(row.text(0))),
                        EventId(std::string(row.text(1)))};
    return false;
  }));
  return seen;
}

Result<void> count_repetition(Transaction& tx, const TenantId& tenant,
                              const WebhookDeliveryId& delivery) {
  static const Sql kCount(
      "UPDATE webhook_deliveries SET repetitions = repetitions + 1 WHERE tenant_id = ? AND id = ?");
  TRY_VOID(tx.execute(kCount, {tenant, delivery}));
  return {};
}

Result<void> note_seen(Transaction& tx, const TenantId& tenant, std::string_view endpoint,
                       std::string_view id, const SeenDelivery& seen, Timestamp now) {
  static const Sql kNote(
      "INSERT INTO webhook_seen (tenant_id, endpoint, source_delivery_id, delivery_id, event_id, "
      "received_at) VALUES (?, ?, ?, ?, ?, ?)");
  static const Sql kForget(
      "DELETE FROM webhook_seen WHERE (tenant_id, endpoint, source_delivery_id) IN (SELECT "
      "tenant_id, endpoint, source_delivery_id FROM webhook_seen WHERE received_at < ? ORDER BY "
      "received_at LIMIT ?)");
  TRY_VOID(tx.execute(kForget, {now - kSeenKept, kDroppedAtOnce}));
  TRY_VOID(tx.execute(kNote, {tenant, endpoint, id, seen.delivery, seen.event, now}));
  return {};
}

Result<void> log_delivery(Transaction& tx, const TenantId& tenant, const WebhookDelivery& delivery,
                          std::string_view body) {
  static const Sql kInsert(fmt::format(
      "INSERT INTO webhook_deliveries (tenant_id, kind, cost, body, {}) VALUES (?, ?, ?, ?, {})",
      codec::columns<WebhookDelivery>(), codec::placeholders<WebhookDelivery>()));
  const Bound& bound = bound_of(delivery.status);
  const auto cost = std::ssize(body) + std::ssize(delivery.headers.text) + kRowBytes;
  const Bytes bytes(as_bytes(body).begin(), as_bytes(body).end());
  auto cells = codec::to_cells(delivery);
  cells.insert(cells.begin(), {codec::Cell(tenant.str()), codec::Cell(std::string(bound.kind)),
                               codec::Cell(std::int64_t{cost}), codec::Cell(bytes)});
  TRY_VOID(tx.execute_cells(kInsert, cells));
  TRY(const auto used, add_use(tx, tenant, bound.kind, {1, cost}));
  return trim(tx, tenant, bound, used);
}

Result<std::optional<WebhookDelivery>> find_delivery(Transaction& tx, const TenantId& tenant,
                                                     const WebhookDeliveryId& id) {
  static const Sql kFind(select<WebhookDelivery>("webhook_deliveries") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<WebhookDelivery>(kFind, {tenant, id});
}

Result<std::optional<std::string>> body_of_delivery(Transaction& tx, const TenantId& tenant,
                                                    const WebhookDeliveryId& id) {
  static const Sql kBody("SELECT body FROM webhook_deliveries WHERE tenant_id = ? AND id = ?");
  std::optional<std::string> body;
  TRY_VOID(tx.query(kBody, {tenant, id}, [&](const Row& row) -> Result<bool> {
    if (!row.is_null(0)) body = std::string(as_text(row.bytes(0)));
    return false;
  }));
  return body;
}

Result<std::vector<WebhookDelivery>> list_deliveries(Transaction& tx, const TenantId& tenant,
                                                     const DeliveryFilter& filter) {
  static const Sql kList(select<WebhookDelivery>("webhook_deliveries") +
                         " WHERE tenant_id = ? AND id < ? AND (? = '' OR status = ?) ORDER BY id "
                         "DESC LIMIT ?");
  const std::string status = filter.status ? std::string(codec::name_of(*filter.status)) : "";
  return tx.list<WebhookDelivery>(
      kList, {tenant, filter.page.after.value_or(kAfterAllIds), status, status, filter.page.limit});
}

}  // namespace personas::store
