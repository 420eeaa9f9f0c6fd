#include "personas/json_schema/schema.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::json_schema {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::string_view kOrder = R"({
  "type": "object",
  "required": ["customer", "lines"],
  "additionalProperties": false,
  "properties": {
    "customer": {"type": "string", "minLength": 1, "pattern": "^[A-Z]+-\\d+$"},
    "priority": {"enum": ["low", "high", 3]},
    "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}}
  },
  "$defs": {"line": {"type": "object", "required": ["sku"],
                     "properties": {"sku": {"type": "string"},
                                    "count": {"type": "integer", "minimum": 1}}}}
})";

std::vector<FieldError> faults(std::string_view schema) {
  const auto compiled = Schema::parse(schema, "/inputSchema");
  return compiled ? std::vector<FieldError>{} : compiled.error().fields;
}
std::vector<FieldError> wrong(std::string_view schema, std::string_view value) {
  const auto compiled = Schema::parse(schema);
  EXPECT_TRUE(compiled) << compiled.error().message;
  const auto checked = compiled->check(codec::parse_json(value).value());
  return checked ? std::vector<FieldError>{} : checked.error().fields;
}

TEST(Schema, TakesWhatFits) {
  EXPECT_THAT(
      wrong(kOrder, R"({"customer":"ACME-7","priority":3.0,"lines":[{"sku":"a","count":2}]})"),
      ElementsAre());
}

TEST(Schema, NamesEveryWrongFieldByItsPlace) {
  EXPECT_THAT(
      wrong(kOrder,
            R"({"customer":"acme","priority":"hi","lines":[{"sku":1},{"count":0}],"linse":1})"),
      UnorderedElementsAre(FieldError{"/customer", "must match the pattern ^[A-Z]+-\\d+$"},
                           FieldError{"/priority", R"(must be one of: "low","high",3)"},
                           FieldError{"/lines/0/sku", "expected string"},
                           FieldError{"/lines/1/sku", "is required"},
                           FieldError{"/lines/1/count", "must be at least 1"},
                           FieldError{"/linse", "unknown field, did you mean 'lines'?"}));
}

TEST(Schema, EscapesNamesInPointers) {
  EXPECT_THAT(wrong(R"({"properties":{"a/b~c":{"type":"string"}}})", R"({"a/b~c":1})"),
              ElementsAre(FieldError{"/a~1b~0c", "expected string"}));
}

TEST(Schema, HoldsAPatternAgainstTheWholeText) {
  // Borders of lines would let a second line pass unseen.
  EXPECT_THAT(wrong(R"({"pattern":"^[a-z]+$"})", R"("abc")"), ElementsAre());
  EXPECT_EQ(wrong(R"({"pattern":"^[a-z]+$"})", R"("abc\n; rm -rf /")").size(), 1U);
}

