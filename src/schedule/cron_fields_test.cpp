#include "cron_fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::schedule {
namespace {

using testing::HasSubstr;

std::string problem(std::string_view expression) {
  const auto fields = parse_cron(expression);
  return fields ? "none" : fields.error().message;
}
CronFields good(std::string_view expression) {
  const auto fields = parse_cron(expression);
  EXPECT_TRUE(fields) << expression << ": " << fields.error().message;
  return fields.value_or(CronFields{});
}

TEST(CronFields, FiveFieldsHaveSecondZeroAndSixNameIt) {
  EXPECT_EQ(good("1 2 3 4 5").seconds, 1U);
  EXPECT_EQ(good("30 1 2 3 4 5").seconds, 1ULL << 30);
  EXPECT_THAT(problem("1 2 3 4"), HasSubstr("this has 4"));
  EXPECT_THAT(problem("1 2 3 4 5 6 7"), HasSubstr("this has 7"));
}

TEST(CronFields, ListsRangesStepsAndNames) {
  EXPECT_EQ(good("0,15-17,*/30 * * * *").minutes, 1ULL | 7ULL << 15 | 1ULL << 30);
  EXPECT_EQ(good("50/5 * * * *").minutes, 1ULL << 50 | 1ULL << 55);
  EXPECT_EQ(good("0 0 1 jan,Mar-MAY *").months, 1ULL << 1 | 7ULL << 3);
  EXPECT_EQ(good("0 0 * * MON-FRI").weekdays, 0b0111110U);
  EXPECT_EQ(good("0 0 * * fri-sun").weekdays, 0b1100001U);
  EXPECT_EQ(good("0 0 * * 7").weekdays, 1U);
  EXPECT_EQ(good("0 0 * * 0").weekdays, 1U);
  EXPECT_EQ(good("0 0 * * 1-7/2").weekdays, 0b0101011U);
}

TEST(CronFields, AFieldThatChoosesNothingIsKnown) {
  EXPECT_TRUE(good("0 0 * * 1").any_day);
  EXPECT_TRUE(good("0 0 1 * ?").any_weekday);
  EXPECT_TRUE(good("0 0 */2 * 1").any_day) << "as in Vixie cron";
  EXPECT_FALSE(good("0 0 1 * 1").any_day || good("0 0 1 * 1").any_weekday);
  EXPECT_TRUE(good("0 * * * *").every_hour());
  EXPECT_TRUE(good("0 0-23 * * *").every_hour());
  EXPECT_FALSE(good("0 */2 * * *").every_hour());
}

TEST(CronFields, LastAndNthDays) {
  EXPECT_TRUE(good("0 0 L * *").last_day);
  EXPECT_EQ(good("0 0 ? * 5L").last_weekdays, 1U << 5);
  EXPECT_EQ(good("0 0 ? * MON#2").nth_weekday[1], 1U << 2);
  EXPECT_THAT(problem("0 0 ? * 1#6"), HasSubstr("position 11: 6 is not from 1 to 5"));
}

TEST(CronFields, ErrorsNameFieldAndPositionAllAtOnce) {
  EXPECT_EQ(problem("61 25 0 13 8"),
            "minute, position 1: the value is not from 0 to 59; "
            "hour, position 4: the value is not from 0 to 23; "
            "day of month, position 7: the value is not from 1 to 31; "
            "month, position 9: the value is not from 1 to 12; "
            "day of week, position 12: the value is not from 0 to 7");
  EXPECT_EQ(problem("0  5-3 * * *"), "hour, position 6: the range ends at 3, before its begin 5");
  EXPECT_EQ(problem("*/0 * * * *"), "minute, position 3: a step is from 1 to 59");
  EXPECT_EQ(problem("1,, * * * *"), "minute, position 3: ',' is not a minute");
  EXPECT_EQ(problem("1, * * * *"), "minute, position 3: a value is missing");
  EXPECT_EQ(problem("0 0 * FOO *"), "month, position 7: 'foo' is not the name of a month");
  EXPECT_EQ(problem("? * * * *"), "minute, position 1: '?' is for days only");
  EXPECT_EQ(problem("1x * * * *"), "minute, position 2: 'x' is not expected here");
  EXPECT_THAT(problem("99999999999999999999 * * * *"), HasSubstr("minute, position 1"));
}

TEST(CronFields, ADateThatNoYearHasIsRefused) {
  EXPECT_EQ(problem("0 0 30 2 *"), "no day of any year has this date");
  EXPECT_EQ(problem("0 0 31 4,6,9,11 ?"), "no day of any year has this date");
  EXPECT_EQ(problem("0 0 29 2 *"), "none");
  EXPECT_EQ(problem("0 0 30 2 1"), "none") << "the weekday will do";
}

}  // namespace
}  // namespace personas::schedule
