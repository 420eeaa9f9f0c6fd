// The official test suite of the draft, file by file. A schema that is refused by name (what is not
// offered) is counted and not judged; nothing else may be refused, and every judgement must be the
// suite's.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"
#include "personas/json_schema/schema.hpp"

namespace personas::json_schema {
namespace {

namespace bj = boost::json;

bj::value read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return codec::parse_json(text.str()).value();
}

struct Tally {
  std::size_t judged = 0;
  std::vector<std::string> refused;  // "file: group"
};

void run_group(const bj::object& group, const std::string& name, Tally& tally) {
  const auto schema = Schema::compile(group.at("schema"));
  if (!schema) {
    tally.refused.push_back(name);
    EXPECT_FALSE(schema.error().fields.empty()) << schema.error().message;
    return;
  }
  for (const auto& one : group.at("tests").as_array()) {
    const auto& test = one.as_object();
    const auto checked = schema->check(test.at("data"));
    ++tally.judged;
    EXPECT_EQ(checked.has_value(), test.at("valid").as_bool())
        << name << ": " << test.at("description").as_string() << "\n"
        << codec::serialize(group.at("schema")) << "\n"
        << codec::serialize(test.at("data"));
    if (!checked) EXPECT_FALSE(checked.error().fields.empty()) << name;
  }
}

TEST(SchemaSuite, JudgesAsTheDraftDoes) {
  Tally tally;
  for (const auto& entry : std::filesystem::directory_iterator(PERSONAS_SCHEMA_SUITE)) {
    if (entry.path().extension() != ".json") continue;
    for (const auto& group : read_json(entry.path()).as_array()) {
      const auto& object = group.as_object();
      run_group(
          object,
          entry.path().stem().string() + ": " + std::string(object.at("description").as_string()),
          tally);
    }
  }
  std::ranges::sort(tally.refused);
  EXPECT_EQ(tally.judged, 832U);
  // All of them name other documents or give themselves a name to be reached by.
  EXPECT_THAT(
      tally.refused,
      testing::ElementsAre(
          "defs: validate definition against metaschema",
          "ref: $id must be resolved against nearest parent, not just immediate parent",
          "ref: Recursive references between schemas", "ref: URN base URI with NSS",
          "ref: URN base URI with URN and JSON pointer ref",
          "ref: URN base URI with URN and anchor ref", "ref: URN base URI with f-component",
          "ref: URN base URI with q-component", "ref: URN base URI with r-component",
          "ref: URN ref with nested pointer ref",
          "ref: order of evaluation: $id and $anchor and $ref",
          "ref: order of evaluation: $id and $ref",
          "ref: ref creates new scope when adjacent to keywords",
          "ref: refs with relative uris and defs", "ref: relative refs with absolute uris and defs",
          "ref: remote ref, containing refs itself",
          "ref: simple URN base URI with $ref via the URN",
          "ref: simple URN base URI with JSON pointer",
          "unknownKeyword: $id inside an unknown keyword is not a real identifier"));
}

}  // namespace
}  // namespace personas::json_schema
