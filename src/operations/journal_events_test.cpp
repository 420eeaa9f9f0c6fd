#include "journal_events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::operations {
namespace {

TEST(JournalEvents, AddTheTimeAndTheChunkToTheRecordsData) {
  const Timestamp at{1'700'000'000'000'000};
  EXPECT_EQ(event_data(at, R"({"x":1})", "\"y\""),
            R"({"at":"2023-11-14T22:13:20.000Z","x":1,"chunk":"y"})");
  EXPECT_EQ(event_data(at, "{}", ""), R"({"at":"2023-11-14T22:13:20.000Z"})");
}

TEST(JournalEvents, AGroupStandsForItsTypesAndAnUnknownNameForNone) {
  std::vector<std::string> types;
  EXPECT_TRUE(add_types("tool.*", types));
  EXPECT_TRUE(add_types("message.created", types));
  EXPECT_THAT(types, testing::ElementsAre("tool.created", "tool.updated", "tool.deleted",
                                          "message.created"));
  EXPECT_FALSE(add_types("tool", types));
  EXPECT_FALSE(add_types("", types));
  EXPECT_EQ(types.size(), 4U);
}

}  // namespace
}  // namespace personas::operations
