#include "personas/os/files.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "test_folder.hpp"

namespace personas::os {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(Files, APrivateFileIsReadBackAndReadableByUsAlone) {
  TestFolder folder;
  const std::string path = folder.path() + "/key";
  ASSERT_TRUE(write_private_file(path, "one"));
  ASSERT_TRUE(write_private_file(path, "two"));
  EXPECT_EQ(read_file(path, 100).value(), "two");
  EXPECT_EQ(mode_of(path), 0600U);
}

TEST(Files, WritingLeavesNoTemporaryFileBehind) {
  TestFolder folder;
  ASSERT_TRUE(write_private_file(folder.path() + "/key", "one"));
  std::filesystem::create_directory(folder.path() + "/taken");
  EXPECT_FALSE(write_private_file(folder.path() + "/taken", "one"));
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    static_cast<void>(entry);
    ++entries;
  }
  EXPECT_EQ(entries, 2U);
}

TEST(Files, ReadingStopsAtTheLimit) {
  TestFolder folder;
  const std::string path = folder.path() + "/big";
  ASSERT_TRUE(write_private_file(path, std::string(101, 'x')));
  EXPECT_EQ(read_file(path, 101).value().size(), 101U);
  EXPECT_EQ(read_file(path, 100).error().code, ErrorCode::kPayloadTooLarge);
}

TEST(Files, AMissingFileIsNotFound) {
  TestFolder folder;
  EXPECT_EQ(read_file(folder.path() + "/none", 10).error().code, ErrorCode::kNotFound);
}

TEST(Files, PrivateFoldersAreMadeWithTheirParents) {
  TestFolder folder;
  const std::string path = folder.path() + "/a/b";
  ASSERT_TRUE(make_private_directory(path));
  ASSERT_TRUE(make_private_directory(path));
  EXPECT_EQ(mode_of(path), 0700U);
  EXPECT_EQ(mode_of(folder.path() + "/a"), 0700U);
}

TEST(Files, AFolderOpenToOthersIsRefused) {
  TestFolder folder;
  const std::string path = folder.path() + "/open";
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0750), 0);
  auto made = make_private_directory(path);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kMisconfigured);
  EXPECT_NE(made.error().message.find("chmod 700"), std::string::npos);
}

TEST(Files, AFolderOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  TestFolder folder;
  const std::string path = folder.path() + "/theirs";
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_EQ(make_private_directory(path).error().code, ErrorCode::kMisconfigured);
}

}  // namespace
}  // namespace personas::os
