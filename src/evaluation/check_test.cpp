#include "personas/evaluation/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/codec/json.hpp"

namespace personas::evaluation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Expectation> rules(std::string_view json) {
  auto parsed = codec::parse<std::vector<Expectation>>(json);
  EXPECT_TRUE(parsed) << parsed.error().describe();
  return std::move(*parsed);
}

agents::Transcript transcript() {
  agents::Transcript t;
  t.words = "I closed issue #42.\nAll done.\n";
  t.tools = {"Bash", "Bash", "Read"};
  t.effects = {
      UserMessage{.content = "Closed one issue", .title = "Report"},
      EmitEvent{.type = "issue.closed", .data = {}},
      AgentMemory{.title = "Habit", .content = "They like it short", .tags = {}},
      ManualReview{
          .title = "Close it?", .description = {}, .context_data = {}, .suggested_actions = {}}};
  return t;
}

Check one(std::string_view rule, bool accomplished = true) {
  const auto t = transcript();
  const auto checks = check(rules("[" + std::string(rule) + "]"),
                            {.transcript = t,
                             .outcome = Outcome{accomplished, "One issue", {}},
                             .cost_usd = 0.02,
                             .duration_ms = 1'500,
                             .turns = 3});
  EXPECT_EQ(checks.size(), 1U);
  return checks.at(0);
}

TEST(Check, EachRulePassesAndFailsAndShowsWhatWasSeen) {
  const struct {
    std::string_view passes;
    std::string_view fails;
    std::string_view seen;  // in the failing one
  } kCases[] = {
      {R"({"outputContains":"issue #42"})", R"({"outputContains":"issue #43"})", "All done."},
      {R"({"outputMatches":"#\\d+\\.$"})", R"({"outputMatches":"#\\d{3}"})", "it ends"},
      {R"({"messageContains":"one issue"})", R"({"messageContains":"two"})", "Report"},
      {R"({"eventEmitted":"issue.closed"})", R"({"eventEmitted":"issue"})", "issue.closed"},
      {R"({"memoryStored":"short"})", R"({"memoryStored":"long"})", "Habit"},
      {R"({"toolCalled":"Bash"})", R"({"toolCalled":"Write"})", "Bash ×2, Read"},
      {R"({"toolNotCalled":"Write"})", R"({"toolNotCalled":"Read"})", "Bash ×2, Read"},
      {R"({"accomplished":true})", R"({"accomplished":false})", "accomplished: One issue"},
      {R"({"notAccomplished":false})", R"({"notAccomplished":true})", "accomplished"},
      {R"({"reviewAsked":true})", R"({"reviewAsked":false})", "Close it?"},
      {R"({"maxCostUsd":0.02})", R"({"maxCostUsd":0.01})", "0.0200"},
      {R"({"maxDurationMs":1500})", R"({"maxDurationMs":1499})", "1500"},
      {R"({"maxTurns":3})", R"({"maxTurns":2})", "3"},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(one(c.passes).passed) << c.passes;
    const auto failed = one(c.fails);
    EXPECT_FALSE(failed.passed) << c.fails;
    EXPECT_THAT(failed.seen, HasSubstr(std::string(c.seen))) << c.fails;
  }
  EXPECT_TRUE(one(R"({"notAccomplished":true})", false).passed);
}

TEST(Check, AnAgentThatSaidNothingFailsWithWords) {
  const agents::Transcript silent;
  const auto checks =
      check(rules(R"([{"outputContains":"x"},{"accomplished":true},{"messageContains":"x"},
                      {"eventEmitted":"x"},{"reviewAsked":false},{"judge":{"criteria":"good"}}])"),
            {.transcript = silent});
  ASSERT_EQ(checks.size(), 5U) << "the judge is no rule";
  EXPECT_EQ(checks[0].seen, "the agent wrote nothing");
  EXPECT_EQ(checks[1].seen, "the agent did not assess its outcome");
  EXPECT_TRUE(checks[4].passed);
  EXPECT_FALSE(all_passed(checks));
}

TEST(Check, EveryEntryNamesExactlyOneRule) {
  std::vector<std::string> problems;
  for (const auto& problem :
       problems_of(rules(R"([{"accomplished":true},{},{"toolCalled":"a","maxTurns":3},
                             {"outputMatches":"(a"},{"judge":{"criteria":"a"}},
                             {"judge":{"criteria":"b"}}])"),
                   "/expectations")) {
    problems.push_back(problem.path + " " + problem.message);
  }
  EXPECT_THAT(problems, ElementsAre(HasSubstr("/expectations/1 names no rule"),
                                    HasSubstr("/expectations/2 names several"),
                                    HasSubstr("/expectations/3/outputMatches the pattern is wrong"),
                                    HasSubstr("/expectations/5/judge there is a judge")));
}

TestResult result(std::string name, Verdict verdict) {
  TestResult r;
  r.scenario_name = std::move(name);
  r.verdict = verdict;
  return r;
}

TEST(Compare, SaysWhatWasFixedAndWhatBroke) {
  const auto all = compare(
      {result("a", Verdict::kPassed), result("b", Verdict::kFailed), result("b", Verdict::kPassed),
       result("c", Verdict::kPassed), result("d", Verdict::kError)},
      {result("a", Verdict::kFailed), result("b", Verdict::kPassed), result("d", Verdict::kFailed),
       result("gone", Verdict::kPassed)});
  std::vector<Change> changes;
  for (const auto& one : all) changes.push_back(one.change);
  EXPECT_THAT(changes, ElementsAre(Change::kFixed, Change::kBroken, Change::kNew, Change::kSame));
  EXPECT_EQ(all[1].passed, 1);
  EXPECT_EQ(all[1].total, 2);
  EXPECT_EQ(all[1].passed_before, 1);
  EXPECT_THAT(compare({}, {}), IsEmpty());
}

}  // namespace
}  // namespace personas::evaluation
