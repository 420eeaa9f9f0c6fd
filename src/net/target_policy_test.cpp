#include "personas/net/target_policy.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace personas::net {
namespace {

using namespace std::string_literals;

// Spellings that must never become a request, whatever resolves.
const std::vector<std::string>& hostile_hosts() {
  static const std::vector<std::string> all{
      // Two readers, two hosts.
      "allowed.com\0.evil.com"s, "evil.com\0.allowed.com"s, "allowed.com@evil.com",
      "user:pass@evil.com", "evil.com\\allowed.com", "evil.com%2eallowed.com", "evil.com%00.com",
      "allowed.com\t", " allowed.com", "allowed.com\r\nHost:evil.com", "[allowed.com]",
      "[allowed.com", "allowed.com]", "allowed..com", ".allowed.com", "allowed.com.",
      "\xD0\xB0llowed.com",
      "allowed\xE3\x80\x82"
      "com",
      "-allowed.com", "allowed-.com", "under_score.com", "a,b.com", "a;b.com", "a b.com",
      "*.allowed.com", "allowed.com:80:80", std::string(64, 'a') + ".com",
      std::string(250, 'a') + ".com",
      // Loopback and relatives, in every dress.
      "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0x7f000001", "0x7f.0.0.1", "0X7F.1",
      "2130706433", "017700000001", "0177.0.0.1", "0177.1", "127.0.0.01", "127.0.0.1.", "0", "0.0",
      "0.0.0.0", "0x0", "1.2.3.4.5", "1.2.3.0x4", "foo.127", "foo.0x7f", "[::1]", "[::]",
      "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]",
      "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]",
      "[2002:808:808::]", "[2001:0:4136:e378::1]", "[2a00:1450::5efe:7f00:1]",
      "[2a00:1450::200:5efe:a00:1]", "[fe80::1]", "[fe80::1%25lo]", "[::1%lo]", "[fc00::1]",
      "[fd12:3456::1]", "[ff02::1]", "[fec0::1]", "[100::1]", "[2001:db8::1]", "[5f00::1]",
      "[1::2::3]", "[127.0.0.1]", "::1",
      // Networks of one's own, and what is no unicast.
      "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "169.254.169.254",
      "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
      "198.19.255.255", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
      "255.255.255.255", "168.63.129.16",
      // Names of the inside.
      "localhost", "LOCALHOST", "a.localhost", "printer.local", "metadata", "db.internal",
      "metadata.google.internal", "METADATA.google.internal", "router.home.arpa",
      "localhost.localdomain", ""};
  return all;
}

TEST(TargetPolicy, RefusesEveryHostileSpelling) {
  EXPECT_GE(hostile_hosts().size(), 100U);
  for (const std::string& host : hostile_hosts()) {
    for (const char* scheme : {"http://", "https://"}) {
      EXPECT_FALSE(vet_url(scheme + host + "/hook", PrivateTargets::kRefused)) << host;
    }
  }
}

TEST(TargetPolicy, TakesPlainNamesAndPublicAddresses) {
  for (const auto& [text, host] : std::initializer_list<std::pair<const char*, const char*>>{
           {"https://example.com/hook?x=1", "example.com"},
           {"https://ALLOWED.com", "allowed.com"},
           {"http://a.b-c.example.org:8080/", "a.b-c.example.org"},
           {"https://xn--bcher-kva.example.net/", "xn--bcher-kva.example.net"},
           {"https://8.8.8.8/", "8.8.8.8"},
           {"https://172.32.0.1/", "172.32.0.1"},
           {"https://[2a00:1450:4001:830::200e]/", "2a00:1450:4001:830::200e"},
           {"https://3com.com/", "3com.com"}}) {
    const auto url = vet_url(text, PrivateTargets::kRefused);
    ASSERT_TRUE(url) << text << " " << url.error().message;
    EXPECT_EQ(url->host, host);
  }
}

TEST(TargetPolicy, RefusesOtherSchemesPortsAndLongUrls) {
  for (const char* text :
       {"ftp://example.com/", "ws://example.com/", "file:///etc/passwd", "gopher://example.com/",
        "//example.com/", "example.com", "https:/example.com", "https://example.com:22/",
        "https://example.com:25/", "https://example.com:0/", "https://example.com:6379/",
        "https://example.com:65536/", "https://example.com:+443/", "https://example.com:/x#y",
        "https://example.com/#fragment", "https://example.com/a\\b", "https://example.com/a b"}) {
    EXPECT_FALSE(vet_url(text, PrivateTargets::kRefused)) << text;
  }
  EXPECT_FALSE(vet_url("https://example.com/" + std::string(4'000, 'a'), PrivateTargets::kRefused));
}

TEST(TargetPolicy, LetsPrivateTargetsThroughOnlyByName) {
  for (const char* text : {"http://127.0.0.1:8080/", "http://localhost:8080/", "http://[::1]:8080/",
                           "http://10.1.2.3/", "http://printer/", "http://[fd12::1]/"}) {
    EXPECT_FALSE(vet_url(text, PrivateTargets::kRefused)) << text;
    EXPECT_TRUE(vet_url(text, PrivateTargets::kAllowed)) << text;
  }
  for (const char* text :
       {"http://169.254.169.254/", "http://metadata.google.internal/", "http://[fd00:ec2::254]/",
        "http://100.100.100.200/", "http://0.0.0.0/", "http://224.0.0.1/", "http://127.1/",
        "http://[::ffff:7f00:1]/", "http://[fe80::1]/", "http://localhost:22/"}) {
    EXPECT_FALSE(vet_url(text, PrivateTargets::kAllowed)) << text;
  }
}

TEST(TargetPolicy, KnowsTheEdgesOfItsRanges) {
  for (const auto& [text, is] : std::initializer_list<std::pair<const char*, AddressClass>>{
           {"9.255.255.255", AddressClass::kPublic}, {"10.0.0.0", AddressClass::kPrivate},
           {"11.0.0.0", AddressClass::kPublic},      {"100.63.255.255", AddressClass::kPublic},
           {"100.128.0.0", AddressClass::kPublic},   {"126.255.255.255", AddressClass::kPublic},
           {"128.0.0.0", AddressClass::kPublic},     {"169.253.255.255", AddressClass::kPublic},
           {"169.255.0.0", AddressClass::kPublic},   {"172.15.255.255", AddressClass::kPublic},
           {"172.32.0.0", AddressClass::kPublic},    {"192.167.255.255", AddressClass::kPublic},
           {"192.169.0.0", AddressClass::kPublic},   {"198.17.255.255", AddressClass::kPublic},
           {"198.20.0.0", AddressClass::kPublic},    {"223.255.255.255", AddressClass::kPublic},
           {"1fff::1", AddressClass::kNever},        {"2600::1", AddressClass::kPublic},
           {"2001:200::1", AddressClass::kPublic},   {"2001:1ff::1", AddressClass::kNever},
           {"2003::1", AddressClass::kPublic},       {"4000::1", AddressClass::kNever},
           {"fbff::1", AddressClass::kNever},        {"fdff::1", AddressClass::kPrivate},
           {"fe00::1", AddressClass::kNever}}) {
    EXPECT_EQ(classify(*parse_ip(text)), is) << text;
  }
}

TEST(TargetPolicy, OnePrivateAnswerRefusesThemAll) {
  const std::array mixed{*parse_ip("8.8.8.8"), *parse_ip("127.0.0.1")};
  EXPECT_FALSE(vet_answers(mixed, PrivateTargets::kRefused));
  EXPECT_TRUE(vet_answers(mixed, PrivateTargets::kAllowed));
  EXPECT_TRUE(vet_answers(std::span(mixed).first(1), PrivateTargets::kRefused));
  EXPECT_FALSE(vet_answers({}, PrivateTargets::kAllowed));
}

}  // namespace
}  // namespace personas::net
