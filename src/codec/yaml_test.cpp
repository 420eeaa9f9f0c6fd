#include "personas/codec/yaml.hpp"

#include <gtest/gtest.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::codec {
namespace {

std::string json_of(std::string_view yaml) {
  const auto documents = parse_yaml(yaml, "f.yaml");
  if (!documents) return documents.error().describe();
  return documents->empty() ? "(nothing)" : codec::serialize(documents->front().json);
}

TEST(Yaml, ScalarsHaveTheTypesOfTheCoreSchema) {
  EXPECT_EQ(json_of("{a: 1, b: -2, c: 1.5, d: true, e: null, f: ~, g: }"),
            R"({"a":1,"b":-2,"c":1.5,"d":true,"e":null,"f":null,"g":null})");
  EXPECT_EQ(json_of("{a: '1', b: \"true\", c: yes, d: 007, e: 1.2.3, f: inf, g: -}"),
            R"({"a":"1","b":"true","c":"yes","d":"007","e":"1.2.3","f":"inf","g":"-"})");
  EXPECT_EQ(json_of("text: |\n  two\n  lines\n"), R"({"text":"two\nlines\n"})");
}

TEST(Yaml, ManyDocumentsMakeManyValues) {
  const auto documents = parse_yaml("---\na: 1\n---\n---\nb: [1, {c: 2}]\n", "f.yaml");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ(codec::serialize(documents->at(1).json), R"({"b":[1,{"c":2}]})");
  EXPECT_EQ(documents->at(1).line_of("/b/1/c"), 5);
}

TEST(Yaml, RemembersTheLineOfEveryValue) {
  const auto documents = parse_yaml("\na: 1\nb:\n  c: x\n  d/e:\n    - 1\n    - 2\n", "f.yaml");
  ASSERT_TRUE(documents);
  const auto& document = documents->front();
  EXPECT_EQ(document.line_of("/a"), 2);
  EXPECT_EQ(document.line_of("/b/c"), 4);
  EXPECT_EQ(document.line_of("/b/d~1e/1"), 7);
  EXPECT_EQ(document.line_of("/b/missing"), 3);
  EXPECT_EQ(document.line_of("/missing"), 2);
}

TEST(Yaml, MistakesAreNamedByLine) {
  EXPECT_NE(json_of("a: 1\nb: [1\n").find("f.yaml:"), std::string::npos);
  EXPECT_NE(json_of("a: 1\na: 2\n").find("f.yaml:2: a is given a second time"), std::string::npos);
  EXPECT_NE(json_of("a: !!binary x\n").find("f.yaml:1: the tag"), std::string::npos);
  EXPECT_NE(json_of("a: \"\\xff\"\nb: \xff\n").find("f.yaml"), std::string::npos);
  EXPECT_EQ(json_of(""), "(nothing)");
}

TEST(Yaml, TakesUtf8AloneInNamesAndValues) {
  EXPECT_EQ(json_of("a: 1\nb: \xff\n"), "f.yaml is not valid (f.yaml:2: the text is not UTF-8)");
  EXPECT_EQ(json_of("a: 1\nb\xb6: 2\n"), "f.yaml is not valid (f.yaml:2: the text is not UTF-8)");
  EXPECT_EQ(json_of(std::string_view("?\0\0\0x", 5)),
            "f.yaml is not valid (f.yaml:1: the text is not UTF-8)");
  EXPECT_NE(json_of("a: 1\nb: \"q\\N\"\n").find("f.yaml:2: \\N and"), std::string::npos);
  EXPECT_EQ(json_of("\"q\\u0085\": \"\\u00a0\"\n"), "{\"q\u0085\":\"\u00a0\"}");
  // The library names the one byte behind the backslash.
  EXPECT_TRUE(is_utf8(json_of("a: \"\\\u00e9\"\n")));
}

TEST(Yaml, NestedAliasesDoNotExplode) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("*a{},", i - 1);
    bomb += "]\n";
  }
  EXPECT_NE(json_of(bomb).find("more than 100000 values"), std::string::npos);
}

TEST(Yaml, AnAliasIsWhatItsAnchorIs) {
  const auto documents =
      parse_yaml("base: &base\n  a: 1\n  b: [x, y]\nother: *base\n&k name: *k\n", "f.yaml");
  ASSERT_TRUE(documents);
  const auto& document = documents->front();
  EXPECT_EQ(document.json.at("other"), document.json.at("base"));
  EXPECT_EQ(document.json.at("name"), "name");
  EXPECT_EQ(document.line_of("/other/b/1"), 4);
}

