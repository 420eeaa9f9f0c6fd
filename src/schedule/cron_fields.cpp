#include "cron_fields.hpp"

#include <bit>
#include <charconv>
#include <span>
#include <string>

#include <fmt/format.h>

namespace personas::schedule {
namespace {

using date::days;
using date::local_days;
using date::local_seconds;
using date::year_month_day;

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};

struct FieldKind {
  std::string_view name;
  int min;
  int max;
  std::span<const std::string_view> names = {};
};
constexpr std::array kKinds = {
    FieldKind{"second", 0, 59},         FieldKind{"minute", 0, 59},
    FieldKind{"hour", 0, 23},           FieldKind{"day of month", 1, 31},
    FieldKind{"month", 1, 12, kMonths}, FieldKind{"day of week", 0, 7, kWeekdays}};
constexpr std::size_t kDayOfMonth = 3;
constexpr std::size_t kDayOfWeek = 5;

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

struct Word {
  std::string_view text;
  std::size_t position = 0;  // of its first character, counted from 0
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < text.size();) {
    if (is_blank(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && !is_blank(text[end])) ++end;
    words.push_back({text.substr(i, end - i), i});
    i = end;
  }
  return words;
}

// Reads one field. Stops at its first mistake: what follows one is guesswork.
class FieldReader {
 public:
  FieldReader(std::size_t kind, Word word, CronFields& fields)
      : which_(kind), kind_(kKinds[kind]), word_(word), fields_(fields) {}

  // The bits, or what is wrong.
  std::expected<std::uint64_t, std::string> read() {
    if (at('*') || at('?')) choose_nothing();
    do {
      if (!item()) return std::unexpected(std::move(problem_));
    } while (take(','));
    if (next_ < word_.text.size()) {
      wrong(fmt::format("'{}' is not expected here", word_.text.substr(next_, 1)));
      return std::unexpected(std::move(problem_));
    }
    return bits_;
  }

 private:
  bool at(char c) const { return next_ < word_.text.size() && lower(word_.text[next_]) == c; }
  bool take(char c) {
    if (!at(c)) return false;
    ++next_;
    return true;
  }
  bool wrong(std::string_view what) {
    problem_ = fmt::format("{}, position {}: {}", kind_.name, word_.position + next_ + 1, what);
    return false;
  }
  void choose_nothing() {
    if (which_ == kDayOfMonth) fields_.any_day = true;
    if (which_ == kDayOfWeek) fields_.any_weekday = true;
  }

  bool item() {
    if (which_ == kDayOfMonth && at('l')) {
      ++next_;
      fields_.last_day = true;
      return true;
    }
    const int most = which_ == kDayOfWeek ? 6 : kind_.max;
    if (at('?')) {
      if (which_ != kDayOfMonth && which_ != kDayOfWeek) return wrong("'?' is for days only");
      ++next_;
      return add(kind_.min, most, 1);
    }
    if (take('*')) return stepped(kind_.min, most);
    int first = 0;
    if (!value(first)) return false;
    if (which_ == kDayOfWeek && at('l')) {
      ++next_;
      fields_.last_weekdays |= 1ULL << (first % 7);
      return true;
    }
    if (which_ == kDayOfWeek && take('#')) return nth(first);
    if (!take('-')) return at('/') ? stepped(first, most) : add(first, first, 1);
    int last = 0;
    const auto place = next_;
    if (!value(last)) return false;
    if (which_ == kDayOfWeek && last == 0 && first > 0) last = 7;  // FRI-SUN
    if (last < first) {
      next_ = place;
      return wrong(fmt::format("the range ends at {}, before its begin {}", last, first));
    }
    return stepped(first, last);
  }

  bool nth(int weekday) {
    int number = 0;
    const auto place = next_;
    if (!digits(number)) return wrong("after '#' comes a number from 1 to 5");
    if (number < 1 || number > 5) {
      next_ = place;
      return wrong(fmt::format("{} is not from 1 to 5", number));
    }
    fields_.nth_weekday[static_cast<std::size_t>(weekday % 7)] |= 1ULL << number;
    return true;
  }

  bool stepped(int first, int last) {
    if (!take('/')) return add(first, last, 1);
    int step = 0;
    const auto place = next_;
    if (!digits(step)) return wrong("after '/' comes a number");
    if (step < 1 || step > kind_.max) {
      next_ = place;
      return wrong(fmt::format("a step is from 1 to {}", kind_.max));
    }
    return add(first, last, step);
  }

  bool add(int first, int last, int step) {
    for (int value = first; value <= last; value += step) {
      bits_ |= 1ULL << (which_ == kDayOfWeek ? value % 7 : value);
    }
    return true;
  }

  bool digits(int& out) {
    const auto* begin = word_.text.data() + next_;
    const auto* end = word_.text.data() + word_.text.size();
    if (begin == end || !is_digit(*begin)) return false;
    const auto read = std::from_chars(begin, end, out);
    if (read.ec != std::errc()) out = 1'000'000;  // beyond every range
    next_ += static_cast<std::size_t>(read.ptr - begin);
    return true;
  }

