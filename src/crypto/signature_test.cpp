#include "personas/crypto/signature.hpp"

#include <gtest/gtest.h>

namespace personas::crypto {
namespace {

Secret seed_of(std::string_view hex) {
  return Secret(std::string(as_text(*from_hex(hex))));
}

// RFC 8032, section 7.1, test 3.
TEST(Signature, MatchesRfc8032) {
  const auto seed = seed_of("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  const auto message = *from_hex("af82");
  EXPECT_EQ(to_hex(verifying_key(seed)),
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
  const auto signature = sign_ed25519(seed, message);
  EXPECT_EQ(to_hex(signature),
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
  EXPECT_TRUE(verify_ed25519(verifying_key(seed), message, signature));
}

TEST(Signature, RefusesWhateverDiffers) {
  const Secret seed(std::string(kSigningSeedBytes, 's'));
  const auto key = verifying_key(seed);
  const auto message = as_bytes("what was signed");
  const auto signature = sign_ed25519(seed, message);
  EXPECT_FALSE(verify_ed25519(key, as_bytes("what was singed"), signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    auto changed = signature;
    changed[i] ^= 1;
    EXPECT_FALSE(verify_ed25519(key, message, changed)) << i;
  }
  const Secret other(std::string(kSigningSeedBytes, 't'));
  EXPECT_FALSE(verify_ed25519(verifying_key(other), message, signature));
  EXPECT_FALSE(verify_ed25519(ByteView(key).first(31), message, signature));
  EXPECT_FALSE(verify_ed25519(key, message, ByteView(signature).first(63)));
  EXPECT_FALSE(verify_ed25519({}, message, {}));
  // The neutral element as key would accept one signature for any message.
  Bytes neutral(kVerifyingKeyBytes);
  neutral[0] = 1;
  Bytes empty_signature(kSignatureBytes);
  empty_signature[0] = 1;
  EXPECT_FALSE(verify_ed25519(neutral, message, empty_signature));
}

}  // namespace
}  // namespace personas::crypto
