// When a provider's limit resets, from what a CLI says about it. Private to the module.
#pragma once

#include <optional>
#include <string_view>

#include "personas/base/time.hpp"

namespace personas::agents {

// "…limit reached|1795300000", "resets 10:26pm (UTC)", "resets Nov 24, 6am (UTC)", "resets at
// 2026-11-24T06:00:00Z", "try again in 3 days 4 hours", "retry after 20s", "reset after 1h2m3s".
// A time of day without a zone is UTC; one in another zone is not understood, as this module has no
// zones. Nothing that is past by more than a moment, or further than kLatestReset.
std::optional<Timestamp> reset_time(std::string_view text, Timestamp now);

// No limit of a provider is longer than a month; more is a misread number.
inline constexpr Duration kLatestReset = hours(24) * 40;
// What a CLI says is rounded to minutes, and read a little later.
inline constexpr Duration kResetGrace = minutes(15);

}  // namespace personas::agents
