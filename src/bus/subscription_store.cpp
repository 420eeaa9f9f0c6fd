#include "personas/bus/subscription_store.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/store/row_sql.hpp"

#include "compiled.hpp"

namespace personas::bus {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

Result<void> renew_epoch(Transaction& tx, const TenantId& tenant, Random& random) {
  static const Sql kRenew(
      "INSERT INTO subscription_epochs (tenant_id, epoch) VALUES (?, ?) ON CONFLICT (tenant_id) DO "
      "UPDATE SET epoch = excluded.epoch");
  std::array<std::uint8_t, 12> drawn{};
  random.fill(drawn);
  TRY_VOID(tx.execute(kRenew, {tenant, to_hex(drawn)}));
  return {};
}

bool star_inside(std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  return star != std::string_view::npos && star + 1 != pattern.size();
}

}  // namespace

Result<void> check_subscription(const Subscription& subscription) {
  std::vector<FieldError> wrong;
  const auto add = [&wrong](std::string_view field, const Error& error) {
    if (error.fields.empty()) wrong.push_back({std::string(field), error.message});
    for (const auto& part : error.fields) {
      wrong.push_back({fmt::format("{}{}", field, part.path), part.message});
    }
  };
  constexpr std::string_view kStar = "a * may only stand at the end";
  if (star_inside(subscription.event_type)) wrong.push_back({"/eventType", std::string(kStar)});
  if (subscription.source_filter && star_inside(*subscription.source_filter)) {
    wrong.push_back({"/sourceFilter", std::string(kStar)});
  }
  if (const auto filter = compile_filter(subscription); !filter) {
    wrong.push_back({"/filter", filter.error().message});
  }
  if (const auto input = compile_input(subscription); !input) add("/input", input.error());
  if (const auto key = compile_key(subscription); !key) {
    wrong.push_back({"/concurrencyKey", key.error().message});
  } else if (*key && subscription.window) {
    wrong.push_back({"/concurrencyKey",
                     "does not go with deliveryWindow, whose events may have several; "
                     "maxConcurrent alone bounds all runs of the subscription"});
  }
  if (wrong.empty()) return {};
  std::string message = wrong.front().path.substr(1) + ": " + wrong.front().message;
  return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(wrong));
}

Result<void> insert_subscription(Transaction& tx, const TenantId& tenant,
                                 const Subscription& subscription, Random& random) {
  static const Sql kInsert(store::insert<Subscription>("subscriptions"));
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, subscription)));
  return renew_epoch(tx, tenant, random);
}

Result<void> update_subscription(Transaction& tx, const TenantId& tenant,
                                 const Subscription& subscription, Random& random) {
  static const Sql kUpdate(store::update<Subscription>("subscriptions"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, subscription)));
  return renew_epoch(tx, tenant, random);
}

Result<bool> delete_subscription(Transaction& tx, const TenantId& tenant, const SubscriptionId& id,
                                 Random& random) {
  static const Sql kDelete("DELETE FROM subscriptions WHERE tenant_id = ? AND id = ?");
  static const Sql kWindows(
      "DELETE FROM event_windows WHERE tenant_id = ? AND subscription_id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  if (deleted == 0) return false;
  TRY_VOID(tx.execute(kWindows, {tenant, id}));
  TRY_VOID(renew_epoch(tx, tenant, random));
  return true;
}

Result<void> delete_subscriptions_of(Transaction& tx, const TenantId& tenant,
                                     const PersonaId& persona, Random& random) {
  static const Sql kWindows(
      "DELETE FROM event_windows WHERE tenant_id = ? AND subscription_id IN (SELECT id FROM "
      "subscriptions WHERE tenant_id = ? AND persona_id = ?)");
  static const Sql kDelete("DELETE FROM subscriptions WHERE tenant_id = ? AND persona_id = ?");
  TRY_VOID(tx.execute(kWindows, {tenant, tenant, persona}));
  TRY(const auto deleted, tx.execute(kDelete, {tenant, persona}));
  return deleted == 0 ? Result<void>() : renew_epoch(tx, tenant, random);
}

Result<std::optional<Subscription>> find_subscription(Transaction& tx, const TenantId& tenant,
                                                      const SubscriptionId& id) {
  static const Sql kFind(store::select<Subscription>("subscriptions") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<Subscription>(kFind, {tenant, id});
}

Result<std::vector<Subscription>> list_subscriptions(Transaction& tx, const TenantId& tenant,
                                                     const SubscriptionFilter& filter) {
  static const Sql kList(store::select<Subscription>("subscriptions") +
                         " WHERE tenant_id = ? AND id > ? AND (? = '' OR persona_id = ?) AND (? = "
                         "'' OR event_type = ?) ORDER BY id LIMIT ?");
  const std::string persona = filter.persona_id ? filter.persona_id->str() : "";
  const std::string type = filter.event_type.value_or("");
  return tx.list<Subscription>(kList, {tenant, filter.page.after.value_or(""), persona, persona,
                                       type, type, filter.page.limit});
}

Result<std::vector<Subscription>> subscriptions_to(Transaction& tx, const TenantId& tenant,
                                                   std::string_view event_type) {
  // In no order: asked for one, SQLite would rather read all of the tenant's by their primary key.
  static const Sql kOfType(store::select<Subscription>("subscriptions") +
                           " WHERE tenant_id = ? AND event_type = ? AND enabled = 1");
  TRY(auto all, tx.list<Subscription>(kOfType, {tenant, event_type}));
  // Every pattern that can match is a prefix and a star: as many lookups as the type has letters,
  // whatever the number of subscriptions.
  for (std::size_t length = 0; length <= event_type.size(); ++length) {
    const std::string pattern = std::string(event_type.substr(0, length)) + "*";
    TRY(auto some, tx.list<Subscription>(kOfType, {tenant, pattern}));
    std::ranges::move(some, std::back_inserter(all));
  }
  return all;
}

Result<std::string> subscription_epoch(Transaction& tx, const TenantId& tenant) {
  static const Sql kRead("SELECT epoch FROM subscription_epochs WHERE tenant_id = ?");
  std::string epoch;
  TRY_VOID(tx.query(kRead, {tenant}, [&](const Row& row) -> Result<bool> {
    epoch = row.text(0);
    return false;
  }));
  return epoch;
}

}  // namespace personas::bus
