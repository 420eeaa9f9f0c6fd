#include "personas/crypto/aead.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace personas::crypto {
namespace {

Bytes hex(std::string_view text) {
  return *from_hex(text);
}
Secret key_of(std::string_view text) {
  return Secret(std::string(as_text(hex(text))));
}
Nonce nonce_of(std::string_view text) {
  Nonce nonce{};
  std::ranges::copy(hex(text), nonce.begin());
  return nonce;
}

// Test case 16 of the GCM specification (McGrew and Viega), the one with associated data.
constexpr std::string_view kKey =
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr std::string_view kNonce = "cafebabefacedbaddecaf888";
constexpr std::string_view kPlain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b5"
    "25b16aedf5aa0de657ba637b39";
constexpr std::string_view kAssociated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr std::string_view kSealed =
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10568288"
    "38"
    "c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b";

TEST(Aead, SealsLikeTheSpecification) {
  EXPECT_EQ(to_hex(seal(key_of(kKey), nonce_of(kNonce), hex(kPlain), hex(kAssociated))), kSealed);
  EXPECT_EQ(to_hex(seal(key_of(std::string(64, '0')), Nonce{}, {}, {})),
            "530f8afbc74536b9a963b4f1c4cb738b");
}

TEST(Aead, OpensWhatItSealed) {
  const auto opened = open(key_of(kKey), nonce_of(kNonce), hex(kSealed), hex(kAssociated));
  ASSERT_TRUE(opened);
  EXPECT_EQ(to_hex(as_bytes(opened->reveal())), kPlain);
}

TEST(Aead, RefusesAnyChangedByte) {
  const auto sealed = hex(kSealed);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] ^= 1;
    EXPECT_FALSE(open(key_of(kKey), nonce_of(kNonce), changed, hex(kAssociated))) << i;
  }
  EXPECT_FALSE(open(key_of(kKey), nonce_of(kNonce), sealed, {}));
  EXPECT_FALSE(open(key_of(kKey), Nonce{}, sealed, hex(kAssociated)));
  EXPECT_FALSE(open(key_of(std::string(64, '1')), nonce_of(kNonce), sealed, hex(kAssociated)));
  EXPECT_FALSE(open(key_of(kKey), nonce_of(kNonce), ByteView(sealed).first(15), hex(kAssociated)));
}

TEST(Aead, DrawsANewNonceEachTime) {
  SeededRandom random(7);
  EXPECT_NE(make_nonce(random), make_nonce(random));
}

}  // namespace
}  // namespace personas::crypto
