// Whether what an agent did is what a scenario expects. Pure.
#pragma once

#include <optional>
#include <vector>

#include "personas/agents/transcript.hpp"
#include "personas/base/error.hpp"
#include "personas/evaluation/scenario.hpp"
#include "personas/model/execution.hpp"

namespace personas::evaluation {

inline constexpr std::size_t kMaxSeen = 500;  // of what a check shows
// Words that a pattern is tried on, from the end: an answer stands there.
inline constexpr std::size_t kMaxMatched = 1024 * 1024;

// What can be wrong with a scenario beyond its fields: a rule that names nothing or two things, a
// pattern that is none, two judges. Paths begin with `prefix`.
std::vector<FieldError> problems_of(const std::vector<Expectation>& expectations,
                                    std::string_view prefix);

// What is known of a run that has completed.
struct Observed {
  const agents::Transcript& transcript;
  std::optional<Outcome> outcome = {};
  std::optional<double> cost_usd = {};
  std::int64_t duration_ms = 0;
  std::int64_t turns = 0;
};

// One check per rule but the judge's, in order.
std::vector<Check> check(const std::vector<Expectation>& expectations, const Observed& observed);
bool all_passed(const std::vector<Check>& checks);

// Results of one run by scenario, against those of an earlier run.
std::vector<Comparison> compare(const std::vector<TestResult>& results,
                                const std::vector<TestResult>& before);

}  // namespace personas::evaluation
