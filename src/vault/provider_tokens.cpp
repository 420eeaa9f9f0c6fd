#include "personas/vault/provider_tokens.hpp"

#include <fmt/format.h>

#include "personas/vault/expiries.hpp"

namespace personas::vault {
namespace {

std::string cure(std::string_view provider) {
  return fmt::format("get a new one with: personas connect {}", provider);
}

std::string day_of(Timestamp time) {
  constexpr std::size_t kDate = 10;  // "2026-11-21"
  return to_rfc3339(time).substr(0, kDate);
}

}  // namespace

TokenExpiry assumed_expiry(std::string_view provider, std::string_view token, Timestamp now) {
  if (provider == "claude" && token.starts_with("sk-ant-oat")) {
    return {now + kAssumedTokenLife, TokenExpiry::Known::kAssumed};
  }
  return {};  // API keys live until they are revoked
}

Result<void> put_provider_token(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                                std::string_view provider, const Secret& token,
                                const TokenExpiry& expiry, Timestamp now) {
  static const store::Sql kPut(
      "INSERT INTO provider_tokens (tenant_id, provider, stored_at, expires_at, expiry_assumed) "
      "VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant_id, provider) DO UPDATE SET stored_at = "
      "excluded.stored_at, expires_at = excluded.expires_at, expiry_assumed = "
      "excluded.expiry_assumed");
  TRY_VOID(vault.put(tx, tenant, provider_secret(provider), token, now));
  const store::Value at = expiry.at ? store::Value(*expiry.at) : store::Value(nullptr);
  const int assumed = expiry.known == TokenExpiry::Known::kAssumed ? 1 : 0;
  TRY_VOID(tx.execute(kPut, {tenant, provider, now, at, assumed}));
  if (!expiry.at) return forget_expiry(tx, tenant, kTokenExpiry, provider);
  return keep_expiry(tx, tenant,
                     {.kind = std::string(kTokenExpiry),
                      .id = std::string(provider),
                      .name = std::string(provider),
                      .expires_at = *expiry.at,
                      .assumed = expiry.known == TokenExpiry::Known::kAssumed},
                     now);
}

Result<bool> remove_provider_token(store::Transaction& tx, const Vault& vault,
                                   const TenantId& tenant, std::string_view provider) {
  static const store::Sql kDelete(
      "DELETE FROM provider_tokens WHERE tenant_id = ? AND provider = ?");
  TRY_VOID(tx.execute(kDelete, {tenant, provider}));
  TRY_VOID(forget_expiry(tx, tenant, kTokenExpiry, provider));
  return vault.remove(tx, tenant, provider_secret(provider));
}

Result<std::optional<Secret>> provider_token(store::Transaction& tx, const Vault& vault,
                                             const TenantId& tenant, std::string_view provider) {
  return vault.get(tx, tenant, provider_secret(provider));
}

Result<std::optional<TokenExpiry>> provider_token_expiry(store::Transaction& tx,
                                                         const TenantId& tenant,
                                                         std::string_view provider) {
  // A token from before times were kept has no row there.
  static const store::Sql kFind(
      "SELECT t.expires_at, t.expiry_assumed FROM secrets s LEFT JOIN provider_tokens t ON "
      "t.tenant_id = s.tenant_id AND t.provider = ? WHERE s.tenant_id = ? AND s.name = ?");
  std::optional<TokenExpiry> found;
  const std::string name = provider_secret(provider);
  TRY_VOID(tx.query(kFind, {provider, tenant, name}, [&](const store::Row& row) -> Result<bool> {
    found.emplace();
    if (!row.is_null(0)) found->at = Timestamp{row.integer(0)};
    if (!row.is_null(1) && row.integer(1) != 0) found->known = TokenExpiry::Known::kAssumed;
    return false;
  }));
  return found;
}

Result<void> require_unexpired(std::string_view provider, const TokenExpiry& expiry,
                               Timestamp now) {
  if (!expiry.at || *expiry.at > now) return {};
  if (expiry.known == TokenExpiry::Known::kAssumed) return {};  // only the provider knows
  return fail(ErrorCode::kUnauthorized, fmt::format("The {} token ended on {}; {}", provider,
                                                    day_of(*expiry.at), cure(provider)));
}

std::string expiry_warning(std::string_view provider, const TokenExpiry& expiry, Timestamp now) {
  if (!expiry.at || *expiry.at > now + kTokenEndsSoon) return {};
  const std::string_view assumed =
      expiry.known == TokenExpiry::Known::kAssumed ? " (assumed: such tokens live a year)" : "";
  if (*expiry.at <= now) {
    return fmt::format("the {} token ended on {}{}; {}", provider, day_of(*expiry.at), assumed,
                       cure(provider));
  }
  const auto days = std::chrono::duration_cast<hours>(*expiry.at - now).count() / 24;
  return fmt::format("the {} token ends on {}{}, in {} days; {}", provider, day_of(*expiry.at),
                     assumed, days, cure(provider));
}

}  // namespace personas::vault
