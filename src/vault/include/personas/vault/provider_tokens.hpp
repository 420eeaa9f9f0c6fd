// The tokens with which agents reach their model providers, and when they end.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/store/store.hpp"
#include "personas/vault/vault.hpp"

namespace personas::vault {

// `claude setup-token` gives tokens for a year, and does not say so in the token.
inline constexpr Duration kAssumedTokenLife = hours(365 * 24);
// People are told this long before.
inline constexpr Duration kTokenEndsSoon = hours(14 * 24);

struct TokenExpiry {
  std::optional<Timestamp> at;  // none: it does not end, or nobody knows
  enum class Known : std::uint8_t { kSaid, kAssumed } known = Known::kSaid;
};

// When a token ends that was made just now and came without a time.
TokenExpiry assumed_expiry(std::string_view provider, std::string_view token, Timestamp now);

// Replaces what there was.
Result<void> put_provider_token(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                                std::string_view provider, const Secret& token,
                                const TokenExpiry& expiry, Timestamp now);
Result<bool> remove_provider_token(store::Transaction& tx, const Vault& vault,
                                   const TenantId& tenant, std::string_view provider);
Result<std::optional<Secret>> provider_token(store::Transaction& tx, const Vault& vault,
                                             const TenantId& tenant, std::string_view provider);

// nullopt: there is no stored token.
Result<std::optional<TokenExpiry>> provider_token_expiry(store::Transaction& tx,
                                                         const TenantId& tenant,
                                                         std::string_view provider);

// kUnauthorized, with the cure, if it has ended.
Result<void> require_unexpired(std::string_view provider, const TokenExpiry& expiry, Timestamp now);
// What to tell people about it; empty if there is nothing.
std::string expiry_warning(std::string_view provider, const TokenExpiry& expiry, Timestamp now);

}  // namespace personas::vault
