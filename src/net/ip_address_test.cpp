#include "personas/net/ip_address.hpp"

#include <gtest/gtest.h>

namespace personas::net {
namespace {

TEST(IpAddress, ReadsTheCanonicalSpellings) {
  for (const auto& [text, written] : std::initializer_list<std::pair<const char*, const char*>>{
           {"0.0.0.0", "0.0.0.0"},
           {"255.255.255.255", "255.255.255.255"},
           {"192.168.1.20", "192.168.1.20"},
           {"::", "0:0:0:0:0:0:0:0"},
           {"::1", "0:0:0:0:0:0:0:1"},
           {"1::", "1:0:0:0:0:0:0:0"},
           {"2001:db8::ff00:42:8329", "2001:db8:0:0:0:ff00:42:8329"},
           {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
           {"::ffff:127.0.0.1", "0:0:0:0:0:ffff:7f00:1"},
           {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"}}) {
    const auto address = parse_ip(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), written);
  }
}

TEST(IpAddress, RefusesWhatOnlySomeReadersTakeForAnAddress) {
  for (const char* text : {"",
                           "1",
                           "127.1",
                           "1.2.3",
                           "1.2.3.4.",
                           ".1.2.3.4",
                           "1.2.3.4.5",
                           "01.2.3.4",
                           "1.2.3.004",
                           "256.1.1.1",
                           "1.2.3.-4",
                           "1.2.3.+4",
                           "1.2.3. 4",
                           "0x7f.0.0.1",
                           "0x7f000001",
                           "2130706433",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           "12345::",
                           "g::1",
                           "::1%lo",
                           "1:2:3:4:5:6:7:",
                           ":1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8::",
                           "::1.2.3",
                           "1.2.3.4::",
                           "::1.2.3.4:5",
                           "::+1",
                           "[::1]"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
}

}  // namespace
}  // namespace personas::net
