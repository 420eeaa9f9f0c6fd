#include "trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace personas::http_api {
namespace {

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Trace, ContinuesAValidTraceWithANewSpan) {
  SeededRandom random(1);
  const auto child = child_trace(kParent, random);
  EXPECT_EQ(child.substr(0, 36), kParent.substr(0, 36));
  EXPECT_NE(child, kParent);
  EXPECT_EQ(child.size(), kParent.size());
  EXPECT_TRUE(child.ends_with("-01"));
  EXPECT_NE(child_trace(kParent, random), child);
}

TEST(Trace, BeginsANewOneOtherwise) {
  SeededRandom random(1);
  for (const std::string& wrong :
       {std::string(), std::string("x"), std::string(kParent) + "-x",
        "ff" + std::string(kParent.substr(2)),
        "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + std::string(16, '0') + "-01",
        std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")}) {
    const auto fresh = child_trace(wrong, random);
    EXPECT_THAT(fresh, testing::MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-00")) << wrong;
    EXPECT_EQ(fresh.find("4bf92f3577b34da6"), std::string::npos) << wrong;
  }
}

TEST(RequestId, IsTheClientsIfItIsOne) {
  SeededRandom random(1);
  EXPECT_EQ(request_id_of("abc-1.2:3", {1}, random), "abc-1.2:3");
  for (const std::string& wrong :
       {std::string(), std::string("a b"), std::string(65, 'a'), std::string("a\r\nb")}) {
    EXPECT_TRUE(request_id_of(wrong, {1}, random).starts_with("req_"));
  }
}

}  // namespace
}  // namespace personas::http_api
