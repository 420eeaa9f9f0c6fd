#include "quota.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace personas::agents {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

// Reads a text from its beginning; what does not match is left where it is.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool word(std::string_view expected) {
    blanks();
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  std::optional<std::int64_t> number() {
    blanks();
    constexpr std::size_t kMaxDigits = 13;
    std::size_t digits = 0;
    std::int64_t value = 0;
    while (digits < text_.size() && is_digit(text_[digits])) {
      if (digits == kMaxDigits) return std::nullopt;
      value = value * 10 + (text_[digits++] - '0');
    }
    if (digits == 0) return std::nullopt;
    text_.remove_prefix(digits);
    return value;
  }
  std::string_view rest() const { return text_; }

 private:
  void blanks() {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
  }
  std::string_view text_;
};

// "usage limit reached|1795300000": seconds, or milliseconds.
std::optional<Timestamp> after_bar(std::string_view text) {
  for (std::size_t bar = text.find('|'); bar != std::string_view::npos;
       bar = text.find('|', bar + 1)) {
    Reader reader(text.substr(bar + 1));
    const auto value = reader.number();
    constexpr std::int64_t kSeconds = 1'000'000'000;  // a time of ten digits, in this century
    if (!value || *value < kSeconds) continue;
    return Timestamp{*value < kSeconds * 100 ? *value * kSecond : *value * 1'000};
  }
  return std::nullopt;
}

struct Unit {
  std::string_view word;
  std::int64_t seconds;
};
// The longer spelling first.
constexpr std::array kUnits = {
    Unit{"milliseconds", 0}, Unit{"ms", 0},       Unit{"seconds", 1}, Unit{"second", 1},
    Unit{"secs", 1},         Unit{"sec", 1},      Unit{"s", 1},       Unit{"minutes", 60},
    Unit{"minute", 60},      Unit{"mins", 60},    Unit{"min", 60},    Unit{"m", 60},
    Unit{"hours", 3'600},    Unit{"hour", 3'600}, Unit{"h", 3'600},   Unit{"days", 86'400},
    Unit{"day", 86'400},     Unit{"d", 86'400},
};

// "3 days 4 hours", "1h2m3s", "20.5s", "3600" (seconds).
std::optional<Duration> span(Reader& reader) {
  std::int64_t seconds_in_all = 0;
  bool any = false;
  for (auto value = reader.number(); value; value = reader.number()) {
    if (reader.word(".")) reader.number();  // parts of a second do not matter
    const auto unit =
        std::ranges::find_if(kUnits, [&](const Unit& one) { return reader.word(one.word); });
    const std::int64_t factor = unit == kUnits.end() ? 1 : unit->seconds;
    constexpr std::int64_t kMost = 100'000'000;
    seconds_in_all += std::min(*value, kMost) * factor;
    any = true;
    if (unit == kUnits.end()) break;
    reader.word(",");
    reader.word("and ");
  }
  if (!any) return std::nullopt;
  // Rounded up: a moment early is refused again.
  return seconds(seconds_in_all + 1);
}

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

struct Day {
  unsigned month = 0;
  unsigned day = 0;
};

std::optional<Day> day_of_year(Reader& reader) {
  for (unsigned month = 1; month <= kMonths.size(); ++month) {
    if (!reader.word(kMonths[month - 1])) continue;
    while (!reader.rest().empty() && reader.rest()[0] >= 'a' && reader.rest()[0] <= 'z') {
      reader.word(reader.rest().substr(0, 1));  // the rest of the month's name
    }
    const auto day = reader.number();
    if (!day || *day < 1 || *day > 31) return std::nullopt;
    reader.word(",");
    reader.word("at ");
    return Day{month, static_cast<unsigned>(*day)};
  }
  return std::nullopt;
}

// "6am", "10:26pm", "22:26".
std::optional<Duration> time_of_day(Reader& reader) {
  const auto hour = reader.number();
  if (!hour) return std::nullopt;
  std::int64_t minute = 0;
  const bool has_minutes = reader.word(":");
  if (has_minutes) {
    const auto value = reader.number();
    if (!value || *value > 59) return std::nullopt;
    minute = *value;
  }
  const bool am = reader.word("am");
  const bool pm = !am && reader.word("pm");
  if (am || pm) {
    if (*hour < 1 || *hour > 12) return std::nullopt;
    return hours(*hour % 12 + (pm ? 12 : 0)) + minutes(minute);
  }
  if (!has_minutes || *hour > 23) return std::nullopt;
  return hours(*hour) + minutes(minute);
}

bool is_utc(Reader& reader) {
  if (!reader.word("(")) return true;
  const auto zone = reader.rest().substr(0, reader.rest().find(')'));
  return zone == "utc" || zone == "gmt" || zone == "etc/utc" || zone == "z";
}

std::optional<Timestamp> at_time(Reader& reader, Timestamp now) {
  using std::chrono::days;
  using std::chrono::sys_days;
  const auto day = day_of_year(reader);
  const auto time = time_of_day(reader);
  if (!time || !is_utc(reader)) return std::nullopt;
  const auto earliest = now - kResetGrace;
  const sys_days today{std::chrono::floor<days>(microseconds(now.micros))};
  const auto micros_at = [&](sys_days date) {
    return Timestamp{microseconds(date.time_since_epoch()).count()} + *time;
  };
  if (!day) {
    const auto at = micros_at(today);
    return at < earliest ? at + hours(24) : at;
  }
  auto year = std::chrono::year_month_day(today).year();
  for (int i = 0; i < 2; ++i, ++year) {
    const std::chrono::year_month_day date{year, std::chrono::month(day->month),
                                           std::chrono::day(day->day)};
    if (!date.ok()) continue;
    if (const auto at = micros_at(sys_days(date)); at >= earliest) return at;
  }
  return std::nullopt;
}

std::optional<Timestamp> after_words(std::string_view text, std::string_view original,
                                     Timestamp now) {
  constexpr std::array<std::string_view, 7> kSpans = {
      "try again in ", "retry in ",     "retry after ", "retry-after: ",
      "reset after ",  "resets after ", "resets in "};
  for (const auto words : kSpans) {
    const std::size_t at = text.find(words);
    if (at == std::string_view::npos) continue;
    Reader reader(text.substr(at + words.size()));
    if (const auto length = span(reader)) return now + *length;
  }
  constexpr std::array<std::string_view, 4> kTimes = {"resets at ", "resets ", "reset at ",
                                                      "try again at "};
  for (const auto words : kTimes) {
    const std::size_t at = text.find(words);
    if (at == std::string_view::npos) continue;
    const auto written = original.substr(at + words.size());
    const auto time = parse_rfc3339(written.substr(0, written.find_first_of(" .)(,\n")));
    if (time) return *time;
    Reader reader(text.substr(at + words.size()));
    if (const auto found = at_time(reader, now)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Timestamp> reset_time(std::string_view text, Timestamp now) {
  const std::string lower = lower_case(text);
  auto found = after_bar(lower);
  if (!found) found = after_words(lower, text, now);
  if (!found || *found < now - kResetGrace || *found > now + kLatestReset) return std::nullopt;
  return found;
}

}  // namespace personas::agents
