#include "personas/os/process.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace personas::os {
namespace {

TEST(Process, HardeningIgnoresBrokenPipesAndLeavesNoCore) {
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    harden_process();
    int ends[2];
    if (::pipe(ends) != 0) ::_exit(1);
    ::close(ends[0]);
    if (::write(ends[1], "x", 1) != -1 || errno != EPIPE) ::_exit(2);
    rlimit core{1, 1};
    if (::getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) ::_exit(3);
    if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) ::_exit(4);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Process, TheEnvironmentIsASnapshot) {
  ::setenv("PERSONAS_OS_TEST", "a=b", 1);
  auto snapshot = environment();
  ::setenv("PERSONAS_OS_TEST", "changed", 1);
  EXPECT_EQ(snapshot.at("PERSONAS_OS_TEST"), "a=b");
  ::unsetenv("PERSONAS_OS_TEST");
}

TEST(Process, KnowsItsOwnExecutable) {
  auto path = self_executable();
  ASSERT_TRUE(path);
  EXPECT_EQ(::access(path->c_str(), X_OK), 0);
  EXPECT_TRUE(path->ends_with("os_test"));
}

}  // namespace
}  // namespace personas::os
