#include "personas/base/bytes.hpp"

#include <gtest/gtest.h>

namespace personas {
namespace {

TEST(Bytes, HexRoundTripsAndRefusesOtherText) {
  const Bytes bytes{0x00, 0x7f, 0xff};
  EXPECT_EQ(to_hex(bytes), "007fff");
  EXPECT_EQ(from_hex("007FfF").value(), bytes);
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Bytes, Base64FollowsRfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(as_text(from_base64(encoded).value()), plain);
  }
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");
  EXPECT_EQ(from_base64("-_8").value(), (Bytes{0xfb, 0xff}));
}

TEST(Bytes, Base64RefusesWhatHasNoSingleMeaning) {
  EXPECT_FALSE(from_base64("Zg=a"));
  EXPECT_FALSE(from_base64("Z"));
  EXPECT_FALSE(from_base64("Zh"));  // left-over bits are not zero
  EXPECT_FALSE(from_base64("Z g="));
}

TEST(Utf8, RefusesOverlongSurrogatesAndTruncation) {
  EXPECT_TRUE(is_utf8("gr\xC3\xBC\xC3\x9F \xF0\x9F\x99\x82"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(is_utf8("\xE2\x82"));
  for (std::size_t at = 0; at < 40; ++at) {
    const std::string around(at, 'a');
    EXPECT_TRUE(is_utf8(around + "\xC3\xBC" + std::string(40 - at, 'b'))) << at;
    EXPECT_FALSE(is_utf8(around + "\xC3" + std::string(40 - at, 'b'))) << at;
    EXPECT_FALSE(is_utf8(around + "\xC3")) << at;
  }
  EXPECT_EQ(to_valid_utf8("a\xFF"
                          "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Utf8, PrefixNeverCutsACodePoint) {
  EXPECT_EQ(utf8_prefix("a\xE2\x82\xAC", 3), "a");
  EXPECT_EQ(utf8_prefix("a\xE2\x82\xAC", 4), "a\xE2\x82\xAC");
}

}  // namespace
}  // namespace personas
