#include "personas/vault/credential_value.hpp"

#include <gtest/gtest.h>

namespace personas::vault {
namespace {

Result<CredentialValue> read(std::string text) {
  return read_credential(Secret(std::move(text)));
}

Result<Credential> described(std::string text, const std::vector<std::string>& plain = {}) {
  TRY(const auto value, read(std::move(text)));
  Credential credential;
  credential.name = "My GitLab";
  TRY_VOID(describe_values(value, plain, credential));
  return credential;
}

TEST(CredentialValue, NamesItsVariables) {
  EXPECT_EQ(connector_variable("gitlab", {}), "CONNECTOR_GITLAB");
  EXPECT_EQ(connector_variable("My Git-Lab.2", "api key"), "CONNECTOR_MY_GIT_LAB_2_API_KEY");
  EXPECT_EQ(connector_variable("é", "x"), "CONNECTOR____X");
}

TEST(CredentialValue, IsFieldsWhenItIsAnObjectElseOneText) {
  const auto object = read(R"({"token":"glpat-12345678","port":8080,"tls":true})");
  ASSERT_TRUE(object);
  ASSERT_EQ(object->fields.size(), 3u);
  EXPECT_EQ(object->fields[1].value.reveal(), "8080");
  EXPECT_EQ(object->fields[2].value.reveal(), "true");
  for (const std::string text : {"plain text", "[1,2]", "12345678", "{\"broken\":"}) {
    const auto plain = read(text);
    ASSERT_TRUE(plain) << text;
    ASSERT_EQ(plain->fields.size(), 1u);
    EXPECT_EQ(plain->fields[0].value.reveal(), text);
  }
}

TEST(CredentialValue, RefusesWhatNoVariableCanHold) {
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("zero\0byte", 9), std::string(R"({"a":""})"),
        std::string(R"({"":"long enough"})"), std::string(R"({"a":{"b":"nested"}})"),
        std::string(R"({"a":null})"), std::string(R"({"a":"zero\u0000byte"})"),
        std::string("not UTF-8: \xff")}) {
    const auto refused = read(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_FALSE(refused.error().fields.empty()) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRequest);
    EXPECT_FALSE(refused.error().describe().contains("nested"));
  }
}

TEST(CredentialValue, SaysWhichFieldsAreNotMasked) {
  const auto credential =
      described(R"({"url":"https://git.example","user":"bob","token":"glpat-12345678"})", {"url"});
  ASSERT_TRUE(credential) << credential.error().describe();
  EXPECT_EQ(credential->fields, (std::vector<std::string>{"url", "user", "token"}));
  EXPECT_EQ(credential->unmasked_fields, (std::vector<std::string>{"url", "user"}));
  EXPECT_EQ(credential->value_bytes, 19 + 3 + 14);
}

TEST(CredentialValue, MustHoldAtLeastOneValueThatCanBeMasked) {
  EXPECT_TRUE(described("123456"));
  EXPECT_FALSE(described("12345"));
  EXPECT_FALSE(described(R"({"pin":"1234"})"));
  EXPECT_FALSE(described(R"({"token":"glpat-12345678"})", {"token"}));
  EXPECT_FALSE(described(R"({"token":"glpat-12345678"})", {"url"}));
  EXPECT_FALSE(described(std::string(kMaxCredentialBytes + 1, 'x')));
}

TEST(CredentialValue, RefusesTwoFieldsOfOneVariable) {
  EXPECT_FALSE(described(R"({"api-key":"12345678","api_key":"87654321"})"));
}

TEST(CredentialValue, ComesBackFromTheVaultAsItWas) {
  for (const std::string text :
       {R"(a "plain" text)", R"({"token":"glpat-\"12345678","b":"x\ny"})"}) {
    auto value = read(text);
    value->use = R"({"hosts":["git.example"]})";
    const auto again = unpack(pack(*value));
    ASSERT_TRUE(again);
    ASSERT_EQ(again->fields.size(), value->fields.size());
    for (std::size_t i = 0; i < again->fields.size(); ++i) {
      EXPECT_EQ(again->fields[i].name, value->fields[i].name);
      EXPECT_EQ(again->fields[i].value.reveal(), value->fields[i].value.reveal());
    }
    EXPECT_EQ(again->use, value->use);
  }
  EXPECT_EQ(unpack(Secret("token")).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace personas::vault
