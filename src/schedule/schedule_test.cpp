#include "personas/schedule/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::schedule {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Timestamp at(std::string_view text) {
  const auto time = parse_rfc3339(text);
  EXPECT_TRUE(time) << text;
  return time.value_or(Timestamp{});
}
Schedule make(ScheduleSpec spec) {
  auto made = parse_schedule(spec);
  if (!made) throw std::runtime_error(made.error().describe());
  return std::move(*made);
}
// The next `count` slots as UTC, without their fraction.
std::vector<std::string> slots(ScheduleSpec spec, std::string_view after, std::size_t count) {
  std::vector<std::string> all;
  for (const auto slot : make(std::move(spec)).next_n(at(after), count)) {
    all.push_back(to_rfc3339(slot).substr(0, 19));
  }
  return all;
}
std::vector<std::string> slots(std::string expression, std::string zone, std::string_view after,
                               std::size_t count) {
  return slots({.expression = std::move(expression), .timezone = std::move(zone)}, after, count);
}
std::string problems(const ScheduleSpec& spec) {
  const auto made = parse_schedule(spec);
  return made ? "none" : made.error().describe();
}

// ---- without a change of clocks ----------------------------------------------------------------

TEST(Schedule, CronInUtcAndInAZoneWithoutDaylightSaving) {
  EXPECT_THAT(slots("*/20 9 * * *", "", "2026-03-01T09:30:00Z", 3),
              ElementsAre("2026-03-01T09:40:00", "2026-03-02T09:00:00", "2026-03-02T09:20:00"));
  EXPECT_THAT(slots("0 9 * * MON", "Asia/Tokyo", "2026-03-01T00:00:00Z", 2),
              ElementsAre("2026-03-02T00:00:00", "2026-03-09T00:00:00"));
  EXPECT_THAT(slots("15,45 30 12 * * *", "", "2026-03-01T12:30:15Z", 2),
              ElementsAre("2026-03-01T12:30:45", "2026-03-02T12:30:15"));
  EXPECT_THAT(slots("0 0 * * *", "Asia/Kathmandu", "2026-03-01T00:00:00Z", 1),
              ElementsAre("2026-03-01T18:15:00"));
}

TEST(Schedule, ASlotIsStrictlyAfterTheTime) {
  EXPECT_THAT(slots("0 9 * * *", "", "2026-03-01T09:00:00Z", 1),
              ElementsAre("2026-03-02T09:00:00"));
  EXPECT_THAT(slots("0 9 * * *", "", "2026-03-01T08:59:59.999999Z", 1),
              ElementsAre("2026-03-01T09:00:00"));
}

TEST(Schedule, ShorthandsMeanTheirExpressions) {
  const std::string_view after = "2026-11-21T12:34:56Z";  // a Saturday
  EXPECT_THAT(slots("@hourly", "", after, 1), ElementsAre("2026-11-21T13:00:00"));
  EXPECT_THAT(slots("@daily", "", after, 1), ElementsAre("2026-11-22T00:00:00"));
  EXPECT_THAT(slots("@midnight", "", after, 1), ElementsAre("2026-11-22T00:00:00"));
  EXPECT_THAT(slots("@weekly", "", after, 2),
              ElementsAre("2026-11-22T00:00:00", "2026-11-29T00:00:00"));
  EXPECT_THAT(slots("@monthly", "", after, 1), ElementsAre("2026-12-01T00:00:00"));
  EXPECT_THAT(slots("@yearly", "", after, 1), ElementsAre("2027-01-01T00:00:00"));
  EXPECT_THAT(slots("@annually", "", after, 1), ElementsAre("2027-01-01T00:00:00"));
}

