#include "personas/identity/authenticator.hpp"

#include <gtest/gtest.h>

namespace personas::identity {
namespace {

Authenticator make() {
  return *Authenticator::make(Secret("dac_0123456789"), Secret("worker-token"));
}

TEST(Authenticator, KnowsTheTeamKeyAsTheOwner) {
  const auto principal = make().authenticate("dac_0123456789");
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->tenant, default_tenant());
  EXPECT_EQ(principal->role, Role::kOwner);
  for (const auto scope : {Scope::kRead, Scope::kRun, Scope::kWrite, Scope::kAdmin}) {
    EXPECT_TRUE(principal->scopes.has(scope));
  }
}

TEST(Authenticator, RefusesEverythingElse) {
  using namespace std::string_literals;
  for (const auto& key :
       {""s, "dac_012345678"s, "dac_0123456780"s, "DAC_0123456789"s, "dac_0123456789\0"s,
        " dac_0123456789"s, "worker-token"s, std::string(1'000'000, 'a')}) {
    const auto refused = make().authenticate(key);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnauthorized);
  }
}

TEST(Authenticator, FurtherKeysHaveTheirOwnRights) {
  auto authenticator = make();
  authenticator.add_key(Secret("viewer-key"),
                        {TenantId("ten_b"), Role::kViewer, {Scope::kRead}, "viewer"});
  const auto viewer = authenticator.authenticate("viewer-key");
  ASSERT_TRUE(viewer);
  EXPECT_EQ(viewer->tenant.str(), "ten_b");
  EXPECT_TRUE(viewer->scopes.has(Scope::kRead));
  EXPECT_FALSE(viewer->scopes.has(Scope::kWrite));
}

TEST(Authenticator, ChecksTheWorkersToken) {
  EXPECT_EQ(make().check_worker("worker-token"), WorkerCheck::kRight);
  EXPECT_EQ(make().check_worker("worker-tokeN"), WorkerCheck::kWrong);
  EXPECT_EQ(make().check_worker("dac_0123456789"), WorkerCheck::kWrong);
  EXPECT_EQ(make().check_worker(""), WorkerCheck::kWrong);
}

TEST(Authenticator, RefusesSettingsThatProtectNothing) {
  EXPECT_FALSE(Authenticator::make(Secret(""), Secret("b")));
  EXPECT_FALSE(Authenticator::make(Secret("a"), Secret("")));
  EXPECT_FALSE(Authenticator::make(Secret("same"), Secret("same")));
}

}  // namespace
}  // namespace personas::identity
