#include "personas/agents/protocols.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

Result<Effect> read(std::string_view key, std::string_view payload) {
  TRY(const auto json, codec::parse_json(payload));
  return effect_from(key, json);
}

TEST(Protocols, EveryExampleIsAValidLineOfItsProtocol) {
  for (const auto& protocol : kProtocols) {
    SCOPED_TRACE(protocol.key);
    const auto line = codec::parse_json(protocol.example);
    ASSERT_TRUE(line) << line.error().describe();
    const auto& object = line->as_object();
    ASSERT_EQ(object.size(), 1U);
    EXPECT_EQ(object.begin()->key(), protocol.key);
    const auto effect = effect_from(protocol.key, object.begin()->value());
    ASSERT_TRUE(effect) << effect.error().describe();
    EXPECT_EQ(key_of(*effect), protocol.key);
  }
}

TEST(Protocols, ThePayloadOfAnEffectReadsBackAsTheSameEffect) {
  for (const auto& protocol : kProtocols) {
    const auto line = codec::parse_json(protocol.example);
    const auto effect = effect_from(protocol.key, line->as_object().at(protocol.key));
    const std::string payload = payload_of(*effect);
    const auto again = read(protocol.key, payload);
    ASSERT_TRUE(again) << again.error().describe();
    EXPECT_EQ(payload_of(*again), payload);
  }
}

TEST(Protocols, KeysAreExact) {
  EXPECT_NE(find_protocol("user_message"), nullptr);
  EXPECT_EQ(find_protocol("User_Message"), nullptr);
  EXPECT_EQ(find_protocol("user_messages"), nullptr);
  EXPECT_FALSE(read("shell", "{}"));
}

TEST(Protocols, UnknownFieldsAreIgnoredAndNullsAreAbsent) {
  const auto effect =
      read("user_message", R"({"content": "hi", "mood": "good", "priority": null, "title": null})");
  ASSERT_TRUE(effect) << effect.error().describe();
  const auto& message = std::get<UserMessage>(*effect);
  EXPECT_EQ(message.content, "hi");
  EXPECT_EQ(message.priority, MessagePriority::kNormal);
  EXPECT_FALSE(message.title);
}

TEST(Protocols, ABareStringIsTheContentOfAUserMessageOnly) {
  const auto effect = read("user_message", R"("hello")");
  ASSERT_TRUE(effect);
  EXPECT_EQ(std::get<UserMessage>(*effect).content, "hello");
  EXPECT_FALSE(read("manual_review", R"("hello")"));
  EXPECT_FALSE(read("user_message", R"("")"));
  EXPECT_FALSE(read("user_message", "3"));
}

TEST(Protocols, MissingRequiredFieldsAndWrongValuesAreErrors) {
  EXPECT_FALSE(read("user_message", R"({"title": "no content"})"));
  EXPECT_FALSE(read("user_message", R"({"content": "x", "priority": "enormous"})"));
  EXPECT_FALSE(read("agent_memory", R"({"title": "t", "content": "c", "importance": 11})"));
  EXPECT_FALSE(read("outcome_assessment", R"({"accomplished": "yes"})"));
  EXPECT_FALSE(read("execution_flow", R"({"flows": "many"})"));
  EXPECT_FALSE(read("persona_action", R"({"target": "x", "action": "delete"})"));
  EXPECT_TRUE(read("persona_action", R"({"target": "x"})"));
}

TEST(Protocols, DocumentationNamesEveryFieldWithItsRulesAndValues) {
  const std::string text = protocol_documentation();
  for (const auto& protocol : kProtocols) {
    EXPECT_THAT(text, HasSubstr(std::string("### ") + std::string(protocol.key) + "\n"));
    EXPECT_THAT(text, HasSubstr(protocol.example));
    for (const auto& field : protocol.type().fields) {
      EXPECT_THAT(text, HasSubstr("- `" + std::string(field.rules.name) + "` ("));
    }
  }
  EXPECT_THAT(text, HasSubstr("- `content` (string, required): What to tell the user"));
  EXPECT_THAT(text, HasSubstr("- `content_type` (one of info, warning, error, success)\n"));
  EXPECT_THAT(text, HasSubstr("- `importance` (integer 1 to 10)\n"));
  EXPECT_THAT(text, HasSubstr("- `tags` (list of strings)\n"));
  EXPECT_THAT(text, HasSubstr("- `accomplished` (true or false, required)"));
  EXPECT_THAT(text,
              HasSubstr("- `flows` (list of objects with `step`, `action`, `status`, required)"));
}

TEST(Protocols, TheSchemaHasOneAlternativePerProtocol) {
  bj::object components;
  const auto schema = protocol_schema(components);
  const auto& lines = schema.at("oneOf").as_array();
  ASSERT_EQ(lines.size(), kProtocols.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("required").as_array().at(0).as_string(), kProtocols[i].key);
    EXPECT_TRUE(lines[i].at("properties").as_object().contains(kProtocols[i].key));
  }
  EXPECT_FALSE(components.empty());
}

}  // namespace
}  // namespace personas::agents
