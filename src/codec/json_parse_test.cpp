#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::codec {
namespace {

std::string message_of(std::string_view text, const ParseLimits& limits = {}) {
  const auto json = parse_json(text, limits);
  if (json) return "accepted";
  EXPECT_EQ(json.error().code, ErrorCode::kMalformedJson);
  return json.error().message;
}

std::string repeat(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(ParseJson, RefusesWhatIsNotStrictJsonAndSaysWhere) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "byte 0: the text is empty"},
      {"  ", "byte 2: the text ends too early"},
      {R"({"a":)", "byte 5: the text ends too early"},
      {"\xEF\xBB\xBF{}", "byte 0: it starts with a byte-order mark"},
      {"{} x", "byte 3: "},
      {"{}{}", "byte 2: "},
      {"{\"a\":\"\xFF\"}", "byte 6: the text is not UTF-8"},
      {"\"\xED\xA0\x80\"", "the text is not UTF-8"},
      {R"("\ud800")", "syntax error"},
      {R"("\udc00")", "surrogate"},
      {R"("\ud800\u0041")", "surrogate"},
      {"NaN", "byte 0: "},
      {"[Infinity]", "byte 1: "},
      {"1e400", "the number is too large"},
      {"[-1e400]", "the number is too large"},
      {"1e99999999999", "the number is too large"},
      {"[1,]", "byte 3: "},
      {"/**/1", "byte 0: "},
      {"'a'", "byte 0: "},
      {"01", "byte 1: "},
      {"\"a\nb\"", "byte 2: "},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(message_of(text).find(expected), std::string::npos)
        << text << " gave: " << message_of(text);
  }
}

TEST(ParseJson, RefusesDuplicateKeysAtAnyDepthAndNamesThem) {
  EXPECT_EQ(message_of(R"({"a":1,"b":{},"a":2})"),
            "not valid JSON at byte 16: the key \"a\" is given twice");
  EXPECT_NE(message_of(R"([{"x":{"k":1,"\u006b":{"q":1}}}])").find("\"k\" is given twice"),
            std::string::npos);
  EXPECT_EQ(message_of(R"([{"a":1},{"a":{"a":1}}])"), "accepted");
}

TEST(ParseJson, RefusesDepthBeforeItCostsStack) {
  EXPECT_NE(message_of(repeat("[", 100'000)).find("nested deeper than 64 levels"),
            std::string::npos);
  EXPECT_NE(message_of(repeat(R"({"a":)", 100'000)).find("nested deeper"), std::string::npos);
  EXPECT_EQ(message_of(repeat("[", 64) + repeat("]", 64)), "accepted");
}

TEST(ParseJson, RefusesObjectsOfAMillionMembers) {
  std::string text = "{";
  for (int i = 0; i < 1'000'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text.back() = '}';
  const auto too_long = parse_json(text);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kPayloadTooLarge);
  EXPECT_NE(message_of(text, {.max_bytes = text.size()}).find("more than 10000 members"),
            std::string::npos);
}

TEST(ParseJson, ReadsDoublesExactly) {
  for (const std::string_view text :
       {"0.1", "123456.789", "5e-324", "1.7976931348623157e+308", "2.2250738585072014e-308",
        "9007199254740993.0", "0.30000000000000004", "18446744073709551616"}) {
    const auto json = parse_json(text);
    ASSERT_TRUE(json) << text;
    EXPECT_EQ(json->as_double(), std::strtod(std::string(text).c_str(), nullptr)) << text;
  }
  EXPECT_EQ(parse_json("1e-400")->as_double(), 0.0);
  EXPECT_EQ(parse_json("0e400")->as_double(), 0.0);
  EXPECT_EQ(parse_json("18446744073709551615")->as_uint64(), UINT64_MAX);
}

TEST(ParseJson, KeepsLongKeysAndStringsWithEscapesWhole) {
  const std::string key = repeat("k", 5000), escaped = repeat("\\u00e9\\n", 3000);
  const auto json = parse_json("{\"" + key + "\\t\":\"" + escaped + "\"}");
  ASSERT_TRUE(json);
  EXPECT_EQ(std::string_view(json->at(key + "\t").as_string()), repeat("\xC3\xA9\n", 3000));
}

}  // namespace
}  // namespace personas::codec
