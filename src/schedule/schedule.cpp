#include "personas/schedule/schedule.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"

#include "wall_time.hpp"

namespace personas::schedule {
namespace {

struct Shorthand {
  std::string_view name;
  std::string_view cron;
};
constexpr std::array kShorthands = {
    Shorthand{"@hourly", "0 * * * *"},   Shorthand{"@daily", "0 0 * * *"},
    Shorthand{"@midnight", "0 0 * * *"}, Shorthand{"@weekly", "0 0 * * 0"},
    Shorthand{"@monthly", "0 0 1 * *"},  Shorthand{"@yearly", "0 0 1 1 *"},
    Shorthand{"@annually", "0 0 1 1 *"}};

class IntervalRule final : public Rule {
 public:
  IntervalRule(Timestamp anchor, Duration interval) : anchor_(anchor), interval_(interval) {}

  std::optional<Timestamp> next_after(Timestamp time) const override {
    if (time < anchor_) return anchor_;
    const auto past = (time - anchor_) / interval_;
    return anchor_ + interval_ * (past + 1);
  }

 private:
  Timestamp anchor_;
  Duration interval_;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

Result<Duration> read_interval(std::string_view text) {
  constexpr std::string_view kForm = "after 'every' comes a number and s, m, h or d, such as 30m";
  std::int64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit =
      trimmed(text.substr(static_cast<std::size_t>(read.ptr - text.data())));
  if (read.ec == std::errc::invalid_argument || unit.size() != 1) {
    return fail(ErrorCode::kInvalidRequest, std::string(kForm));
  }
  constexpr std::string_view kUnits = "smhd";
  constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86'400};
  const auto which = kUnits.find(unit[0]);
  if (which == std::string_view::npos) return fail(ErrorCode::kInvalidRequest, std::string(kForm));
  constexpr auto kMost = std::chrono::duration_cast<seconds>(kLongestInterval).count();
  const auto most = kMost / kSeconds[which];
  if (read.ec != std::errc() || count < 1 || count > most) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("an interval is from 1 s to {} d", kMost / 86'400));
  }
  return seconds(count * kSeconds[which]);
}

std::optional<std::string_view> interval_text(std::string_view expression) {
  for (const std::string_view word : {"every", "@every"}) {
    if (expression.starts_with(word) && expression.size() > word.size() &&
        (expression[word.size()] == ' ' || expression[word.size()] == '\t')) {
      return trimmed(expression.substr(word.size()));
    }
  }
  return std::nullopt;
}

Result<CronFields> read_words(std::string_view expression) {
  if (!expression.starts_with('@')) return parse_cron(expression);
  for (const auto& one : kShorthands) {
    if (one.name == expression) return parse_cron(one.cron);
  }
  return fail(ErrorCode::kInvalidRequest,
              fmt::format("'{}' is not known; there are @hourly, @daily, @midnight, @weekly, "
                          "@monthly, @yearly and @annually",
                          expression));
}

class SpecReader {
 public:
  explicit SpecReader(const ScheduleSpec& spec) : spec_(spec) {}

  Result<Schedule> read() {
    const auto zone = find_zone(spec_.timezone);
    if (!zone && zone.error().code != ErrorCode::kInvalidRequest) return fail(zone.error());
    if (!zone) wrong("/timezone", zone.error().message);
    auto rule = spec_.interval_seconds ? by_seconds() : by_expression(zone ? *zone : nullptr);
    if (spec_.start && spec_.end && *spec_.end < *spec_.start) {
      wrong("/end", "is before the start");
    }
    if (!errors_.empty()) {
      return fail(ErrorCode::kInvalidRequest, "The schedule is wrong", std::move(errors_));
    }
    return Schedule(std::move(rule), spec_.start, spec_.end);
  }

 private:
  void wrong(std::string path, std::string_view message) {
    errors_.push_back({std::move(path), to_valid_utf8(message)});  // it quotes what was written
  }
  std::shared_ptr<const Rule> every(Duration interval) const {
    return std::make_shared<IntervalRule>(spec_.start.value_or(spec_.anchor), interval);
  }

  std::shared_ptr<const Rule> by_seconds() {
    if (!spec_.expression.empty()) wrong("/interval_seconds", "cannot stand beside cron");
    const auto count = *spec_.interval_seconds;
    constexpr auto kMost = std::chrono::duration_cast<seconds>(kLongestInterval).count();
    if (count < 1 || count > kMost) {
      wrong("/interval_seconds", fmt::format("must be from 1 to {}", kMost));
      return nullptr;
    }
    return every(seconds(count));
  }

  std::shared_ptr<const Rule> by_expression(const date::time_zone* zone) {
    const auto expression = trimmed(spec_.expression);
    if (expression.empty()) {
      wrong("/cron",
            "is missing; it takes a schedule such as \"every 30m\" or \"0 9 * * MON-FRI\"");
      return nullptr;
    }
    if (expression.size() > kMaxExpression) {
      wrong("/cron", fmt::format("must not be longer than {} characters", kMaxExpression));
      return nullptr;
    }
    if (const auto text = interval_text(expression)) {
      const auto interval = read_interval(*text);
      if (interval) return every(*interval);
      wrong("/cron", interval.error().message);
      return nullptr;
    }
    // Positions count from the text as it was written.
    const auto fields =
        read_words(expression.starts_with('@') ? expression : std::string_view(spec_.expression));
    if (fields) return make_cron_rule(*fields, zone);
    wrong("/cron", fields.error().message);
    return nullptr;
  }

  const ScheduleSpec& spec_;
  std::vector<FieldError> errors_;
};

}  // namespace

Result<Schedule> parse_schedule(const ScheduleSpec& spec) {
  return SpecReader(spec).read();
}

std::optional<Timestamp> Schedule::next_after(Timestamp time) const {
  if (start_) time = std::max(time, *start_ - Duration(1));
  const auto next = rule_->next_after(time);
  if (!next || (end_ && *next > *end_)) return std::nullopt;
  return next;
}

std::vector<Timestamp> Schedule::slots_between(Timestamp after, Timestamp until,
                                               std::size_t limit) const {
  std::vector<Timestamp> slots;
  while (slots.size() < limit) {
    const auto next = next_after(after);
    if (!next || *next > until) break;
    slots.push_back(*next);
    after = *next;
  }
  return slots;
}

std::vector<Timestamp> Schedule::next_n(Timestamp after, std::size_t count) const {
  return slots_between(after, Timestamp{INT64_MAX}, count);
}

}  // namespace personas::schedule