  bool value(int& out) {
    const auto place = next_;
    if (!kind_.names.empty() && next_ < word_.text.size() && is_letter(word_.text[next_])) {
      return name(out);
    }
    if (!digits(out)) {
      if (next_ >= word_.text.size()) return wrong("a value is missing");
      return wrong(fmt::format("'{}' is not a {}", word_.text.substr(next_, 1), kind_.name));
    }
    if (out >= kind_.min && out <= kind_.max) return true;
    next_ = place;
    return wrong(fmt::format("the value is not from {} to {}", kind_.min, kind_.max));
  }

  bool name(int& out) {
    std::string text;
    for (auto i = next_; i < word_.text.size() && i < next_ + 3; ++i) {
      text += lower(word_.text[i]);
    }
    for (std::size_t i = 0; i < kind_.names.size(); ++i) {
      if (kind_.names[i] != text) continue;
      next_ += text.size();
      out = static_cast<int>(i) + kind_.min;
      return true;
    }
    return wrong(fmt::format("'{}' is not the name of a {}", text, kind_.name));
  }

  std::size_t which_;
  const FieldKind& kind_;
  Word word_;
  CronFields& fields_;
  std::size_t next_ = 0;
  std::uint64_t bits_ = 0;
  std::string problem_;
};

// The lowest bit of `bits` that is not below `from`; 64 if there is none.
int next_bit(std::uint64_t bits, int from) {
  return from > 63 ? 64 : std::countr_zero(bits & (~0ULL << from));
}
constexpr bool has(std::uint64_t bits, unsigned bit) {
  return (bits >> bit & 1) != 0;
}

bool matches_day(const CronFields& fields, const year_month_day& date, unsigned weekday) {
  const auto day = unsigned{date.day()};
  const auto last = unsigned{(date.year() / date.month() / date::last).day()};
  const bool by_month = has(fields.days, day) || (fields.last_day && day == last);
  const bool by_week = has(fields.weekdays, weekday) ||
                       (has(fields.last_weekdays, weekday) && day + 7 > last) ||
                       has(fields.nth_weekday[weekday], (day - 1) / 7 + 1);
  if (fields.any_day || fields.any_weekday) return by_month && by_week;
  return by_month || by_week;
}

// The first matching time of day that is not before `from`.
std::optional<std::chrono::seconds> next_time(const CronFields& fields, std::chrono::seconds from) {
  const auto total = static_cast<int>(from.count());
  const int hour0 = total / 3600;
  const int minute0 = total / 60 % 60;
  for (int hour = next_bit(fields.hours, hour0); hour < 24;
       hour = next_bit(fields.hours, hour + 1)) {
    const bool same_hour = hour == hour0;
    for (int minute = next_bit(fields.minutes, same_hour ? minute0 : 0); minute < 60;
         minute = next_bit(fields.minutes, minute + 1)) {
      const bool same_minute = same_hour && minute == minute0;
      const int second = next_bit(fields.seconds, same_minute ? total % 60 : 0);
      if (second < 60) return std::chrono::seconds(hour * 3600 + minute * 60 + second);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<CronFields> parse_cron(std::string_view expression) {
  const auto words = words_of(expression);
  if (words.size() != 5 && words.size() != 6) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("a cron expression has five fields, or six with the seconds first; "
                            "this has {}",
                            words.size()));
  }
  CronFields fields;
  const std::array targets = {&fields.seconds, &fields.minutes, &fields.hours,
                              &fields.days,    &fields.months,  &fields.weekdays};
  fields.seconds = 1;
  const std::size_t skipped = targets.size() - words.size();
  std::string problems;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto bits = FieldReader(i + skipped, words[i], fields).read();
    if (bits) {
      *targets[i + skipped] = *bits;
    } else {
      problems += (problems.empty() ? "" : "; ") + bits.error();
    }
  }
  if (!problems.empty()) return fail(ErrorCode::kInvalidRequest, std::move(problems));
  const local_days begin = date::local_days{date::January / 1 / 2000};
  if (!next_match(fields, begin, begin + days(366 * 50))) {
    return fail(ErrorCode::kInvalidRequest, "no day of any year has this date");
  }
  return fields;
}

std::optional<local_seconds> next_match(const CronFields& fields, local_seconds from,
                                        local_days last) {
  auto day = date::floor<days>(from);
  auto time = from - day;
  while (day <= last) {
    const year_month_day date{day};
    if (!has(fields.months, unsigned{date.month()})) {
      day = local_days{(date.year() / date.month() + date::months(1)) / 1};
      time = std::chrono::seconds(0);
      continue;
    }
    if (matches_day(fields, date, date::weekday{day}.c_encoding())) {
      if (const auto found = next_time(fields, time)) return day + *found;
    }
    day += days(1);
    time = std::chrono::seconds(0);
  }
  return std::nullopt;
}

}  // namespace personas::schedule