TEST(Schedule, DayOfMonthOrDayOfWeek) {
  EXPECT_THAT(slots("0 0 13 * FRI", "", "2026-02-01T00:00:00Z", 4),
              ElementsAre("2026-02-06T00:00:00", "2026-02-13T00:00:00", "2026-02-20T00:00:00",
                          "2026-02-27T00:00:00"));
  EXPECT_THAT(slots("0 0 13 * *", "", "2026-02-01T00:00:00Z", 2),
              ElementsAre("2026-02-13T00:00:00", "2026-03-13T00:00:00"));
  EXPECT_THAT(slots("0 0 ? * FRI", "", "2026-02-01T00:00:00Z", 2),
              ElementsAre("2026-02-06T00:00:00", "2026-02-13T00:00:00"));
}

TEST(Schedule, LeapDaysLastDaysAndYearEnds) {
  EXPECT_THAT(slots("0 0 29 2 *", "", "2026-01-01T00:00:00Z", 2),
              ElementsAre("2028-02-29T00:00:00", "2032-02-29T00:00:00"));
  EXPECT_THAT(slots("0 0 29 2 *", "", "2096-03-01T00:00:00Z", 1),
              ElementsAre("2104-02-29T00:00:00"))
      << "2100 is no leap year";
  EXPECT_THAT(slots("0 12 L * *", "", "2028-01-31T12:00:00Z", 2),
              ElementsAre("2028-02-29T12:00:00", "2028-03-31T12:00:00"));
  EXPECT_THAT(slots("0 8 ? * 5L", "", "2026-01-01T00:00:00Z", 2),
              ElementsAre("2026-01-30T08:00:00", "2026-02-27T08:00:00"));
  EXPECT_THAT(slots("0 8 ? * MON#1", "", "2026-01-01T00:00:00Z", 2),
              ElementsAre("2026-01-05T08:00:00", "2026-02-02T08:00:00"));
  EXPECT_THAT(slots("59 59 23 31 12 ?", "", "2026-12-31T23:59:58Z", 2),
              ElementsAre("2026-12-31T23:59:59", "2027-12-31T23:59:59"));
  EXPECT_THAT(slots("0 0 1 1 *", "Pacific/Auckland", "2026-12-31T10:59:59Z", 1),
              ElementsAre("2026-12-31T11:00:00"));
}

// ---- where clocks are changed ------------------------------------------------------------------

