#include "personas/crypto/sealed_box.hpp"

#include <gtest/gtest.h>

namespace personas::crypto {
namespace {

// 32 bytes, each one more than the one before.
std::string rising(std::uint8_t first) {
  std::string text;
  for (unsigned i = 0; i < 32; ++i) text += static_cast<char>(first + i);
  return text;
}

class FixedRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) override {
    const std::string text = rising(0x20);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(text.at(i));
    }
  }
};

constexpr std::string_view kPublicKey =
    "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f";
constexpr std::string_view kMessage = R"({"k":"ANTHROPIC_API_KEY","v":"sk-test"})";
constexpr std::string_view kBox =
    "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254dc6f835aaa9969bb39d428b8fbc5"
    "e0a2fe7dbbbceaf86d2081029b3f9248775c7fc9dd610d9309ab806cdb085c20fff81ecdf54ee932e6";

TEST(SealedBox, OpensWhatLibsodiumClosed) {
  const Secret key(rising(0));
  EXPECT_EQ(to_hex(box_public_key(key)), kPublicKey);
  const auto opened = open_box(key, *from_hex(kBox));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->reveal(), kMessage);
}

TEST(SealedBox, ClosesAsLibsodiumDoes) {
  FixedRandom random;
  EXPECT_EQ(to_hex(*seal_box(*from_hex(kPublicKey), as_bytes(kMessage), random)), kBox);
}

TEST(SealedBox, RefusesWhatWasChangedCutOrMadeForAnother) {
  const Bytes good = *from_hex(kBox);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes changed = good;
    changed[i] ^= 1;
    EXPECT_FALSE(open_box(Secret(rising(0)), changed)) << i;
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{47}, std::size_t{48}, good.size() - 1}) {
    EXPECT_FALSE(open_box(Secret(rising(0)), ByteView(good).first(size))) << size;
  }
  EXPECT_FALSE(open_box(Secret(rising(1)), good));
}

TEST(SealedBox, RefusesKeysThatAreNone) {
  SeededRandom random(1);
  EXPECT_FALSE(seal_box(Bytes(31, 1), as_bytes("x"), random));
  EXPECT_FALSE(seal_box(Bytes(32, 0), as_bytes("x"), random));
}

}  // namespace
}  // namespace personas::crypto
