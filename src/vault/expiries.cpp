#include "personas/vault/expiries.hpp"

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"

namespace personas::vault {

using store::Row;
using store::Sql;
using store::Transaction;

std::optional<Timestamp> next_notice(Timestamp expires_at, Timestamp now) {
  for (const Duration before : kNotices) {
    if (expires_at - before > now) return expires_at - before;
  }
  return {};
}

Result<void> keep_expiry(Transaction& tx, const TenantId& tenant, const Expiry& expiry,
                         Timestamp now) {
  static const Sql kKeep(
      "INSERT INTO expiries (tenant_id, kind, id, name, expires_at, assumed, notice_at) VALUES (?, "
      "?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, kind, id) DO UPDATE SET name = excluded.name, "
      "expires_at = excluded.expires_at, assumed = excluded.assumed, notice_at = "
      "excluded.notice_at");
  const std::int64_t assumed = expiry.assumed ? 1 : 0;
  TRY_VOID(tx.execute(kKeep, {tenant, expiry.kind, expiry.id, expiry.name, expiry.expires_at,
                              assumed, next_notice(expiry.expires_at, now)}));
  return {};
}

Result<void> forget_expiry(Transaction& tx, const TenantId& tenant, std::string_view kind,
                           std::string_view id) {
  static const Sql kForget("DELETE FROM expiries WHERE tenant_id = ? AND kind = ? AND id = ?");
  TRY_VOID(tx.execute(kForget, {tenant, kind, id}));
  return {};
}

Result<std::optional<Timestamp>> next_expiry_notice(Transaction& tx) {
  static const Sql kNext(
      "SELECT notice_at FROM expiries WHERE notice_at IS NOT NULL ORDER BY notice_at LIMIT 1");
  std::optional<Timestamp> next;
  TRY_VOID(tx.query(kNext, {}, [&](const Row& row) -> Result<bool> {
    next = Timestamp{row.integer(0)};
    return false;
  }));
  return next;
}

Result<std::int64_t> tell_expiries(Transaction& tx, Timestamp now) {
  static const Sql kDue(
      "SELECT tenant_id, kind, id, name, expires_at, assumed FROM expiries WHERE notice_at IS NOT "
      "NULL AND notice_at <= ? ORDER BY notice_at, tenant_id, kind, id LIMIT ?");
  static const Sql kMove(
      "UPDATE expiries SET notice_at = ? WHERE tenant_id = ? AND kind = ? AND id = ?");
  std::vector<std::pair<TenantId, Expiry>> due;
  TRY_VOID(tx.query(kDue, {now, kMaxNoticesAtOnce}, [&](const Row& row) -> Result<bool> {
    due.emplace_back(TenantId(std::string(row.text(0))),
                     Expiry{.kind = std::string(row.text(1)),
                            .id = std::string(row.text(2)),
                            .name = std::string(row.text(3)),
                            .expires_at = Timestamp{row.integer(4)},
                            .assumed = row.integer(5) != 0});
    return true;
  }));
  for (const auto& [tenant, expiry] : due) {
    const record::CredentialExpiring fact{.kind = expiry.kind,
                                          .id = expiry.id,
                                          .name = expiry.name,
                                          .expires_at = expiry.expires_at,
                                          .assumed = expiry.assumed,
                                          .ended = expiry.expires_at <= now};
    TRY_VOID(tx.append({.tenant = tenant,
                        .at = now,
                        .type = record::kCredentialExpiring,
                        .data = codec::to_json(fact)}));
    TRY_VOID(
        tx.execute(kMove, {next_notice(expiry.expires_at, now), tenant, expiry.kind, expiry.id}));
  }
  return std::ssize(due);
}

}  // namespace personas::vault
