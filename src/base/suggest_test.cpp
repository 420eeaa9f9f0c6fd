#include "personas/base/suggest.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace personas {
namespace {

constexpr std::array<std::string_view, 3> kKnown{"http-port", "ws-port", "log-level"};

TEST(Suggest, FindsTheNearestWordForATypingMistake) {
  EXPECT_EQ(closest("htpp-port", kKnown), "http-port");
  EXPECT_EQ(closest("loglevel", kKnown), "log-level");
  EXPECT_EQ(closest("ws-prot", kKnown), "ws-port");
}

TEST(Suggest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(closest("colour", kKnown), "");
  EXPECT_EQ(closest("", kKnown), "");
  EXPECT_EQ(closest(std::string(1000, 'x'), kKnown), "");
}

}  // namespace
}  // namespace personas
