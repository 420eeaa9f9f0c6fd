#include "personas/crypto/hash.hpp"

#include <gtest/gtest.h>

namespace personas::crypto {
namespace {

Bytes hex(std::string_view text) {
  return *from_hex(text);
}

TEST(Hash, Sha256MatchesFips180) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, HmacMatchesRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Bytes(131, 0xaa),
                               as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, HkdfMatchesRfc5869) {
  const auto info = hex("f0f1f2f3f4f5f6f7f8f9");
  const auto first =
      hkdf_sha256(Bytes(22, 0x0b), hex("000102030405060708090a0b0c"), as_text(info), 42);
  EXPECT_EQ(to_hex(as_bytes(first.reveal())),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  const auto no_salt = hkdf_sha256(Bytes(22, 0x0b), {}, "", 42);
  EXPECT_EQ(to_hex(as_bytes(no_salt.reveal())),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hash, ComparesWholeValues) {
  EXPECT_TRUE(constant_time_equal(as_bytes("same"), as_bytes("same")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("some")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("same ")));
  EXPECT_TRUE(constant_time_equal({}, {}));
}

}  // namespace
}  // namespace personas::crypto
