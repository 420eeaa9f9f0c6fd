#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

#include "test_types.hpp"

namespace personas::codec {
namespace {

using codec_test::full_order;
using codec_test::Line;
using codec_test::Node;
using codec_test::Order;

constexpr ReadOptions kPartial{.completeness = ReadOptions::Completeness::kPartial};

template <class T>
std::vector<FieldError> errors_of(std::string_view text, const ReadOptions& options = {}) {
  const auto result = parse<T>(text, options);
  if (result) return {};
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidRequest);
  return result.error().fields;
}

TEST(ReadJson, RoundTripsEveryKindOfField) {
  const Order order = full_order();
  const auto text = to_json(order, {.write_only = WriteOptions::WriteOnly::kInclude});
  const auto back = parse<Order>(text, {.read_only = ReadOptions::ReadOnly::kAccept});
  ASSERT_TRUE(back) << back.error().describe();
  EXPECT_EQ(*back, order);
}

TEST(ReadJson, CollectsAllErrorsWithTheirPaths) {
  const auto result = parse<Order>(R"({
      "title": "", "gift": 1, "maxAttempts": 0, "weight": 11, "status": "lost",
      "note": "01234567890", "personaId": "../x", "shipTo": {"zip": 5},
      "lines": [{"sku": "a", "qty": 21}, {"qty": 1}, 7], "counts": {"a/b~": 101, "c": "x"},
      "config": "{", "titel": 1, "completely": 2, "billTo": null, "gift2": 1})");
  ASSERT_FALSE(result);
  const std::vector<FieldError> expected{
      {"/title", "must not be empty"},
      {"/gift", "expected true or false"},
      {"/maxAttempts", "expected an integer between 1 and 20"},
      {"/weight", "expected a number between 0 and 10"},
      {"/status", "must be one of: queued, running"},
      {"/note", "is longer than 10 characters"},
      {"/personaId", "expected an id: 1 to 64 characters of letters, digits, '_', '-', '.', ':'"},
      {"/shipTo/zip", "expected a string"},
      {"/shipTo/city", "is required"},
      {"/lines/0/qty", "expected an integer between 1 and 20"},
      {"/lines/1/sku", "is required"},
      {"/lines/2", "expected an object"},
      {"/counts/a~1b~0", "expected an integer between 0 and 100"},
      {"/counts/c", "expected an integer between 0 and 100"},
      {"/config", "expected JSON in the string: not valid JSON at byte 1: the text ends too early"},
      {"/titel", "unknown field, did you mean 'title'?"},
      {"/completely", "unknown field"},
      {"/gift2", "unknown field, did you mean 'gift'?"}};
  EXPECT_EQ(result.error().fields, expected);
  EXPECT_EQ(result.error().message, "18 fields are wrong: /title: must not be empty");
}

TEST(ReadJson, MeasuresTextsInCharactersAsTheSchemaDoes) {
  const auto note = [](std::string_view text) {
    return parse<Order>(R"({"title":"a","note":")" + std::string(text) + R"("})");
  };
  // One to four bytes each.
  for (const std::string_view character : {"a", "\u00e9", "é", "€", "😀", "\\ud83d\\ude00"}) {
    std::string text;
    for (int i = 0; i < 10; ++i) text += character;
    EXPECT_TRUE(note(text)) << text;
    const auto longer = note(text + std::string(character));
    ASSERT_FALSE(longer) << text;
    EXPECT_EQ(longer.error().fields,
              (std::vector<FieldError>{{"/note", "is longer than 10 characters"}}));
  }
}

TEST(ReadJson, NamesTheValueItselfWhenTheRootIsWrong) {
  const auto result = parse<Order>("[]");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "1 field is wrong: the value itself: expected an object");
  EXPECT_EQ(result.error().fields, (std::vector<FieldError>{{"", "expected an object"}}));
}

TEST(ReadJson, RefusesNullWhereAValueMustBe) {
  EXPECT_EQ(
      errors_of<Order>(R"({"title":null,"lines":null,"note":null})"),
      (std::vector<FieldError>{{"/title", "must not be null"}, {"/lines", "must not be null"}}));
}

