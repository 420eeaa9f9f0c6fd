#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "personas/net/client.hpp"

namespace personas::net {
namespace {

using namespace std::string_view_literals;

TEST(Url, SplitsIntoItsParts) {
  const auto url = parse_url("HTTPS://Example.COM:8443/a?b=c#frag");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a?b=c");
}

TEST(Url, FillsInPortAndTarget) {
  EXPECT_EQ(parse_url("ws://h")->port, 80);
  EXPECT_EQ(parse_url("wss://h")->port, 443);
  EXPECT_EQ(parse_url("http://h")->target, "/");
  EXPECT_EQ(parse_url("http://h?x=1")->target, "/?x=1");
}

TEST(Url, TakesAnIpv6Literal) {
  const auto url = parse_url("http://[::1]:8080/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
}

TEST(Url, RefusesWhatIsNoUrl) {
  constexpr std::array kRefused = {""sv,
                                   "h:80"sv,
                                   "ftp://h/"sv,
                                   "http://"sv,
                                   "http://:80"sv,
                                   "http://h:0"sv,
                                   "http://h:99999"sv,
                                   "http://h:"sv,
                                   "http://h:8x"sv,
                                   "http://u@h/"sv,
                                   "http://u:p@h"sv,
                                   "http://h h/"sv,
                                   "http://h/\n"sv,
                                   "http://[::1"sv,
                                   "http://[h]/"sv,
                                   "http://[::1]x/"sv,
                                   "http://h\\x/"sv,
                                   "http://\xC3\xA9/"sv};
  for (const std::string_view text : kRefused) EXPECT_FALSE(parse_url(text).has_value()) << text;
}

}  // namespace
}  // namespace personas::net
