#include "personas/os/data_lock.hpp"

#include <csignal>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "test_folder.hpp"

namespace personas::os {
namespace {

TEST(DataLock, ASecondOwnerIsRefusedAndToldWhoHasIt) {
  TestFolder folder;
  auto first = DataLock::acquire(folder.path());
  ASSERT_TRUE(first);
  auto second = DataLock::acquire(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
}

TEST(DataLock, IsFreeAgainWhenItsOwnerGoes) {
  TestFolder folder;
  std::optional<DataLock> first = DataLock::acquire(folder.path()).value();
  first.reset();
  EXPECT_TRUE(DataLock::acquire(folder.path()));
}

TEST(DataLock, IsFreeAgainWhenItsProcessIsKilled) {
  TestFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto lock = DataLock::acquire(folder.path());
    char byte = lock ? 'y' : 'n';
    static_cast<void>(!::write(ready[1], &byte, 1));
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  auto refused = DataLock::acquire(folder.path());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(std::to_string(child)), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(DataLock::acquire(folder.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace personas::os