TEST(Schema, RefusesWhatIsNoSchemaWithItsPlace) {
  EXPECT_THAT(
      faults(R"({"type":"strng","properties":{"a":{"minLength":-1}},"requird":["a"]})"),
      UnorderedElementsAre(
          FieldError{"/inputSchema/type",
                     "must be one of: array, boolean, integer, null, number, object, string"},
          FieldError{"/inputSchema/properties/a/minLength",
                     "expected a whole number of at least 0"},
          FieldError{"/inputSchema/requird", "is not a keyword; did you mean 'required'?"}));
  EXPECT_THAT(faults("[]"), ElementsAre(FieldError{"/inputSchema",
                                                   "expected a schema: an object, true or false"}));
  EXPECT_THAT(faults(R"({"items":[{"type":"string"}]})"),
              ElementsAre(FieldError{"/inputSchema/items",
                                     "expected a schema; a list of them is prefixItems"}));
  EXPECT_THAT(faults(R"({"multipleOf":0})"),
              ElementsAre(FieldError{"/inputSchema/multipleOf", "expected a number above 0"}));
  EXPECT_THAT(faults(R"({"$schema":"http://json-schema.org/draft-04/schema#"})").size(), 1U);
  EXPECT_THAT(faults(R"({"$schema":"http://json-schema.org/draft-07/schema#"})").size(), 0U);
}

TEST(Schema, RefusesPatternsItCannotMatchInLinearTime) {
  const auto found =
      faults(R"-({"properties":{"a":{"pattern":"(?=x)"}},"patternProperties":{"[":{}}})-");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "/inputSchema/properties/a/pattern");
  EXPECT_EQ(found[1].path, "/inputSchema/patternProperties/[");
  EXPECT_THAT(found[1].message, HasSubstr("a [ without its ]"));
}

TEST(Schema, FetchesNothing) {
  for (const auto* where : {"https://example.com/a.json", "other.json#/a", "#anchor", "#/nothing",
                            "#/enum/0", "file:///etc/passwd"}) {
    const auto found = faults(fmt::format(R"({{"enum":[{{}}],"items":{{"$ref":"{}"}}}})", where));
    ASSERT_EQ(found.size(), 1U) << where;
    EXPECT_EQ(found[0].path, "/inputSchema/items/$ref");
  }
}

TEST(Schema, FollowsReferencesThroughEscapedNames) {
  EXPECT_EQ(wrong(R"({"$ref":"#/$defs/a~1b%25c","$defs":{"a/b%c":{"type":"null"}}})", "1").size(),
            1U);
  EXPECT_EQ(wrong(R"({"allOf":[{"type":"null"}],"items":{"$ref":"#/allOf/0"}})", "[1]").size(), 2U);
}

TEST(Schema, AllowsTreesAndRefusesCircles) {
  constexpr std::string_view kTree =
      R"({"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false})";
  EXPECT_THAT(wrong(kTree, R"({"next":{"next":{"more":1}}})"),
              ElementsAre(FieldError{"/next/next/more", "unknown field"}));
  for (const auto* circle :
       {R"({"$ref":"#"})", R"({"anyOf":[{"not":{"$ref":"#/anyOf/0"}}]})",
        R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}})",
        R"({"if":true,"then":{"$ref":"#"}})", R"({"dependentSchemas":{"a":{"$ref":"#"}}})"}) {
    const auto found = faults(circle);
    ASSERT_FALSE(found.empty()) << circle;
    EXPECT_THAT(found[0].message, HasSubstr("leads back to itself")) << circle;
  }
}

TEST(Schema, IsBoundedInSizeDepthAndNumber) {
  const std::string large = fmt::format(R"({{"title":"{}"}})", std::string(kMaxSchemaBytes, 'x'));
  EXPECT_THAT(faults(large)[0].message, HasSubstr("is larger than"));
  std::string deep = "{}";
  for (std::size_t i = 1; i < kMaxSchemaDepth; ++i) deep = R"({"not":)" + deep + "}";
  EXPECT_THAT(faults(deep), ElementsAre());
  EXPECT_THAT(faults(R"({"not":)" + deep + "}")[0].message, HasSubstr("is deeper than"));
  const auto many = [](std::size_t count) {
    std::string text = R"({"allOf":[true)";
    for (std::size_t i = 2; i < count; ++i) text += ",true";
    return text + "]}";
  };
  EXPECT_THAT(faults(many(kMaxSubschemas)), ElementsAre());
  EXPECT_THAT(faults(many(kMaxSubschemas + 1))[0].message, HasSubstr("one schema more than"));
}

TEST(Schema, GivesUpOnSchemasThatDoubleTheirWorkAtEachStep) {
  std::string schema = R"({"$ref":"#/$defs/a0","$defs":{"a29":{"type":"object"})";
  for (int i = 0; i < 29; ++i) {
    schema += fmt::format(
        R"(,"a{0}":{{"allOf":[{{"$ref":"#/$defs/a{1}"}},{{"$ref":"#/$defs/a{1}"}}]}})", i, i + 1);
  }
  const auto compiled = Schema::parse(schema + "}}");
  ASSERT_TRUE(compiled) << compiled.error().message;
  const auto checked = compiled->check(boost::json::object{});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kUnprocessable);
}

TEST(Schema, GivesUpOnTextsThatArePatternsWork) {
  const auto compiled = Schema::parse(R"({"items":{"pattern":"(a|aa|aaa|aaaa)*b$"}})");
  ASSERT_TRUE(compiled);
  boost::json::array many(100, boost::json::string(100'000, 'a'));
  const auto checked = compiled->check(many);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kUnprocessable);
}

TEST(Schema, ReportsABoundedNumberOfFaults) {
  const auto found = wrong(R"({"items":{"type":"string"}})",
                           codec::serialize(boost::json::array(1'000, boost::json::value(1))));
  EXPECT_EQ(found.size(), codec::kMaxFieldErrors);
}

TEST(Schema, SaysNothingOfFormsThatWereOnlyTried) {
  EXPECT_THAT(wrong(R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", "null"),
              ElementsAre(FieldError{"", "has none of the forms in anyOf"}));
}

}  // namespace
}  // namespace personas::json_schema
