#include "personas/filter/mapping.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::filter {
namespace {

using testing::HasSubstr;

constexpr std::string_view kEvent = R"({
  "issue": {"title": "It broke", "number": 7, "open": true, "body": null, "ratio": 1.5},
  "labels": [{"name": "bug"}, {"name": "urgent"}, {}], "none": []
})";

std::string mapped(std::string_view json) {
  const auto mapping = Mapping::compile(*codec::parse_json(json));
  if (!mapping) return "compile: " + mapping.error().message;
  const auto payload = *codec::parse_json(kEvent);
  const auto made = mapping->apply({.payload = payload, .envelope = {.event_type = "issue"}});
  return made ? codec::serialize(*made) : "apply: " + made.error().message;
}

TEST(Mapping, KeepsTheTypeOfAPlaceholderThatIsTheWholeText) {
  EXPECT_EQ(mapped(R"({"n": "{{ issue.number }}", "open": "{{issue.open}}", "i": "{{issue}}"})"),
            R"({"n":7,"open":true,"i":{"title":"It broke","number":7,"open":true,"body":null,)"
            R"("ratio":1.5}})");
  EXPECT_EQ(mapped(R"("{{ labels[*].name }}")"), R"(["bug","urgent"])");
  EXPECT_EQ(mapped(R"(["{{ none[*] }}", "{{ issue.body }}", "{{ $.eventType }}"])"),
            R"([[],null,"issue"])");
}

TEST(Mapping, WritesPlaceholdersWithinATextAsText) {
  EXPECT_EQ(mapped(R"_("#{{ issue.number }}: {{ issue.title }} ({{ labels[*].name }})")_"),
            R"_("#7: It broke (bug, urgent)")_");
  EXPECT_EQ(mapped(R"("{{issue.open}} {{issue.body}} {{issue.ratio}} {{labels[0]}} {{none[*]}}.")"),
            R"("true null 1.5 {\"name\":\"bug\"} .")");
}

TEST(Mapping, TakesTheDefaultForWhatIsMissingOrNull) {
  EXPECT_EQ(mapped(R"(["{{ a | default: 3 }}", "{{ issue.body | default: \"-\" }}!",
                       "{{ issue.open | default: false }}", "{{ $.sourceId | default: null }}"])"),
            R"([3,"-!",true,null])");
}

TEST(Mapping, LeavesWhatHoldsNoPlaceholderAsItIs) {
  constexpr std::string_view kPlain = R"({"a":[1,2.5,"x } { }}",null,{}],"{{ key }}":""})";
  EXPECT_EQ(mapped(kPlain), kPlain);
  EXPECT_EQ(mapped(R"("{{ '{{' }} and {{ \"}}\" }}")"), R"("{{ and }}")");
  EXPECT_EQ(mapped(R"("{{ issue.number }}}")"), R"("7}")");
}

TEST(Mapping, NamesThePlaceOfWhatIsMissing) {
  EXPECT_EQ(
      mapped(R"({"a/b": [1, "see {{ issue.url }}"]})"),
      "apply: The event has no issue.url, which the mapping wants at /a~1b/1; a default stands "
      "for what is missing: {{ issue.url | default: null }}");
}

TEST(Mapping, SaysWhatIsWrongInEachText) {
  const auto wrong = Mapping::compile(*codec::parse_json(
      R"({"a": "x {{ issue. }}", "b": ["{{ a | defalt: 1 }}"], "c": "{{ a", "d": "{{ a b }}"})"));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message,
              HasSubstr("The mapping is wrong at /a, character 13: expected a name after the dot"));
  EXPECT_THAT(wrong.error().message, HasSubstr("\n  x {{ issue. }}\n              ^"));
  ASSERT_EQ(wrong.error().fields.size(), 4U);
  EXPECT_EQ(wrong.error().fields[1].path, "/b/0");
  EXPECT_THAT(wrong.error().fields[1].message, HasSubstr("expected `default: value`"));
  EXPECT_THAT(wrong.error().fields[2].message, HasSubstr("found the end"));
  EXPECT_THAT(wrong.error().fields[3].message, HasSubstr("expected | default: value, or }}"));
}

TEST(Mapping, BoundsTheTemplateAndTheResult) {
  EXPECT_THAT(mapped("\"" + std::string(kMaxTemplateBytes, 'x') + "\""),
              HasSubstr("at most 16384"));
  std::string placeholders;
  for (std::size_t i = 0; i <= kMaxPlaceholders; ++i) placeholders += "{{1}}";
  EXPECT_THAT(mapped("\"" + placeholders + "\""), HasSubstr("at most 200"));
  const std::string deep(kMaxTemplateDepth, '['), end(kMaxTemplateDepth, ']');
  EXPECT_EQ(mapped(deep + end), deep + end);
  EXPECT_THAT(mapped("[" + deep + end + "]"), HasSubstr("nested more than 32"));
}

// `payload` under each member of a list, as the whole and within a text.
Result<boost::json::value> repeated(const boost::json::value& payload, int times,
                                    std::string_view text) {
  boost::json::array json;
  for (int i = 0; i < times; ++i) json.push_back(boost::json::string(text));
  return Mapping::compile(json)->apply({.payload = payload});
}

TEST(Mapping, MakesAtMostItsBytesAndExactlyThose) {
  const boost::json::value payload{{"t", std::string(kMaxMappedBytes - 4, 'x')}};
  EXPECT_EQ(codec::serialize(*repeated(payload, 1, "{{ t }}")).size(), kMaxMappedBytes);
  EXPECT_EQ(codec::serialize(*repeated(payload, 1, "{{ t }}{{ '' }}")).size(), kMaxMappedBytes);
  for (const auto* text : {"{{ t }}", "{{ t }}{{ '' }}", "a{{ t }}"}) {
    const auto large = repeated(payload, 2, text);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ErrorCode::kUnprocessable);
    EXPECT_THAT(large.error().message, HasSubstr("more than 65536 bytes"));
  }
  const boost::json::value escaped{{"t", std::string(kMaxMappedBytes - 10, '\n')}};
  EXPECT_FALSE(repeated(escaped, 1, "{{ t }}"));
}

TEST(Mapping, LooksAtBoundedManyValues) {
  boost::json::array many;
  for (int i = 0; i < 100'000; ++i) many.push_back(boost::json::object{});
  const auto over = repeated({{"a", many}}, 100, "{{ a[*].b }}");
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().message, HasSubstr("more than 1000000 values"));
}

TEST(Mapping, MakesNothingThatAReaderOfJsonWouldRefuse) {
  std::string deep(50, '['), end(50, ']');
  const boost::json::value payload{{"a", *codec::parse_json(deep + end)}};
  const std::string template_text = std::string(20, '[') + "\"{{ a }}\"" + std::string(20, ']');
  const auto made =
      Mapping::compile(*codec::parse_json(template_text))->apply({.payload = payload});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("nested more than 60"));
}

}  // namespace
}  // namespace personas::filter
