#include "personas/os/brief_run.hpp"

#include <cerrno>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::os {
namespace {

using Ending = BriefRun::Ending;

TEST(BriefRun, EachAnswerStandsAtItsCommandsPlace) {
  const auto answers = run_briefly({{"/bin/sh", "-c", "echo one; echo two >&2; exit 3"},
                                    {"/bin/sh", "-c", "echo $NAME; kill -9 $$"},
                                    {"/nowhere/to/be/found", "--version"},
                                    {}},
                                   {{"NAME", "value"}}, seconds(30));
  ASSERT_EQ(answers.size(), 4U);
  EXPECT_EQ(answers[0].ending, Ending::kExited);
  EXPECT_EQ(answers[0].code, 3);
  EXPECT_EQ(answers[0].out, "one\n");
  EXPECT_EQ(answers[0].err, "two\n");
  EXPECT_EQ(answers[1].ending, Ending::kSignalled);
  EXPECT_EQ(answers[1].code, 9);
  EXPECT_EQ(answers[1].out, "value\n");
  EXPECT_EQ(answers[2].ending, Ending::kNotStarted);
  EXPECT_EQ(answers[2].code, ENOENT);
  EXPECT_EQ(answers[3].ending, Ending::kNotStarted);
}

TEST(BriefRun, OneThatHangsIsKilledWithItsChildrenAndOthersStillAnswer) {
  const auto began = std::chrono::steady_clock::now();
  const auto answers = run_briefly(
      {{"/bin/sh", "-c", "echo begun; sleep 1000 & sleep 1000"}, {"/bin/sh", "-c", "echo quick"}},
      {{"PATH", "/usr/bin:/bin"}}, milliseconds(700));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
  EXPECT_EQ(answers[0].ending, Ending::kTimedOut);
  EXPECT_EQ(answers[0].out, "begun\n");
  EXPECT_EQ(answers[1].ending, Ending::kExited);
  EXPECT_EQ(answers[1].out, "quick\n");
}

TEST(BriefRun, OutputIsCutAndNeverBlocksTheProgram) {
  const auto answers =
      run_briefly({{"/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo end >&2"}},
                  {{"PATH", "/usr/bin:/bin"}}, seconds(30));
  EXPECT_EQ(answers[0].ending, Ending::kExited);
  EXPECT_EQ(answers[0].out.size(), kMaxBriefOutput);
  EXPECT_EQ(answers[0].err, "end\n");
}

}  // namespace
}  // namespace personas::os
