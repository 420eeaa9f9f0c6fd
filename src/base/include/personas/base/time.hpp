// Two clocks that cannot be mixed up, both in microseconds.
//
// Timestamp: wall time since the Unix epoch. For people, for rows, for the journal. May jump.
// Instant:   monotonic time that also counts suspend (CLOCK_BOOTTIME). For leases and deadlines;
//            meaningless outside this boot.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"

namespace personas {

using Duration = std::chrono::microseconds;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Timestamp {
  std::int64_t micros = 0;

  auto operator<=>(const Timestamp&) const = default;
  friend Timestamp operator+(Timestamp t, Duration d) { return {t.micros + d.count()}; }
  friend Timestamp operator-(Timestamp t, Duration d) { return {t.micros - d.count()}; }
  friend Duration operator-(Timestamp a, Timestamp b) { return Duration(a.micros - b.micros); }
};

struct Instant {
  std::int64_t micros = 0;

  auto operator<=>(const Instant&) const = default;
  friend Instant operator+(Instant t, Duration d) { return {t.micros + d.count()}; }
  friend Instant operator-(Instant t, Duration d) { return {t.micros - d.count()}; }
  friend Duration operator-(Instant a, Instant b) { return Duration(a.micros - b.micros); }
  static constexpr Instant never() { return {INT64_MAX}; }
};

// RFC 3339 in UTC with milliseconds, "2026-11-21T03:31:00.123Z".
std::string to_rfc3339(Timestamp time);
// Accepts RFC 3339 with any offset and 0–9 fractional digits; years 1970–9999.
Result<Timestamp> parse_rfc3339(std::string_view text);
// "500ms", "30s", "5m", "2h", "1d", or a bare number of milliseconds. Not negative, at most 366 d.
Result<Duration> parse_duration(std::string_view text);

inline std::int64_t to_millis(Duration d) {
  return std::chrono::duration_cast<milliseconds>(d).count();
}

}  // namespace personas
