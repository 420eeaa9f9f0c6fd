#include "personas/os/disk.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "personas/os/clock.hpp"

#include "test_folder.hpp"

namespace personas::os {
namespace {

TEST(Disk, KnowsItsRoomAndHowLongASyncTakes) {
  const TestFolder folder;
  const auto facts = look_at_disk(folder.path());
  EXPECT_GT(facts.total_bytes, 0);
  EXPECT_LE(facts.free_bytes, facts.total_bytes);
  const SystemClock clock;
  const auto took = time_of_sync(folder.path(), clock);
  ASSERT_TRUE(took);
  EXPECT_LT(*took, minutes(1));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "nothing is left behind";
}

TEST(Disk, OfNoFolderNothingIsKnown) {
  EXPECT_EQ(look_at_disk("/nowhere/at/all").total_bytes, 0);
  EXPECT_FALSE(time_of_sync("/nowhere/at/all", SystemClock()));
}

}  // namespace
}  // namespace personas::os
