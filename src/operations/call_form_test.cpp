#include "call_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::operations {
namespace {

Persona persona_with(std::string schema) {
  Persona persona;
  persona.name = "Triage";
  persona.input_schema = codec::RawJson{std::move(schema)};
  return persona;
}
std::vector<FieldError> faults(std::string schema) {
  const auto checked = check_input_schema(persona_with(std::move(schema)));
  return checked ? std::vector<FieldError>{} : checked.error().fields;
}

TEST(CallForm, TakesAnyObjectWithoutASchema) {
  EXPECT_TRUE(check_input_schema(Persona{}));
  EXPECT_TRUE(check_input(Persona{}, {{"anything", 1}}));
  EXPECT_TRUE(check_input(persona_with(""), {{"anything", 1}}));
}

TEST(CallForm, RefusesSchemasThatNoCallCanMeet) {
  EXPECT_EQ(faults(R"({"type":"string"})"),
            (std::vector<FieldError>{{"/inputSchema/type", "must be object"}}));
  EXPECT_TRUE(faults(R"({"type":["null","object"]})").empty());
  EXPECT_EQ(faults("true").front().path, "/inputSchema");
  EXPECT_EQ(faults(R"({"properties":{"a":{"type":"text"}}})").front().path,
            "/inputSchema/properties/a/type");
}

TEST(CallForm, NamesWhatIsWrongInAnInput) {
  const auto checked = check_input(
      persona_with(R"({"required":["url"],"properties":{"depth":{"maximum":3}}})"), {{"depth", 4}});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidRequest);
  EXPECT_THAT(checked.error().fields,
              testing::ElementsAre(FieldError{"/url", "is required"},
                                   FieldError{"/depth", "must be at most 3"}));
}

TEST(CallForm, GivesAnExampleThatFits) {
  const auto persona = persona_with(R"({
    "type": "object", "required": ["url"], "additionalProperties": false,
    "properties": {
      "url": {"type": "string", "examples": ["https://example.com"]},
      "depth": {"type": "integer", "minimum": 2},
      "mode": {"enum": ["quick", "whole"]},
      "tags": {"type": "array", "items": {"type": "string", "default": "news"}},
      "note": {"type": ["string", "null"]}
    }})");
  const auto example = example_input(persona);
  EXPECT_EQ(codec::serialize(example),
            R"({"url":"https://example.com","depth":2,"mode":"quick","tags":["news"],"note":"…"})");
  EXPECT_TRUE(check_input(persona, example));
}

TEST(CallForm, QuotesTheInputForAShell) {
  EXPECT_EQ(
      curl_line("/api/personas/per_1/call", {{"who", "it's me"}}),
      "curl -sS \"$PERSONAS_URL/api/personas/per_1/call?wait=60s\" -H \"Authorization: Bearer "
      "$TEAM_API_KEY\" -d '{\"who\":\"it'\\''s me\"}'");
}

}  // namespace
}  // namespace personas::operations
