// A key file on a disk that fails at the k-th call, writes less than it was given, and forgets what
// was not synced.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "file_calls.hpp"

namespace personas::os {
namespace {

// One folder in memory: what is in its files and under which names, as a program sees it and as a
// power cut would leave it.
class LyingFolder final : public FileCalls {
 public:
  explicit LyingFolder(std::optional<std::string> content) {
    if (!content) return;
    files_[0] = {*content, *content};
    names_["key"] = durable_names_["key"] = 0;
  }

  void fail_at(int nth, int error) {
    countdown_ = nth;
    error_ = error;
  }
  bool struck() const { return struck_; }
  int syncs_after_failure() const { return syncs_after_failure_; }
  std::size_t names() const { return names_.size(); }

  std::optional<std::string> seen() const { return content_of(names_, false); }
  // One of the states that a power cut may leave: names and contents go to the disk on their own.
  std::optional<std::string> after_power_cut(std::mt19937& random) {
    const auto& names = random() % 2 == 0 ? durable_names_ : names_;
    auto found = content_of(names, true);
    const auto now = content_of(names, false);
    if (!found || *found == *now) return found;
    return now->substr(0, random() % (now->size() + 1));
  }

  int make_temporary(std::string& pattern) override {
    if (fails()) return -1;
    const int fd = static_cast<int>(files_.size()) + 10;
    pattern.replace(pattern.size() - 6, 6, "abcdef");
    files_[fd] = {};
    names_[pattern.substr(pattern.rfind('/') + 1)] = fd;
    return fd;
  }
  ssize_t write(int fd, const char* data, std::size_t size) override {
    if (fails()) return -1;
    const auto taken = std::min<std::size_t>(size, 7);  // a short write
    files_[fd].seen.append(data, taken);
    return static_cast<ssize_t>(taken);
  }
  int sync(int fd) override {
    if (sync_failed_) ++syncs_after_failure_;
    if (fails()) {
      sync_failed_ = true;
      return -1;
    }
    if (fd == kFolder) {
      durable_names_ = names_;
    } else {
      files_[fd].durable = files_[fd].seen;
    }
    return 0;
  }
  int close(int /*fd*/) override { return 0; }
  int rename(const std::string& from, const std::string& to) override {
    if (fails()) return -1;
    const auto source = names_.find(from.substr(from.rfind('/') + 1));
    names_[to.substr(to.rfind('/') + 1)] = source->second;
    names_.erase(source);
    return 0;
  }
  int remove(const std::string& path) override {
    names_.erase(path.substr(path.rfind('/') + 1));
    return 0;
  }
  int open_folder(const std::string& /*path*/) override { return fails() ? -1 : kFolder; }

 private:
  static constexpr int kFolder = 5;
  struct File {
    std::string seen;
    std::string durable;
  };
  using Names = std::map<std::string, int>;

  bool fails() {
    if (countdown_ == 0 || --countdown_ > 0) return false;
    struck_ = true;
    errno = error_;
    return true;
  }
  std::optional<std::string> content_of(const Names& names, bool durable) const {
    const auto name = names.find("key");
    if (name == names.end()) return std::nullopt;
    const auto& file = files_.at(name->second);
    return durable ? file.durable : file.seen;
  }

  std::map<int, File> files_;
  Names names_;
  Names durable_names_;
  int countdown_ = 0;
  int error_ = EIO;
  bool struck_ = false;
  bool sync_failed_ = false;
  int syncs_after_failure_ = 0;
};

const std::string kOld = "the old key, 0123456789";
const std::string kNew = "the new key, 9876543210, and longer";

TEST(ReplaceFile, TheFaultOfEveryCallLeavesTheOldFileOrTheNewOne) {
  std::mt19937 random(1);
  for (const int error : {EIO, ENOSPC, EINTR}) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE(std::string(std::strerror(error)) + " at call " + std::to_string(nth));
      LyingFolder disk(kOld);
      disk.fail_at(nth, error);
      const auto done = replace_file(disk, "/data/key", kNew);
      for (int i = 0; i < 20; ++i) {
        const auto left = disk.after_power_cut(random);
        ASSERT_TRUE(left == kNew || (!done && left == kOld)) << left.value_or("nothing");
      }
      EXPECT_EQ(disk.syncs_after_failure(), 0);
      EXPECT_EQ(disk.names(), 1U) << "nothing is left beside it";
      if (!disk.struck()) {
        EXPECT_TRUE(done);
        break;
      }
    }
  }
}

TEST(ReplaceFile, APowerCutBeforeItHasReturnedNeverLeavesAPart) {
  std::mt19937 random(2);
  for (int nth = 1; nth <= 12; ++nth) {
    LyingFolder disk(std::nullopt);
    disk.fail_at(nth, EIO);
    const auto done = replace_file(disk, "/data/key", kNew);
    for (int i = 0; i < 20; ++i) {
      const auto left = disk.after_power_cut(random);
      ASSERT_TRUE(left == kNew || (!done && !left)) << left.value_or("nothing");
    }
  }
}

TEST(ReplaceFile, TheCheckerSeesAFileThatWasNotSynced) {
  std::mt19937 random(3);
  LyingFolder disk(kOld);
  std::string temporary = "/data/key.XXXXXX";
  const int fd = disk.make_temporary(temporary);
  for (std::string_view rest = kNew; !rest.empty();) {
    rest.remove_prefix(static_cast<std::size_t>(disk.write(fd, rest.data(), rest.size())));
  }
  disk.rename(temporary, "/data/key");
  int torn = 0;
  for (int i = 0; i < 50; ++i) {
    const auto left = disk.after_power_cut(random);
    if (left != kNew && left != kOld) ++torn;
  }
  EXPECT_GT(torn, 0);
}

}  // namespace
}  // namespace personas::os
