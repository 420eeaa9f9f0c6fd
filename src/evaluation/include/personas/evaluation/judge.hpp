// A second agent that reads what came of a test: what it is asked, and its answer. What the tested
// agent wrote is data for it, fenced, so that nobody can talk it into a verdict. Pure.
#pragma once

#include <string>
#include <string_view>

#include "personas/agents/transcript.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/evaluation/scenario.hpp"

namespace personas::evaluation {

inline constexpr std::string_view kVerdictKey = "test_verdict";
inline constexpr std::size_t kMaxJudgedWords = 256 * 1024;  // from the end

const Judge* judge_of(const std::vector<Expectation>& expectations);

std::string judge_prompt(const Scenario& scenario, const Judge& judge,
                         const agents::Transcript& transcript, Random& random);

struct JudgeAnswer {
  bool pass = false;
  std::int64_t score = 0;
  std::string reason;
};
// From the judge's own words. The error says all that is wrong with it.
Result<JudgeAnswer> read_verdict(std::string_view words);

// The verdict as one more check.
Check judged(const Judge& judge, const JudgeAnswer& answer);

}  // namespace personas::evaluation

namespace personas::codec {

template <>
struct Described<evaluation::JudgeAnswer> {
  using T = evaluation::JudgeAnswer;
  static constexpr std::string_view name = "JudgeAnswer";
  static constexpr auto fields = std::tuple{
      field("pass", &T::pass).required().doc("Whether the criteria are met"),
      field("score", &T::score).required().range(0, 100).doc("How well"),
      field("reason", &T::reason).required().length(1, 20'000).doc("Why, in a few sentences")};
};

}  // namespace personas::codec
