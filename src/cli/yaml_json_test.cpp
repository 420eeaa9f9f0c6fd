#include "yaml_json.hpp"

#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::cli {
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

TEST(Yaml, NestedAliasesDoNotExplode) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("*a{},", i - 1);
    bomb += "]\n";
  }
  EXPECT_NE(json_of(bomb).find("more than 100000 values"), std::string::npos);
}

}  // namespace
}  // namespace personas::cli
