// Random expressions and zones against a scan of every minute, which knows nothing of bit sets or
// of searching: it asks of each moment what the clocks show, and whether they have shown it before.
#include <algorithm>
#include <cstdlib>
#include <date/tz.h>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/base/clock.hpp"
#include "personas/schedule/schedule.hpp"

namespace personas::schedule {
namespace {

using std::chrono::minutes;

struct RandomField {
  std::string text;
  std::set<int> values;
  bool star = false;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  int below(int bound) {
    return static_cast<int>(random_.below(static_cast<std::uint64_t>(bound)));
  }
  int between(int low, int high) { return low + below(high - low + 1); }

  RandomField field(int min, int max, int stars_of_four) {
    RandomField field;
    if (below(4) < stars_of_four) {
      field.text = "*";
      field.star = true;
      const int step = below(3) == 0 ? between(1, max) : 1;
      if (step > 1) field.text += fmt::format("/{}", step);
      for (int v = min; v <= max; v += step) field.values.insert(v);
      return field;
    }
    const int items = between(1, 3);
    for (int i = 0; i < items; ++i) {
      const int first = between(min, max);
      const int last = below(2) == 0 ? first : between(first, max);
      const int step = first != last && below(2) == 0 ? between(1, 7) : 1;
      field.text += fmt::format("{}{}", i == 0 ? "" : ",", first);
      if (last != first) field.text += fmt::format("-{}", last);
      if (step > 1) field.text += fmt::format("/{}", step);
      for (int v = first; v <= last; v += step) field.values.insert(v);
    }
    return field;
  }

 private:
  SeededRandom random_;
};

struct RandomCron {
  RandomField minute, hour, day, month, weekday;
  std::string text() const {
    return minute.text + " " + hour.text + " " + day.text + " " + month.text + " " + weekday.text;
  }
  bool matches(date::local_time<minutes> local) const {
    const auto day_point = date::floor<date::days>(local);
    const date::year_month_day date{day_point};
    const date::hh_mm_ss time{local - day_point};
    const int wday = static_cast<int>(date::weekday{day_point}.c_encoding());
    const bool by_day = day.values.contains(static_cast<int>(unsigned{date.day()}));
    const bool by_week = weekday.values.contains(wday) || (wday == 0 && weekday.values.contains(7));
    const bool days = day.star || weekday.star ? by_day && by_week : by_day || by_week;
    return days && month.values.contains(static_cast<int>(unsigned{date.month()})) &&
           hour.values.contains(static_cast<int>(time.hours().count())) &&
           minute.values.contains(static_cast<int>(time.minutes().count()));
  }
};

// All slots in (after, until], minute by minute.
std::vector<Timestamp> scan(const RandomCron& cron, const date::time_zone& zone, Timestamp after,
                            Timestamp until) {
  const bool every_hour = cron.hour.values.size() == 24;
  std::vector<Timestamp> slots;
  auto at = date::floor<minutes>(date::sys_time<microseconds>(microseconds(after.micros)));
  for (at += minutes(1);; at += minutes(1)) {
    const Timestamp now{duration_cast<microseconds>(at.time_since_epoch()).count()};
    if (now > until) return slots;
    const auto local = date::floor<minutes>(zone.to_local(at));
    const auto before = date::floor<minutes>(zone.to_local(at - minutes(1)));
    bool due = cron.matches(local);
    if (!every_hour) {
      if (due) due = date::floor<minutes>(zone.to_sys(local, date::choose::earliest)) == at;
      for (auto lost = before + minutes(1); lost < local; lost += minutes(1)) {
        due = due || cron.matches(lost);
      }
    }
    if (due) slots.push_back(now);
  }
}

constexpr std::string_view kZones[] = {
    "Europe/Berlin",   "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
    "Asia/Tokyo",      "Africa/Cairo",     "America/Santiago",    "Asia/Kathmandu",
    "Atlantic/Azores", "Asia/Beirut",      "Pacific/Chatham",     "Europe/Dublin",
    "Antarctica/Troll"};

std::uint64_t seed_of_run() {
  const char* given = std::getenv("PERSONAS_TEST_SEED");  // lint-allow(environment): a test's seed
  return given == nullptr ? 20'261'121 : std::strtoull(given, nullptr, 10);
}

TEST(ScheduleProperty, SlotsAreThoseThatAScanOfEveryMinuteFinds) {
  const auto seed = seed_of_run();
  SCOPED_TRACE(fmt::format("PERSONAS_TEST_SEED={}", seed));
  Dice dice(seed);
  std::size_t compared = 0;
  for (int round = 0; round < 400; ++round) {
    const std::string zone_name(kZones[static_cast<std::size_t>(dice.below(std::size(kZones)))]);
    const auto* zone = date::locate_zone(zone_name);
    const RandomCron cron{dice.field(0, 59, 2), dice.field(0, 23, 1), dice.field(1, 31, 3),
                          dice.field(1, 12, 3), dice.field(0, 7, 3)};
    const auto schedule = parse_schedule({.expression = cron.text(), .timezone = zone_name});
    if (!schedule) continue;  // a date that no year has
    // Around a change of clocks, where there is one.
    const date::sys_days begin = date::sys_days{date::year(dice.between(1995, 2036)) / 1 / 1};
    const auto change = zone->get_info(begin + date::days(dice.below(365))).end;
    auto middle = date::floor<minutes>(change);
    if (change > date::sys_days{date::year(2037) / 1 / 1}) middle = begin;
    const Timestamp after{
        duration_cast<microseconds>((middle - hours(dice.between(1, 40))).time_since_epoch())
            .count() +
        dice.below(60'000'000)};
    const Timestamp until = after + hours(72);
    const auto expected = scan(cron, *zone, after, until);
    const auto found = schedule->slots_between(after, until, 10'000);
    ASSERT_EQ(found, expected) << cron.text() << " in " << zone_name << " after "
                               << to_rfc3339(after);
    // From any moment between, the next slot is the same one.
    for (int i = 0; i < 20; ++i) {
      const Timestamp from = after + seconds(dice.below(72 * 3600));
      const auto next = std::ranges::upper_bound(expected, from);
      if (next == expected.end()) continue;
      ASSERT_EQ(schedule->next_after(from), *next)
          << cron.text() << " in " << zone_name << " from " << to_rfc3339(from);
    }
    compared += expected.size();
  }
  EXPECT_GT(compared, 10'000U) << "too few slots to say anything";
}

TEST(ScheduleProperty, NextAfterStrictlyRises) {
  Dice dice(seed_of_run() + 1);
  for (int round = 0; round < 300; ++round) {
    const auto expression =
        fmt::format("{} {} {} {} {} {}", dice.field(0, 59, 1).text, dice.field(0, 59, 1).text,
                    dice.field(0, 23, 2).text, dice.field(1, 31, 2).text, dice.field(1, 12, 3).text,
                    dice.field(0, 7, 2).text);
    const auto schedule = parse_schedule(
        {.expression = expression,
         .timezone = std::string(kZones[static_cast<std::size_t>(dice.below(std::size(kZones)))])});
    if (!schedule) continue;
    Timestamp time{std::int64_t{1'700'000'000'000'000} + dice.below(1'000'000'000)};
    for (int i = 0; i < 200; ++i) {
      const auto next = schedule->next_after(time);
      if (!next) break;
      ASSERT_GT(*next, time) << expression;
      ASSERT_EQ(schedule->next_after(*next - Duration(1)), *next) << expression;
      time = *next;
    }
  }
}

}  // namespace
}  // namespace personas::schedule
