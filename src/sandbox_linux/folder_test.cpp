#include "folder.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

namespace personas::sandbox_linux {
namespace {

namespace fs = std::filesystem;

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string name = (fs::temp_directory_path() / "personas-folder-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~FolderTest() override { fs::remove_all(root_); }
  std::string root_;
};

TEST_F(FolderTest, HomeFilesAreWrittenForUsAlone) {
  auto folder = Folder::make(root_, {{"a/b/.claude.json", "{}"}});
  ASSERT_TRUE(folder);
  struct stat info{};
  ASSERT_EQ(::stat((folder->home() + "/a/b/.claude.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  folder->wipe();
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(FolderTest, HomeFilesOutsideOfHomeAreRefusedAndNothingIsLeft) {
  for (const char* path : {"../x", "/etc/x", "a/../../x", "", "a/", "./x", "a//b"}) {
    auto folder = Folder::make(root_, {{path, "x"}});
    EXPECT_FALSE(folder) << path;
    EXPECT_TRUE(fs::is_empty(root_)) << path;
  }
}

TEST_F(FolderTest, WipingRemovesClosedFoldersAndLeavesWhatLinksPointTo) {
  fs::create_directories(root_ + "/outside/kept");
  std::ofstream(root_ + "/outside/kept/file") << "x";
  fs::create_directories(root_ + "/tree/closed/inner");
  std::ofstream(root_ + "/tree/closed/inner/file") << "x";
  fs::create_directory_symlink(root_ + "/outside", root_ + "/tree/link");
  fs::create_directory_symlink("../../../outside/kept", root_ + "/tree/closed/inner/link");
  ::chmod((root_ + "/tree/closed/inner").c_str(), 0);
  ::chmod((root_ + "/tree/closed").c_str(), 0500);
  EXPECT_TRUE(wipe_tree(root_ + "/tree"));
  EXPECT_FALSE(fs::exists(root_ + "/tree"));
  EXPECT_TRUE(fs::exists(root_ + "/outside/kept/file"));
}

TEST_F(FolderTest, WipingCopesWithVeryDeepTrees) {
  std::string path = root_ + "/tree";
  fs::create_directory(path);
  const fs::path before = fs::current_path();
  fs::current_path(path);
  for (int i = 0; i < 1500; ++i) {
    ASSERT_EQ(::mkdir("deeper", 0700), 0);
    ASSERT_EQ(::chdir("deeper"), 0);
  }
  fs::current_path(before);
  EXPECT_TRUE(wipe_tree(path));
}

TEST_F(FolderTest, OnlyUnusedFoldersOfOursAreLeftOvers) {
  auto used = Folder::make(root_, {});
  ASSERT_TRUE(used);
  {
    auto abandoned = Folder::make(root_, {});
  }  // its lock goes, its folder stays
  fs::create_directory(root_ + "/somebody-elses");
  wipe_left_overs(root_);
  EXPECT_TRUE(fs::exists(used->workspace()));
  EXPECT_TRUE(fs::exists(root_ + "/somebody-elses"));
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 2);
}

// What a worker's death leaves: the supervisor's share of the lock.
TEST_F(FolderTest, AnAttemptOfADeadWorkerIsWaitedForAndOneOfALivingWorkerIsNot) {
  auto of_a_living_worker = Folder::make(root_, {});
  EXPECT_TRUE(wait_for_predecessors(root_, Duration(0)));
  int supervisors = -1;
  {
    auto of_a_dead_worker = Folder::make(root_, {});
    supervisors = ::dup(of_a_dead_worker->lock_fd());
  }
  const auto still_there = wait_for_predecessors(root_, milliseconds(20));
  ASSERT_FALSE(still_there);
  EXPECT_EQ(still_there.error().code, ErrorCode::kLocked);
  ::close(supervisors);
  EXPECT_TRUE(wait_for_predecessors(root_, Duration(0)));
}

}  // namespace
}  // namespace personas::sandbox_linux
