#include "personas/evaluation/documents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::evaluation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

boost::json::array list(std::string_view json) {
  return codec::parse_json(json)->as_array();
}

TEST(Documents, ScenariosComeBackAsTheyStoodInTheFile) {
  const auto tests = list(R"([{"name":"works","prompt":"Do it","input":{"a":[1,2]},
      "expectations":[{"outputContains":"done"},{"maxCostUsd":0.5},
                      {"judge":{"criteria":"good","minScore":70}}],"timeoutMs":5000}])");
  const auto read = read_tests(tests);
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_EQ(document_of(read->at(0)), tests[0].as_object());
}

TEST(Documents, AllThatIsWrongIsToldAtOnceWithItsPlace) {
  const auto read = read_tests(list(R"([
      {"name":"a","expectations":[{"outputContains":"x"}]},
      {"name":"b","prompt":"p","expectations":[{"outputMatches":"("},{}]},
      {"name":"c","prompt":"p","expectations":[{"acomplished":true}]},
      {"name":"b","prompt":"p","expectations":[{"accomplished":true}]}, 7])"));
  ASSERT_FALSE(read);
  std::vector<std::string> paths;
  for (const auto& field : read.error().fields) paths.push_back(field.path);
  EXPECT_THAT(paths,
              ElementsAre("/tests/0/prompt", "/tests/1/expectations/0/outputMatches",
                          "/tests/1/expectations/1",
                          HasSubstr("/tests/2/expectations/0"), "/tests/3/name", "/tests/4"));
}

}  // namespace
}  // namespace personas::evaluation
