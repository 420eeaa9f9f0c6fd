// A cron expression as bit sets, and the next local time that matches it. No time zones here.
#pragma once

#include <array>
#include <cstdint>
#include <date/date.h>
#include <optional>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::schedule {

struct CronFields {
  std::uint64_t seconds = 0;
  std::uint64_t minutes = 0;
  std::uint64_t hours = 0;
  std::uint64_t days = 0;                         // bit 1: the first
  std::uint64_t months = 0;                       // bit 1: January
  std::uint64_t weekdays = 0;                     // bit 0: Sunday
  bool last_day = false;                          // L: the last day of the month
  std::uint64_t last_weekdays = 0;                // 5L: the last Friday of the month
  std::array<std::uint64_t, 7> nth_weekday = {};  // 5#2: bit 2 of entry 5
  // A field that begins with '*' or is '?' does not choose; if both days choose, either will do.
  bool any_day = false;
  bool any_weekday = false;

  bool every_hour() const { return hours == (1ULL << 24) - 1; }
};

// Five fields, or six with the seconds first. All that is wrong, one sentence each.
Result<CronFields> parse_cron(std::string_view expression);

// The first matching local time that is not before `from`, on a day not after `last`.
std::optional<date::local_seconds> next_match(const CronFields& fields, date::local_seconds from,
                                              date::local_days last);

}  // namespace personas::schedule
