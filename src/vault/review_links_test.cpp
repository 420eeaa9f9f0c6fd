#include "personas/vault/review_links.hpp"

#include <gtest/gtest.h>

namespace personas::vault {
namespace {

const TenantId kTenant("ten_1");
const ReviewId kReview("rev_01hzzzzzzzzzzzzzzzzzzzzzzz");
constexpr Timestamp kExpires{1'800'000'000'000'000};

ReviewLinks links(char digit = '1', std::string url = "https://p.example/") {
  return {*MasterKey::parse(std::string(64, digit)), std::move(url)};
}

TEST(ReviewLinks, MakeOneLinkPerReviewThatFitsAnId) {
  const auto link = links().link(kTenant, kReview, kExpires);
  ASSERT_TRUE(link);
  EXPECT_TRUE(link->starts_with("https://p.example/r/rev_"));
  EXPECT_EQ(link, links().link(kTenant, kReview, kExpires));
  EXPECT_TRUE(is_valid_id(links().token(kTenant, kReview, kExpires)));
  EXPECT_FALSE(links('1', "").link(kTenant, kReview, kExpires));
}

TEST(ReviewLinks, ProveOneReviewOfOneTenantAndOneExpiryAlone) {
  const auto token = links().token(kTenant, kReview, kExpires);
  EXPECT_EQ(ReviewLinks::review_of(token), kReview);
  EXPECT_TRUE(links().proves(token, kTenant, kReview, kExpires));
  EXPECT_FALSE(links('2').proves(token, kTenant, kReview, kExpires));
  EXPECT_FALSE(links().proves(token, TenantId("ten_2"), kReview, kExpires));
  EXPECT_FALSE(links().proves(token, kTenant, ReviewId("rev_other"), kExpires));
  EXPECT_FALSE(links().proves(token, kTenant, kReview, kExpires + milliseconds(1)));
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(links().proves(changed, kTenant, kReview, kExpires)) << i;
  }
  EXPECT_FALSE(links().proves(token.substr(0, token.size() - 1), kTenant, kReview, kExpires));
}

TEST(ReviewLinks, SayNothingOfWhatIsNoToken) {
  for (const char* text : {"", ".", "a.", ".a", "rev_1"}) {
    EXPECT_FALSE(ReviewLinks::review_of(text)) << text;
  }
}

TEST(ReviewLinks, AreTakenOutOfATextForWhoMayOnlyRead) {
  const auto link = *links().link(kTenant, kReview, kExpires);
  const auto shown = links().without_tokens("{\"a\":\"" + link + "\",\"b\":\"<" + link + "|x>\"}");
  EXPECT_EQ(shown, R"({"a":"https://p.example/r/…","b":"<https://p.example/r/…|x>"})");
}

}  // namespace
}  // namespace personas::vault
