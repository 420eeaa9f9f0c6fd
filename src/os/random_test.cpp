#include "personas/os/random.hpp"

#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace personas::os {
namespace {

TEST(SystemRandom, DoesNotRepeatItself) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 10'000U);
}

TEST(SystemRandom, FillsMoreThanItsBuffer) {
  SystemRandom random;
  std::vector<std::uint8_t> bytes(4096, 0);
  random.fill(bytes);
  EXPECT_GT(std::set<std::uint8_t>(bytes.begin(), bytes.end()).size(), 200U);
}

TEST(SystemRandom, ThreadsGetDifferentNumbers) {
  SystemRandom random;
  std::uint64_t here = random.next();
  std::uint64_t there = 0;
  std::thread([&] { there = random.next(); }).join();
  EXPECT_NE(here, there);
}

TEST(SystemRandom, AForkedChildDoesNotRepeatItsParent) {
  SystemRandom random;
  random.next();  // fills the buffer that the child inherits
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::uint64_t value = random.next();
    ::_exit(::write(ends[1], &value, sizeof value) == sizeof value ? 0 : 1);
  }
  std::uint64_t theirs = 0;
  ASSERT_EQ(::read(ends[0], &theirs, sizeof theirs), ssize_t{sizeof theirs});
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_NE(random.next(), theirs);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace personas::os
