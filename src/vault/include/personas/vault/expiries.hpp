// When credentials and tokens end, and when people are told so: at each of kNotices before the end,
// once. Rows of every tenant in the order of their next notice; a row whose end has been told of
// waits for nothing. Functions over a Transaction, re-runnable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/store/store.hpp"

namespace personas::vault {

// Before the end. Earliest first; those that have passed when an end becomes known are not told.
inline constexpr std::array kNotices{Duration(hours(7 * 24)), Duration(hours(24)), Duration(0)};
inline constexpr std::int64_t kMaxNoticesAtOnce = 100;  // of one transaction

inline constexpr std::string_view kCredentialExpiry = "credential";
inline constexpr std::string_view kTokenExpiry = "provider_token";

struct Expiry {
  std::string kind;  // kCredentialExpiry, kTokenExpiry
  std::string id;
  std::string name;
  Timestamp expires_at;
  bool assumed = false;
};

// The first notice after `now`; none if the end has passed.
std::optional<Timestamp> next_notice(Timestamp expires_at, Timestamp now);

// Replaces what was known of it.
Result<void> keep_expiry(store::Transaction& tx, const TenantId& tenant, const Expiry& expiry,
                         Timestamp now);
Result<void> forget_expiry(store::Transaction& tx, const TenantId& tenant, std::string_view kind,
                           std::string_view id);

// When somebody is to be told next.
Result<std::optional<Timestamp>> next_expiry_notice(store::Transaction& tx);

// Appends the record of each notice that is due, and moves each on to its next. After a pause in
// which several became due, the last of them is told alone. Returns how many were told.
Result<std::int64_t> tell_expiries(store::Transaction& tx, Timestamp now);

}  // namespace personas::vault
