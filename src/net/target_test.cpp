#include "personas/net/target.hpp"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

namespace personas::net {
namespace {

using namespace std::string_view_literals;

TEST(Target, DecodesPathAndQueryOnce) {
  const auto target = parse_target("/api/p%C3%A9/50%25?a=1&b=x+y%2Bz&c&&=v&a=2");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/api/p\xC3\xA9/50%");
  const std::vector<std::pair<std::string, std::string>> query = {
      {"a", "1"}, {"b", "x y+z"}, {"c", ""}, {"", "v"}, {"a", "2"}};
  EXPECT_EQ(target->query, query);
}

TEST(Target, DecodesADoubleEscapeOnlyOnce) {
  const auto target = parse_target("/%252e%252e/x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/%2e%2e/x");
}

TEST(Target, KeepsATrailingSlashAndTheRoot) {
  EXPECT_EQ(parse_target("/")->path, "/");
  EXPECT_EQ(parse_target("/api/")->path, "/api/");
  EXPECT_EQ(parse_target("/a.b/..c/...")->path, "/a.b/..c/...");
}

TEST(Target, RefusesEverythingAmbiguous) {
  constexpr std::array kRefused = {
      ""sv,          "*"sv,          "api"sv,       "http://h/x"sv, "//"sv,        "/a//b"sv,
      "//a"sv,       "/a//"sv,       "/."sv,        "/.."sv,        "/a/../b"sv,   "/a/."sv,
      "/%2e%2e/x"sv, "/.%2E/x"sv,    "/%2E"sv,      "/a%00b"sv,     "/a%2fb"sv,    "/a%2Fb"sv,
      "/a%5cb"sv,    "/a%5Cb"sv,     "/a\\b"sv,     "/a;x=1"sv,     "/a%3bx"sv,    "/%C0%AF"sv,
      "/%ff"sv,      "/%ED%A0%80"sv, "/a%0d%0ab"sv, "/a%7f"sv,      "/%"sv,        "/%4"sv,
      "/%zz"sv,      "/%+1"sv,       "/a b"sv,      "/a\tb"sv,      "/\xC3\xA9"sv, "/a#b"sv,
      "/a?x=%"sv,    "/a?x=%00"sv,   "/a?x=%ff"sv,  "/a?x=%f"sv,    "/a\0b"sv,     "/a?x=%0g"sv};
  for (const std::string_view raw : kRefused) {
    const auto target = parse_target(raw);
    EXPECT_FALSE(target.has_value()) << raw;
    if (!target) {
      EXPECT_EQ(target.error().code, ErrorCode::kInvalidRequest) << raw;
    }
  }
}

TEST(Target, BoundsTheNumberOfParameters) {
  std::string raw = "/?";
  for (std::size_t i = 0; i < kMaxQueryParameters; ++i) raw += "a&";
  EXPECT_TRUE(parse_target(raw));
  EXPECT_FALSE(parse_target(raw + "a"));
}

TEST(PercentEncode, IsTheInverseOfDecoding) {
  const std::string text = "a/b c+d%&=\xC3\xA9~";
  const auto target = parse_target("/?q=" + percent_encode(text));
  ASSERT_TRUE(target);
  EXPECT_EQ(target->query.at(0).second, text);
}

}  // namespace
}  // namespace personas::net