TEST(Yaml, AliasesKeepTheLimits) {
  const std::string text(900, 's');
  std::string bytes = "a: &a [" + text + "]\n";
  std::string deep = "l0: &l0 [x]\n";
  for (char c = 'b'; c <= 'g'; ++c) {
    const std::string before = fmt::format("*{}", static_cast<char>(c - 1));
    bytes += fmt::format("{0}: &{0} [{1},{1},{1},{1},{1},{1},{1},{1},{1}]\n", c, before);
  }
  for (int i = 1; i < 80; ++i) deep += fmt::format("l{0}: &l{0} [*l{1}]\n", i, i - 1);
  EXPECT_NE(json_of(bytes).find("bytes when aliases are followed"), std::string::npos);
  EXPECT_NE(json_of(deep).find("nested deeper"), std::string::npos);
  EXPECT_NE(json_of("a: &a [1, *a]\n").find("an alias of what it is a part of"), std::string::npos);
}

// yaml-cpp gives a document that begins with a comma for ever and consumes nothing of it.
TEST(Yaml, ADocumentThatCannotBeginEndsTheReading) {
  EXPECT_NE(json_of(",0\nA=\"1]").find("nothing can begin like this"), std::string::npos);
  EXPECT_NE(json_of("a: 1\n---\n, b").find("f.yaml:3"), std::string::npos);
  EXPECT_NE(json_of("]").find("f.yaml:1"), std::string::npos);
}

TEST(Yaml, WhatIsWrittenIsReadBackAsTheSame) {
  const std::string json =
      R"({"name":"Code Reviewer","empty":"","yes":"true","no":"null","n":"12","x":-3,"d":1.5,)"
      R"("whole":2.0,"nothing":null,"b":true,"colon":"a: b","hash":"a #b","dash":"- a",)"
      R"("text":"one\n  two\n\nthree\n","no_end":"one\ntwo","ends":"a\n\n\n","tab":"\ta\nb",)"
      R"("lead":" a\nb","blank":"\n\n","cr":"a\r\nb","control":"a\u0001","quote":"\"a\" 'b'",)"
      R"("umlaut":"grün","back":"a\\b","trail":"a ","docs":"---\n...\n# no\n","list":[],"map":{},)"
      R"("nest":[1,"two",[3,[]],{"a":[{"b":"c"}],"e":"f\ng"}],"a/b~c":1,"odd: key":"x","1":"y"})";
  const auto value = parse_json(json);
  ASSERT_TRUE(value) << value.error().describe();
  const auto yaml = write_yaml(*value);
  EXPECT_EQ(json_of(yaml), codec::serialize(*value)) << yaml;
}

// Strict readers refuse control characters beyond ASCII, and take U+0085, U+2028 and U+2029 for
// ends of lines, so none of them stands in what is written.
TEST(Yaml, EscapesWhatOtherReadersRefuseOrTakeForLineEnds) {
  const std::string json =
      "{\"one\":\"a\xC2\x8A\",\"block\":\"a\\nb\xC2\x85\",\"ends\":\"\xE2\x80\xA8\xE2\x80\xA9\","
      "\"marks\":\"\xEF\xBB\xBF\xEF\xBF\xBE\xEF\xBF\xBF\",\"delete\":\"\x7F\",\"key\xC2\x80\":1,"
      "\"plain\":\"\xC2\xA0\xE2\x80\xA6\xF0\x9F\x99\x82\"}";
  const auto value = parse_json(json);
  ASSERT_TRUE(value) << value.error().describe();
  const auto yaml = write_yaml(*value);
  EXPECT_EQ(yaml,
            "one: \"a\\u008a\"\nblock: \"a\\nb\\u0085\"\nends: \"\\u2028\\u2029\"\n"
            "marks: \"\\ufeff\\ufffe\\uffff\"\ndelete: \"\\u007f\"\n\"key\\u0080\": 1\n"
            "plain: \"\xC2\xA0\xE2\x80\xA6\xF0\x9F\x99\x82\"\n");
  EXPECT_EQ(json_of(yaml), codec::serialize(*value)) << yaml;
}

TEST(Yaml, NamesMayBeLong) {
  const std::string name(2'000, 'n');
  const auto value =
      parse_json(fmt::format(R"({{"{0}":{{"{0}":1}},"list":[{{"{0}":"x","b":2}}]}})", name))
          .value();
  const auto again = parse_yaml(write_yaml(value), "f.yaml");
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->front().json, value);
}

TEST(Yaml, IsWrittenAsAPersonWould) {
  const auto value =
      parse_json(R"({"kind":"Tool","guide":"Use curl.\nNever print it.\n","tags":["a","b c"],)"
                 R"("limits":{"max":3},)"
                 R"("steps":[{"op":"get","path":"/x"}]})");
  EXPECT_EQ(write_yaml(*value),
            "kind: Tool\nguide: |\n  Use curl.\n  Never print it.\ntags:\n  - a\n  - b c\nlimits:\n"
            "  max: 3\nsteps:\n  - op: get\n    path: /x\n");
}

}  // namespace
}  // namespace personas::codec
