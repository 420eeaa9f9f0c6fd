#include "quota.hpp"

#include <gtest/gtest.h>

namespace personas::agents {
namespace {

Timestamp at(std::string_view text) {
  return parse_rfc3339(text).value_or(Timestamp{});
}

const Timestamp kNow = at("2026-11-21T13:38:39Z");

std::string reset(std::string_view text, Timestamp now = kNow) {
  const auto found = reset_time(text, now);
  return found ? to_rfc3339(*found) : "";
}

TEST(ResetTime, OfWhatTheCliSays) {
  EXPECT_EQ(reset("You've hit your session limit · resets 10:26pm (UTC)"),
            "2026-11-21T22:26:00.000Z");
  EXPECT_EQ(reset("You've hit your weekly limit · resets Nov 24, 6am (UTC)"),
            "2026-11-24T06:00:00.000Z");
  EXPECT_EQ(reset("Claude AI usage limit reached|1795300000"), "2026-11-21T22:26:40.000Z");
  EXPECT_EQ(reset("usage limit reached|1795300000123"), "2026-11-21T22:26:40.123Z");
  EXPECT_EQ(reset("Claude usage limit reached. Your limit will reset at 3pm (UTC)."),
            "2026-11-21T15:00:00.000Z");
  EXPECT_EQ(reset("resets 12am"), "2026-11-22T00:00:00.000Z");
  EXPECT_EQ(reset("resets 12pm"), "2026-11-22T12:00:00.000Z");
  EXPECT_EQ(reset("resets at 14:05"), "2026-11-21T14:05:00.000Z");
  EXPECT_EQ(reset("resets December 2 at 9:30am (UTC)"), "2026-12-02T09:30:00.000Z");
  EXPECT_EQ(reset("limit resets at 2026-11-24T08:00:00+02:00."), "2026-11-24T06:00:00.000Z");
}

TEST(ResetTime, AfterASpan) {
  EXPECT_EQ(reset("Please try again in 20.5s."), "2026-11-21T13:39:00.000Z");
  EXPECT_EQ(reset("try again in 3 days 4 hours 5 minutes."), "2026-11-24T17:43:40.000Z");
  EXPECT_EQ(reset("Your quota will reset after 1h2m3s."), "2026-11-21T14:40:43.000Z");
  EXPECT_EQ(reset("429, retry-after: 3600"), "2026-11-21T14:38:40.000Z");
  EXPECT_EQ(reset("retry in 250ms"), "2026-11-21T13:38:40.000Z");
}

TEST(ResetTime, AMomentAgoIsNow_NotTomorrow) {
  EXPECT_EQ(reset("resets 1:35pm (UTC)"), "2026-11-21T13:35:00.000Z");
  EXPECT_EQ(reset("resets 1pm (UTC)"), "2026-11-22T13:00:00.000Z");
}

TEST(ResetTime, TheYearMayEnd) {
  EXPECT_EQ(reset("resets Jan 2, 6am (UTC)", at("2026-12-30T00:00:00Z")),
            "2027-01-02T06:00:00.000Z");
}

TEST(ResetTime, WhatIsNotUnderstoodIsNotGuessed) {
  for (const auto* text :
       {"", "resets", "resets soon", "resets 3pm (America/New_York)", "resets 13pm", "resets 9",
        "resets 25:00", "resets 10:75pm", "a|b", "reached|12", "reached|1895300000",
        "reached|99999999999999", "resets Feb 30, 6am", "resets Jun 1, 6am (UTC)", "try again in",
        "try again in 999999999 days", "resets at 2031-01-01T00:00:00Z"}) {
    EXPECT_EQ(reset(text), "") << text;
  }
}

}  // namespace
}  // namespace personas::agents
