#include "channel.hpp"

#include <gtest/gtest.h>

namespace personas::sandbox_linux {
namespace {

Plan example() {
  Plan plan;
  plan.program = "/bin/sh";
  plan.argv = {"sh", "-c", ""};
  plan.environment = {"A=1", "B="};
  plan.working_directory = "/w";
  plan.bubblewrap_arguments = std::string("--a\0--b\0", 8);
  plan.lease_until = 77;
  plan.max_data_bytes = -1;
  return plan;
}

TEST(Channel, APlanComesOutAsItWentIn) {
  auto plan = decode(encode(example()));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->argv, example().argv);
  EXPECT_EQ(plan->environment, example().environment);
  EXPECT_EQ(plan->bubblewrap_arguments, example().bubblewrap_arguments);
  EXPECT_EQ(plan->lease_until, 77);
  EXPECT_EQ(plan->max_data_bytes, -1);
}

TEST(Channel, EveryTruncatedPlanIsRefused) {
  const std::string text = encode(example());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(decode(std::string_view(text).substr(0, size))) << size;
  }
  EXPECT_FALSE(decode(text + "x"));
}

}  // namespace
}  // namespace personas::sandbox_linux
