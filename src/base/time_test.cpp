#include "personas/base/time.hpp"

#include <gtest/gtest.h>

namespace personas {
namespace {

TEST(Time, Rfc3339RoundTrips) {
  const auto time = parse_rfc3339("2026-11-21T03:31:00.123456Z").value();
  EXPECT_EQ(to_rfc3339(time), "2026-11-21T03:31:00.123Z");
  EXPECT_EQ(parse_rfc3339("2026-11-21T04:31:00+01:00").value(),
            parse_rfc3339("2026-11-21T03:31:00Z").value());
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z").value().micros, 0);
}

TEST(Time, TakesEveryYearThatCanBeWrittenAgain) {
  for (const std::string_view good : {"0000-01-01T00:00:00.000Z", "0181-12-11T14:08:06.000Z",
                                      "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"}) {
    EXPECT_EQ(to_rfc3339(parse_rfc3339(good).value()), good);
  }
  // By their offsets these are in years of one digit less and one more.
  EXPECT_FALSE(parse_rfc3339("0000-01-01T00:00:00+00:01"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59-00:01"));
}

TEST(Time, RefusesWhatIsNotATime) {
  for (const std::string_view bad :
       {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T03:31:00", "2026-11-21T03:31:00.Z", "2026-11-21T03:31:00Zx"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(Time, DurationsHaveUnitsAndALimit) {
  EXPECT_EQ(parse_duration("30s").value(), seconds(30));
  EXPECT_EQ(parse_duration("250").value(), milliseconds(250));
  EXPECT_EQ(parse_duration("1d").value(), hours(24));
  for (const std::string_view bad :
       {"", "s", "-1s", "1.5s", "1w", "367d", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

}  // namespace
}  // namespace personas
