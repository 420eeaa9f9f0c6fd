#include "personas/catalog/health_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/catalog/library.hpp"

namespace personas::catalog {
namespace {

using testing::HasSubstr;

std::string variable_of(std::string_view credential, std::string_view field) {
  return "V_" + std::string(credential) + "_" + std::string(field);
}

Credential credential_with(std::vector<std::string> fields) {
  Credential credential;
  credential.name = "mine";
  credential.fields = std::move(fields);
  return credential;
}

TEST(HealthCheckScript, NamesVariablesAndKeepsThemOutOfArguments) {
  const auto script = check_script(*library().find_connector("gitlab"),
                                   credential_with({"token", "base_url"}), &variable_of);
  ASSERT_TRUE(script) << script.error().describe();
  EXPECT_THAT(*script, HasSubstr("printf '%s: %s\\n' 'PRIVATE-TOKEN' \"${V_mine_token}\" >> head"));
  EXPECT_THAT(*script, HasSubstr("-- \"${V_mine_base_url}\"'/api/v4/user'"));
  const auto curl = script->substr(script->find("curl "));
  EXPECT_EQ(curl.find("V_mine_token"), std::string::npos);
}

TEST(HealthCheckScript, TakesTheUsualAddressWhenNoneIsGiven) {
  const auto script =
      check_script(*library().find_connector("gmail"),
                   credential_with({"client_id", "client_secret", "refresh_token"}), &variable_of);
  ASSERT_TRUE(script) << script.error().describe();
  EXPECT_THAT(*script, HasSubstr("-- 'https://oauth2.googleapis.com/token'"));
  EXPECT_THAT(*script, HasSubstr("--data-urlencode 'refresh_token'@form"));
}

TEST(HealthCheckScript, NamesEveryFieldThatIsMissing) {
  const auto script = check_script(*library().find_connector("gmail"),
                                   credential_with({"client_id"}), &variable_of);
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error().code, ErrorCode::kUnprocessable);
  ASSERT_EQ(script.error().fields.size(), 2U);
  EXPECT_EQ(script.error().fields.front().path, "/fields/client_secret");
}

TEST(HealthCheckScript, NoAddressHoldsASecret) {
  for (const auto& connector : library().connectors) {
    for (const auto& field : connector.fields) {
      if (!field.secret) continue;
      EXPECT_EQ(connector.check->url.find("{" + field.name + "}"), std::string::npos)
          << connector.type;
    }
  }
}

}  // namespace
}  // namespace personas::catalog
