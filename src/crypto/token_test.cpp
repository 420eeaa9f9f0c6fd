#include "personas/crypto/token.hpp"

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::crypto {
namespace {

constexpr std::string_view kPat = "orc_pat_0123456789abcdefghijABCDEFGHIJ0OaKT2";
constexpr std::string_view kWrk = "orc_wrk_0123456789abcdefghijABCDEFGHIJ0qQJKX";

TEST(Token, CrcIsThatOfZlib) {
  EXPECT_EQ(crc32("123456789"), 0xcbf43926U);
  EXPECT_EQ(crc32(kPat.substr(0, kPat.size() - 6)), 363290552U);
  EXPECT_EQ(crc32(kWrk.substr(0, kWrk.size() - 6)), 774640309U);
}

TEST(Token, RecognisesTheReferenceTokens) {
  EXPECT_EQ(token_kind(kPat), TokenKind::kPersonal);
  EXPECT_EQ(token_kind(kWrk), TokenKind::kWorker);
  EXPECT_EQ(to_hex(sha256(as_bytes(kPat))),
            "4c2957131abad18f7c089c5fbb8715d9a1faf43ab10acd7e17b2824423f088a1");
}

TEST(Token, MadeOnesAreRecognisedAndDiffer) {
  SeededRandom random(1);
  for (const auto kind :
       {TokenKind::kPersonal, TokenKind::kWorker, TokenKind::kRun, TokenKind::kService}) {
    const auto a = make_token(kind, random);
    const auto b = make_token(kind, random);
    EXPECT_EQ(token_kind(a.reveal()), kind);
    EXPECT_FALSE(a.equals(b.reveal()));
  }
}

TEST(Token, RefusesEveryTypingMistakeOfOneCharacter) {
  for (std::size_t i = 0; i < kPat.size(); ++i) {
    for (const char c : {'0', 'A', 'z', '_', '\0', ' '}) {
      std::string changed(kPat);
      if (changed[i] == c) continue;
      changed[i] = c;
      EXPECT_FALSE(token_kind(changed)) << changed;
    }
  }
}

TEST(Token, RefusesOtherKindsCasesAndLengths) {
  EXPECT_FALSE(token_kind("orc_wrk_" + std::string(kPat.substr(8))));
  EXPECT_FALSE(token_kind("orc_pat_0123456789abcdefghijabcdefghij0oakt2"));
  EXPECT_FALSE(token_kind(std::string(kPat) + '\0'));
  EXPECT_FALSE(token_kind(kPat.substr(1)));
  EXPECT_FALSE(token_kind(""));
  EXPECT_FALSE(token_kind(std::string(1'000'000, 'a')));
}

}  // namespace
}  // namespace personas::crypto
