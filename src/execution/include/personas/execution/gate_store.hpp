// The gates of providers' accounts, as rows (docs/decisions/0013-legs-and-parking.md). A provider
// that refuses for usage concerns its account, so the refusal closes a gate of (tenant, account)
// until the limit resets; the dispatcher claims nothing behind it. An account is a backend's name,
// or "backend:model" where a fallback goes on with another model of the same backend.
//
// A gate opens by time, without a write. `closings` counts refusals since the last success; the row
// stays, so that an attempt that began before somebody opened it does not close it again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// When the provider does not say when it takes work again: the first wait, doubled by each further
// refusal up to the longest.
inline constexpr Duration kFirstQuotaWait = minutes(5);
inline constexpr Duration kLongestQuotaWait = hours(1);
// What a provider names is believed up to here: monthly limits exist, years are a mistake.
inline constexpr Duration kLongestNamedWait = hours(32 * 24);

struct Gate {
  TenantId tenant;
  std::string account;
  Timestamp until;
  Timestamp closed_at;  // or opened by hand
  std::int64_t closings = 0;
  std::string reason;
};

// The backend of an account.
inline std::string_view backend_of(std::string_view account) {
  return account.substr(0, account.find(':'));
}

struct Refusal {
  TenantId tenant;
  std::string account;
  Timestamp attempt_started;
  std::optional<Timestamp> resets_at;  // if the provider said
  std::string reason;
};
// The gate after the refusal; open (`until` has passed) if somebody opened it since the attempt
// began. With a record if it was closed or closed for longer.
Result<Gate> close_gate(store::Transaction& tx, const Refusal& refusal, Timestamp now);

// An attempt went well although there were refusals before: the next wait is a first one again.
Result<void> prove_gate(store::Transaction& tx, const TenantId& tenant, std::string_view account,
                        Timestamp now);

// Opens all gates of the backend ("a new token", "try again now"), and makes due what was parked
// behind them; returns how many executions that were. The caller then tells the service:
// Executions::provider_changed().
Result<std::int64_t> open_gate(store::Transaction& tx, const TenantId& tenant,
                               std::string_view backend, Timestamp now);

// Of all tenants; for the dispatcher's start.
Result<std::vector<Gate>> all_gates(store::Transaction& tx);
// Of one tenant, closed ones only.
Result<std::vector<Gate>> closed_gates(store::Transaction& tx, const TenantId& tenant,
                                       Timestamp now);

}  // namespace personas::execution
