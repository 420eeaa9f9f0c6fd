#include "personas/vault/provider_tokens.hpp"

#include "test_vault.hpp"

namespace personas::vault {
namespace {

constexpr Timestamp kNow{1'800'000'000'000'000};
using Known = TokenExpiry::Known;

class ProviderTokens : public VaultTest {
 protected:
  std::optional<TokenExpiry> expiry(std::string_view provider) {
    return *write([&](store::Transaction& tx) {
      return provider_token_expiry(tx, default_tenant(), provider);
    });
  }
  void store_token(std::string_view provider, const TokenExpiry& expiry) {
    ASSERT_TRUE(write([&](store::Transaction& tx) {
      return put_provider_token(tx, vault_, default_tenant(), provider, Secret("a-token"), expiry,
                                kNow);
    }));
  }
};

TEST_F(ProviderTokens, AreKeptWithTheirEndOnePerProvider) {
  EXPECT_FALSE(expiry("claude"));
  store_token("claude", {kNow + hours(1), Known::kAssumed});
  store_token("codex", {});
  EXPECT_EQ(expiry("claude")->at, kNow + hours(1));
  EXPECT_EQ(expiry("claude")->known, Known::kAssumed);
  EXPECT_FALSE(expiry("codex")->at);
  store_token("claude", {kNow, Known::kSaid});
  EXPECT_EQ(expiry("claude")->known, Known::kSaid);
  EXPECT_TRUE(*write([&](store::Transaction& tx) {
    return remove_provider_token(tx, vault_, default_tenant(), "claude");
  }));
  EXPECT_FALSE(expiry("claude"));
  EXPECT_FALSE(*write([&](store::Transaction& tx) {
    return remove_provider_token(tx, vault_, default_tenant(), "claude");
  }));
}

TEST_F(ProviderTokens, OfBeforeTimesWereKeptHaveNoEnd) {
  ASSERT_TRUE(put(vault_, default_tenant(), "token"));
  ASSERT_TRUE(expiry("claude"));
  EXPECT_FALSE(expiry("claude")->at);
}

TEST(TokenExpiry, IsAssumedForSetupTokensOnly) {
  EXPECT_EQ(assumed_expiry("claude", "sk-ant-oat01-x", kNow).at, kNow + kAssumedTokenLife);
  EXPECT_EQ(assumed_expiry("claude", "sk-ant-oat01-x", kNow).known, Known::kAssumed);
  EXPECT_FALSE(assumed_expiry("claude", "sk-ant-api03-x", kNow).at);
  EXPECT_FALSE(assumed_expiry("codex", "sk-ant-oat01-x", kNow).at);
}

TEST(TokenExpiry, StopsARunOnlyWhenItIsKnown) {
  const auto refused = require_unexpired("claude", {kNow, Known::kSaid}, kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
  EXPECT_TRUE(refused.error().message.contains("personas connect claude"));
  EXPECT_TRUE(require_unexpired("claude", {kNow + seconds(1), Known::kSaid}, kNow));
  EXPECT_TRUE(require_unexpired("claude", {kNow, Known::kAssumed}, kNow));
  EXPECT_TRUE(require_unexpired("claude", {}, kNow));
}

TEST(TokenExpiry, IsSpokenOfWhenItIsNear) {
  EXPECT_EQ(expiry_warning("claude", {}, kNow), "");
  EXPECT_EQ(expiry_warning("claude", {kNow + kTokenEndsSoon + hours(1), Known::kSaid}, kNow), "");
  EXPECT_EQ(
      expiry_warning("claude", {kNow + hours(49), Known::kAssumed}, kNow),
      "the claude token ends on 2027-01-17 (assumed: such tokens live a year), in 2 days; get "
      "a new one with: personas connect claude");
  EXPECT_EQ(expiry_warning("codex", {kNow, Known::kSaid}, kNow),
            "the codex token ended on 2027-01-15; get a new one with: personas connect codex");
}

}  // namespace
}  // namespace personas::vault