TEST(ReadJson, TakesWholeNumbersInAnyNotationAndNothingElse) {
  EXPECT_EQ(parse<Line>(R"({"sku":"a","qty":3.0})")->qty, 3);
  EXPECT_EQ(parse<Line>(R"({"sku":"a","qty":2e1})")->qty, 20);
  for (const std::string_view bad : {"3.5", "1e300", "18446744073709551615", "\"3\"", "true"}) {
    EXPECT_EQ(errors_of<Line>(R"({"sku":"a","qty":)" + std::string(bad) + "}").size(), 1u) << bad;
  }
  EXPECT_EQ(parse_json("9223372036854775808")->kind(), boost::json::kind::uint64);
  EXPECT_FALSE(parse<std::int32_t>("2147483648"));
  EXPECT_EQ(parse<std::int64_t>("-9223372036854775808").value(), INT64_MIN);
  EXPECT_EQ(parse<double>("3").value(), 3.0);
}

TEST(ReadJson, StopsCollectingAtItsLimit) {
  std::string text = "[";
  for (int i = 0; i < 1000; ++i) text += "{},";
  text.back() = ']';
  const auto result = parse<std::vector<Line>>(text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fields.size(), kMaxFieldErrors);
  EXPECT_TRUE(result.error().message.starts_with("50 or more fields are wrong: /0/sku:"));
}

TEST(ReadJson, CutsLongUnknownNamesInPaths) {
  const auto errors = errors_of<Line>(R"({"sku":"a",")" + std::string(100'000, 'x') + R"(":1})");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_LT(errors[0].path.size(), 100u);
}

TEST(ReadJson, IgnoresUnknownFieldsWhenAsked) {
  const auto line =
      parse<Line>(R"({"new":{"a":1},"sku":"a"})", {.unknown = UnknownFields::kIgnore});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->sku, "a");
}

TEST(ReadJson, KeepsPresentValuesWhenReadingPartially) {
  Order order = full_order();
  const auto patch = parse_json(
      R"({"note":null,"shipTo":{"zip":"1020"},"billTo":{"zip":"8010"},"lines":[{"sku":"n"}]})");
  ASSERT_TRUE(read_into(*patch, order, kPartial));
  Order expected = full_order();
  expected.note.reset();
  expected.ship_to.zip = "1020";
  expected.bill_to->zip = "8010";
  expected.lines = {{.sku = "n", .qty = 1}};
  EXPECT_EQ(order, expected);
}

TEST(ReadJson, DemandsWholeNewValuesEvenWhenReadingPartially) {
  EXPECT_EQ(
      errors_of<Order>(R"({"billTo":{"zip":"1"},"lines":[{}],"shipTo":{}})", kPartial),
      (std::vector<FieldError>{{"/billTo/city", "is required"}, {"/lines/0/sku", "is required"}}));
}

TEST(ReadJson, TreatsReadOnlyFieldsAsAsked) {
  constexpr std::string_view kText = R"({"title":"t","id":"exe_9","createdAt":"nonsense"})";
  const auto dropped = parse<Order>(kText);
  ASSERT_TRUE(dropped);
  EXPECT_TRUE(dropped->id.empty());
  EXPECT_EQ(errors_of<Order>(kText, {.read_only = ReadOptions::ReadOnly::kRefuse}).size(), 2u);
  EXPECT_EQ(errors_of<Order>(kText, {.read_only = ReadOptions::ReadOnly::kAccept}).size(), 1u);
  EXPECT_EQ(errors_of<Order>(R"({"title":"t"})", {.read_only = ReadOptions::ReadOnly::kAccept}),
            (std::vector<FieldError>{{"/id", "is required"}}));
}

TEST(ReadJson, AcceptsJsonTextAsStringOrStructure) {
  const auto read = [](std::string_view config) {
    return parse<Order>(R"({"title":"t","config":)" + std::string(config) + "}");
  };
  EXPECT_EQ(read(R"({"a": [1, 0.5]})")->config.text, R"({"a":[1,0.5]})");
  EXPECT_EQ(read(R"("{\"a\": 1}")")->config.text, R"({"a": 1})");
  EXPECT_EQ(read(R"("")")->config.text, "");
  EXPECT_FALSE(read("5"));
  EXPECT_FALSE(read(R"("{\"a\":1,\"a\":2}")"));
}

TEST(ReadJson, TrustsStoredValuesWithRulesOfAnotherDay) {
  EXPECT_TRUE(parse<Line>(R"({"sku":"","qty":999})", {.rules = ReadOptions::Rules::kTrust}));
  EXPECT_FALSE(parse<Line>(R"({"sku":"","qty":1e12})", {.rules = ReadOptions::Rules::kTrust}));
}

TEST(ReadJson, ReadsTypesThatContainThemselves) {
  const Node tree{"a", {{"b", {}}, {"c", {{"d", {}}}}}};
  const auto back = parse<Node>(to_json(tree));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, tree);
}

}  // namespace
}  // namespace personas::codec