TEST(Schedule, ATimeInTheGapFiresOnceAtItsEnd) {
  // Berlin, 29 March 2026: 02:00 CET becomes 03:00 CEST, at 01:00 UTC.
  EXPECT_THAT(slots("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
              ElementsAre("2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"));
  EXPECT_THAT(slots("0,15,30,45 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2),
              ElementsAre("2026-03-29T01:00:00", "2026-03-30T00:00:00"))
      << "four times that do not exist are one slot";
  EXPECT_THAT(slots("0 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2),
              ElementsAre("2026-03-29T01:00:00", "2026-03-30T00:00:00"))
      << "the end of the gap is a slot of its own as well";
  // New York, 8 March 2026, at 07:00 UTC.
  EXPECT_THAT(slots("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", 2),
              ElementsAre("2026-03-08T07:00:00", "2026-03-09T06:30:00"));
}

TEST(Schedule, ATimeThatExistsTwiceFiresAtTheFirst) {
  // Berlin, 25 October 2026: 03:00 CEST becomes 02:00 CET, at 01:00 UTC.
  EXPECT_THAT(slots("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
              ElementsAre("2026-10-25T00:30:00", "2026-10-26T01:30:00"));
  EXPECT_THAT(slots("30 2 * * *", "Europe/Berlin", "2026-10-25T01:05:00Z", 1),
              ElementsAre("2026-10-26T01:30:00"))
      << "asked in the second pass";
  EXPECT_THAT(slots("*/30 1-2 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", 5),
              ElementsAre("2026-10-24T23:00:00", "2026-10-24T23:30:00", "2026-10-25T00:00:00",
                          "2026-10-25T00:30:00", "2026-10-26T00:00:00"));
  EXPECT_THAT(slots("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", 2),
              ElementsAre("2026-11-01T05:30:00", "2026-11-02T06:30:00"));
}

TEST(Schedule, EveryHourFollowsTheClocksThroughBoth) {
  EXPECT_THAT(slots("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
              ElementsAre("2026-03-29T00:30:00", "2026-03-29T01:30:00", "2026-03-29T02:30:00"));
  EXPECT_THAT(slots("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3),
              ElementsAre("2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"));
  EXPECT_THAT(slots("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:40:00Z", 3),
              ElementsAre("2026-10-25T00:45:00", "2026-10-25T01:00:00", "2026-10-25T01:15:00"));
}

TEST(Schedule, HalfAnHourOfDaylightSaving) {
  // Lord Howe: +10:30 to +11 at 02:00 on 4 October 2026 (15:30 UTC the day before), back at 02:00
  // on 5 April 2026 (15:00 UTC the day before).
  const std::string zone = "Australia/Lord_Howe";
  EXPECT_THAT(slots("15 2 * * *", zone, "2026-10-03T00:00:00Z", 2),
              ElementsAre("2026-10-03T15:30:00", "2026-10-04T15:15:00"));
  EXPECT_THAT(slots("45 1 * * *", zone, "2026-04-04T00:00:00Z", 2),
              ElementsAre("2026-04-04T14:45:00", "2026-04-05T15:15:00"));
  EXPECT_THAT(slots("45 * * * *", zone, "2026-04-04T14:30:00Z", 3),
              ElementsAre("2026-04-04T14:45:00", "2026-04-04T15:15:00", "2026-04-04T16:15:00"));
  EXPECT_THAT(slots("15 * * * *", zone, "2026-10-03T14:30:00Z", 2),
              ElementsAre("2026-10-03T14:45:00", "2026-10-03T16:15:00"))
      << "02:15 does not exist";
}

TEST(Schedule, RamadanInCasablanca) {
  // Back to +00 at 03:00 on 15 February 2026 (02:00 UTC), to +01 at 02:00 on 22 March (02:00 UTC).
  const std::string zone = "Africa/Casablanca";
  EXPECT_THAT(slots("30 2 * * *", zone, "2026-02-14T12:00:00Z", 2),
              ElementsAre("2026-02-15T01:30:00", "2026-02-16T02:30:00"));
  EXPECT_THAT(slots("30 2 * * *", zone, "2026-03-21T12:00:00Z", 2),
              ElementsAre("2026-03-22T02:00:00", "2026-03-23T01:30:00"));
}

TEST(Schedule, TheDataOfTheSystemReachIntoTheFuture) {
  EXPECT_THAT(slots("0 12 1 7 *", "America/New_York", "2035-01-01T00:00:00Z", 1),
              ElementsAre("2035-07-01T16:00:00"))
      << "the tz database lacks its transitions";
}

TEST(Schedule, ADayThatWasSkippedFiresAtItsEnd) {
  // Samoa went from 29 to 31 December 2011.
  EXPECT_THAT(slots("0 10 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1),
              ElementsAre("2011-12-30T10:00:00"));
}

// ---- intervals and bounds ----------------------------------------------------------------------

TEST(Schedule, IntervalsCountFromTheirAnchor) {
  const Timestamp anchor = at("2026-03-01T10:07:00Z");
  EXPECT_THAT(slots({.expression = "every 30m", .anchor = anchor}, "2026-03-01T10:07:00Z", 2),
              ElementsAre("2026-03-01T10:37:00", "2026-03-01T11:07:00"));
  EXPECT_THAT(slots({.interval_seconds = 45, .anchor = anchor}, "2026-03-01T10:07:44Z", 2),
              ElementsAre("2026-03-01T10:07:45", "2026-03-01T10:08:30"));
  EXPECT_THAT(slots({.expression = "every 1d", .timezone = "Europe/Berlin", .anchor = anchor},
                    "2026-03-28T12:00:00Z", 2),
              ElementsAre("2026-03-29T10:07:00", "2026-03-30T10:07:00"))
      << "a day is 24 hours";
  EXPECT_THAT(slots({.expression = "every 2h", .start = at("2026-03-02T00:00:00Z")},
                    "2026-03-01T00:00:00Z", 2),
              ElementsAre("2026-03-02T00:00:00", "2026-03-02T02:00:00"));
}

TEST(Schedule, StartAndEndAreSlotsThemselves) {
  const ScheduleSpec spec{.expression = "0 * * * *",
                          .start = at("2026-03-01T10:00:00Z"),
                          .end = at("2026-03-01T12:00:00Z")};
  EXPECT_THAT(slots(spec, "2020-01-01T00:00:00Z", 9),
              ElementsAre("2026-03-01T10:00:00", "2026-03-01T11:00:00", "2026-03-01T12:00:00"));
  EXPECT_THAT(slots(spec, "2026-03-01T12:00:00Z", 9), IsEmpty());
}

TEST(Schedule, SlotsBetweenExcludeTheBeginAndIncludeTheEnd) {
  const auto schedule = make({.expression = "0 * * * *"});
  EXPECT_EQ(
      schedule.slots_between(at("2026-03-01T10:00:00Z"), at("2026-03-01T12:00:00Z"), 9).size(), 2U);
  EXPECT_EQ(
      schedule.slots_between(at("2026-03-01T10:00:00Z"), at("2027-03-01T12:00:00Z"), 9).size(), 9U);
}

TEST(Schedule, TimesBeyondReasonHaveAnAnswer) {
  const auto schedule = make({.expression = "@daily", .timezone = "Europe/Berlin"});
  EXPECT_FALSE(schedule.next_after(Timestamp{INT64_MAX}));
  EXPECT_EQ(to_rfc3339(*schedule.next_after(Timestamp{INT64_MIN})), "1970-01-01T23:00:00.000Z");
  EXPECT_TRUE(schedule.next_after(at("2500-01-01T00:00:00Z")));
}

// ---- errors ------------------------------------------------------------------------------------

TEST(Schedule, AllErrorsAtOnceEachWithItsField) {
  const auto text = problems({.expression = "61 * * * *",
                              .timezone = "Europe/Berlni",
                              .start = Timestamp{5},
                              .end = Timestamp{4}});
  EXPECT_THAT(text, HasSubstr("/cron: minute, position 1"));
  EXPECT_THAT(text, HasSubstr("/timezone: 'Europe/Berlni' is not a time zone"));
  EXPECT_THAT(text, HasSubstr("Did you mean Europe/Berlin?"));
  EXPECT_THAT(text, HasSubstr("/end: is before the start"));
}

TEST(Schedule, WhatIsNoScheduleIsRefused) {
  EXPECT_THAT(problems({}), HasSubstr("/cron: is missing"));
  EXPECT_THAT(problems({.expression = "@reboot"}), HasSubstr("'@reboot' is not known"));
  EXPECT_THAT(problems({.expression = "every m"}), HasSubstr("a number and s, m, h or d"));
  EXPECT_THAT(problems({.expression = "every 5w"}), HasSubstr("a number and s, m, h or d"));
  EXPECT_THAT(problems({.expression = "every 0s"}), HasSubstr("from 1 s to 366 d"));
  EXPECT_THAT(problems({.expression = "every -5m"}), HasSubstr("from 1 s to 366 d"));
  EXPECT_THAT(problems({.expression = "every 99999999999999999999d"}), HasSubstr("to 366 d"));
  EXPECT_THAT(problems({.interval_seconds = 0}), HasSubstr("/interval_seconds: must be from 1"));
  EXPECT_THAT(problems({.expression = "@daily", .interval_seconds = 5}), HasSubstr("beside cron"));
  EXPECT_THAT(problems({.expression = std::string(300, '*')}), HasSubstr("longer than 200"));
  for (const auto* zone : {"../../etc/passwd", "right/UTC", "posix/UTC", "Europe", "CET/../UTC"}) {
    EXPECT_THAT(problems({.expression = "@daily", .timezone = zone}), HasSubstr("/timezone"));
  }
}

}  // namespace
}  // namespace personas::schedule
