#include "chain_rate.hpp"

#include <algorithm>

namespace personas::bus {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

// More than an event adds, so that they become fewer.
constexpr std::int64_t kForgotten = 3;

}  // namespace

std::optional<Timestamp> take_from(Timestamp full_at, Timestamp now, std::int64_t rate) {
  const Timestamp begin = full_at > now + kChainSpan ? now : std::max(full_at, now);
  const Timestamp after = begin + kChainSpan / rate;
  if (after > now + kChainSpan) return std::nullopt;
  return after;
}

Result<bool> take_of_chain(Transaction& tx, const TenantId& tenant, const std::string& root,
                           std::int64_t rate, Timestamp now) {
  static const Sql kFind("SELECT full_at FROM chain_rates WHERE tenant_id = ? AND chain_root = ?");
  static const Sql kPut(
      "INSERT INTO chain_rates (tenant_id, chain_root, full_at) VALUES (?, ?, ?) ON CONFLICT "
      "(tenant_id, chain_root) DO UPDATE SET full_at = excluded.full_at");
  static const Sql kForget(
      "DELETE FROM chain_rates WHERE tenant_id = ? AND chain_root IN (SELECT chain_root FROM "
      "chain_rates WHERE tenant_id = ? AND full_at < ? ORDER BY full_at LIMIT ?)");
  Timestamp full_at = now;
  TRY_VOID(tx.query(kFind, {tenant, root}, [&](const Row& row) -> Result<bool> {
    full_at = Timestamp{row.integer(0)};
    return false;
  }));
  const auto after = take_from(full_at, now, rate);
  if (!after) return false;
  TRY_VOID(tx.execute(kForget, {tenant, tenant, now, kForgotten}));
  TRY_VOID(tx.execute(kPut, {tenant, root, *after}));
  return true;
}

}  // namespace personas::bus
