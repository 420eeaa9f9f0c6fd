#include "personas/catalog/library.hpp"

#include <algorithm>
#include <regex>

#include <gtest/gtest.h>

#include "personas/catalog/documents.hpp"
#include "personas/codec/json.hpp"

namespace personas::catalog {
namespace {

class LibraryTest : public testing::Test {
 protected:
  void SetUp() override {
    auto read = read_library();
    ASSERT_TRUE(read) << read.error().describe();
    all_ = std::move(*read);
  }
  Document persona_of(const Template& one) {
    const auto json = codec::parse_json(one.persona.text);
    EXPECT_TRUE(json) << one.id;
    auto document = read_document(*json);
    EXPECT_TRUE(document) << one.id << document.error().describe();
    return document.value_or(Document{});
  }
  Library all_;
};

TEST_F(LibraryTest, EveryTemplateMakesAWholePersona) {
  EXPECT_EQ(all_.templates.size(), 8U);
  for (const auto& one : all_.templates) {
    SCOPED_TRACE(one.id);
    auto document = persona_of(one);
    const auto persona = codec::from_json<Persona>(document.fields);
    ASSERT_TRUE(persona) << persona.error().describe();
    EXPECT_FALSE(persona->description.empty());
    ASSERT_TRUE(persona->structured_prompt);
    const auto prompt = codec::parse_json(persona->structured_prompt->text);
    ASSERT_TRUE(prompt);
    for (const auto* section : {"identity", "instructions", "errorHandling"}) {
      EXPECT_TRUE(prompt->as_object().contains(section)) << section;
    }
    EXPECT_TRUE(persona->permission_policy);
    EXPECT_TRUE(persona->max_turns);
    EXPECT_TRUE(persona->max_budget_usd);
    EXPECT_TRUE(one.trigger);
    EXPECT_GE(one.scenarios.size(), 2U);
    for (const auto& scenario : one.scenarios) EXPECT_FALSE(scenario.expect.empty());
  }
}

TEST_F(LibraryTest, EveryToolHasItsConnectorAndUsesItsVariables) {
  for (const auto& tool : all_.tools) {
    SCOPED_TRACE(tool.name);
    ASSERT_TRUE(tool.requires_credential_type);
    const auto* connector = all_.find_connector(*tool.requires_credential_type);
    ASSERT_NE(connector, nullptr);
    for (const auto& field : connector->fields) {
      std::string variable = "CONNECTOR_" + connector->type + "_" + field.name;
      std::ranges::transform(variable, variable.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
      EXPECT_NE(tool.implementation_guide.find(variable), std::string::npos) << variable;
    }
    EXPECT_NE(tool.implementation_guide.find("Never print"), std::string::npos);
  }
}

TEST_F(LibraryTest, NoGuidePutsASecretIntoACommandLine) {
  for (const auto& tool : all_.tools) {
    const auto* connector = all_.find_connector(*tool.requires_credential_type);
    for (const auto& field : connector->fields) {
      if (!field.secret) continue;
      std::string variable = "$CONNECTOR_" + connector->type + "_" + field.name;
      std::ranges::transform(variable, variable.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
      // Only printf, which is part of the shell, is given the value.
      for (auto at = tool.implementation_guide.find(variable); at != std::string::npos;
           at = tool.implementation_guide.find(variable, at + 1)) {
        const auto command = tool.implementation_guide.rfind("printf", at);
        ASSERT_NE(command, std::string::npos) << tool.name;
        EXPECT_EQ(tool.implementation_guide.substr(command, at - command).find('|'),
                  std::string::npos)
            << tool.name << " " << variable;
      }
    }
  }
}

TEST_F(LibraryTest, EveryConnectorCanBeFilledInAndChecked) {
  EXPECT_EQ(all_.connectors.size(), 5U);
  for (const auto& connector : all_.connectors) {
    SCOPED_TRACE(connector.type);
    EXPECT_TRUE(std::ranges::any_of(connector.fields, &ConnectorField::secret));
    for (const auto& field : connector.fields) {
      EXPECT_FALSE(field.where.empty()) << field.name;
      EXPECT_TRUE(field.required || field.fallback) << field.name;
      if (!field.pattern) continue;
      const std::regex pattern(*field.pattern, std::regex::ECMAScript);
      if (field.fallback) EXPECT_TRUE(std::regex_match(*field.fallback, pattern)) << field.name;
    }
    ASSERT_TRUE(connector.check);
    EXPECT_FALSE(connector.check->expect_status.empty());
    // Placeholders name fields, so that nothing is sent with a brace in it.
    std::string text = connector.check->url;
    for (const auto& [name, value] : connector.check->headers) text += value;
    for (const auto& [name, value] : connector.check->form) text += value;
    const std::regex placeholder(R"(\{(\w+)\})");
    for (std::sregex_iterator it(text.begin(), text.end(), placeholder), end; it != end; ++it) {
      const auto field = std::ranges::find(connector.fields, it->str(1), &ConnectorField::name);
      EXPECT_NE(field, connector.fields.end()) << it->str(1);
    }
  }
}

}  // namespace
}  // namespace personas::catalog
