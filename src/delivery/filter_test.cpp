#include "personas/delivery/filter.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace personas::delivery {
namespace {

bool matches(std::vector<std::string> filters, std::string_view type, std::string_view event = {}) {
  return wants(filters, type, event);
}

TEST(Filter, MatchesTypesAndTheirBeginnings) {
  EXPECT_TRUE(matches({"execution.status"}, "execution.status"));
  EXPECT_FALSE(matches({"execution.status"}, "execution.statuses"));
  EXPECT_FALSE(matches({"execution"}, "execution.status"));
  EXPECT_TRUE(matches({"review.*"}, "review.requested"));
  EXPECT_FALSE(matches({"review.*"}, "reviewed"));
  EXPECT_TRUE(matches({"x", "*"}, "persona.created"));
  EXPECT_FALSE(matches({}, "persona.created"));
}

TEST(Filter, MatchesTheTypeOfAnEvent) {
  EXPECT_TRUE(matches({"order.*"}, "event.published", "order.paid"));
  EXPECT_TRUE(matches({"event.published"}, "event.published", "order.paid"));
  EXPECT_FALSE(matches({"order.*"}, "event.published", "invoice.paid"));
}

TEST(Filter, TakesFrequentTypesByTheirFullNameOnly) {
  for (const char* type : {"execution.output", "execution.progress", "execution.turn"}) {
    EXPECT_FALSE(matches({"*", "execution.*"}, type)) << type;
    EXPECT_TRUE(matches({type}, type)) << type;
  }
}

TEST(Filter, SaysWhichFilterIsWrong) {
  const auto check = [](std::vector<std::string> filters) { return check_filters(filters); };
  EXPECT_TRUE(check({"*", "a.*", "a.b", "a"}));
  for (const char* text : {"", "*.a", "a*b", "**", "a b", "a\n"}) {
    const auto checked = check({"ok", text});
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().fields.at(0).path, "/events/1");
  }
}

TEST(Filter, WritesTheBodyOfARecord) {
  EXPECT_EQ(body_of("a.\"b", {1'800'000'000'123'000}, R"({"id":1})"),
            R"({"type":"a.\"b","timestamp":"2027-01-15T08:00:00.123Z","data":{"id":1}})");
}

}  // namespace
}  // namespace personas::delivery
