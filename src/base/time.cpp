#include "personas/base/time.hpp"

#include <charconv>

#include <fmt/compile.h>
#include <fmt/format.h>

namespace personas {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kYear0 = -62'167'219'200;  // seconds since 1970
constexpr std::int64_t kYear10000 = 253'402'300'800;
constexpr Duration kMaxParsedDuration = hours(24 * 366);

// Reads exactly `digits` decimal digits at `at`; -1 if they are not there.
int digits_at(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::unexpected<Error> bad_time() {
  return fail(ErrorCode::kInvalidRequest, "expected an RFC 3339 time such as 2026-11-21T07:00:00Z");
}

}  // namespace

std::string to_rfc3339(Timestamp time) {
  using namespace std::chrono;
  const sys_time<microseconds> point{microseconds(time.micros)};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(point - day)};
  // Every record that is shown holds one: the pattern is read by the compiler.
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z"),
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const int y = digits_at(text, 0, 4), mo = digits_at(text, 5, 2), d = digits_at(text, 8, 2);
  const int h = digits_at(text, 11, 2), mi = digits_at(text, 14, 2), s = digits_at(text, 17, 2);
  if (y < 0 || mo < 1 || d < 1 || h < 0 || mi < 0 || s < 0) return bad_time();
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':' || h > 23 || mi > 59 || s > 60) {
    return bad_time();
  }
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                            day(static_cast<unsigned>(d))};
  if (!date.ok()) return bad_time();

  std::size_t at = 19;
  std::int64_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t scale = kMicrosPerSecond / 10;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      fraction += (text[at] - '0') * scale;
    }
    if (at == first || at - first > 9) return bad_time();
  }

  std::int64_t offset_minutes = 0;
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else {
    const int oh = digits_at(text, at + 1, 2), om = digits_at(text, at + 4, 2);
    if (at + 6 != text.size() || (text[at] != '+' && text[at] != '-') || text[at + 3] != ':' ||
        oh < 0 || oh > 23 || om < 0 || om > 59) {
      return bad_time();
    }
    offset_minutes = (oh * 60 + om) * (text[at] == '-' ? -1 : 1);
    at += 6;
  }
  if (at != text.size()) return bad_time();

  const std::int64_t days_since_epoch = sys_days(date).time_since_epoch().count();
  const std::int64_t total_seconds =
      days_since_epoch * 86'400 + h * 3'600 + mi * 60 + s - offset_minutes * 60;
  // An offset may lead out of the years that can be written again.
  if (total_seconds < kYear0 || total_seconds >= kYear10000) return bad_time();
  return Timestamp{total_seconds * kMicrosPerSecond + fraction};
}

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const bool overflows = number > kMaxParsedDuration.count();
  std::int64_t scale = 0;
  if (unit.empty() || unit == "ms") scale = 1'000;
  if (unit == "s") scale = kMicrosPerSecond;
  if (unit == "m") scale = 60 * kMicrosPerSecond;
  if (unit == "h") scale = 3'600 * kMicrosPerSecond;
  if (unit == "d") scale = 86'400 * kMicrosPerSecond;
  if (failure != std::errc{} || scale == 0 || number < 0 || overflows ||
      number > kMaxParsedDuration.count() / scale) {
    return fail(ErrorCode::kInvalidRequest,
                "expected a duration such as 500ms, 30s, 5m, 2h or 1d (at most 366d)");
  }
  return Duration(number * scale);
}

}  // namespace personas
