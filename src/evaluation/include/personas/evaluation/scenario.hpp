// A test of a persona: what it is given, and what must come of it; and what came of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::evaluation {

inline constexpr std::int64_t kMaxScenarios = 100;  // of a persona
inline constexpr std::int64_t kMaxRepetitions =
    20;  // of a scenario in a run: variance shows with fewer
inline constexpr std::int64_t kMaxResults = 500;  // executions of one run

// A second agent reads what came of it. At most one per scenario.
struct Judge {
  std::string criteria;
  std::int64_t min_score = 0;  // 0: its word alone counts
  std::optional<std::string> backend = {};
  std::optional<std::string> model = {};
};

// One rule: exactly one member is set.
struct Expectation {
  std::optional<std::string> output_contains;
  std::optional<std::string> output_matches;
  std::optional<std::string> message_contains;
  std::optional<std::string> event_emitted;
  std::optional<std::string> memory_stored;
  std::optional<std::string> tool_called;
  std::optional<std::string> tool_not_called;
  std::optional<bool> accomplished;
  std::optional<bool> not_accomplished;
  std::optional<bool> review_asked;
  std::optional<double> max_cost_usd;
  std::optional<std::int64_t> max_duration_ms;
  std::optional<std::int64_t> max_turns;
  std::optional<Judge> judge;
};

struct Scenario {
  ScenarioId id;
  PersonaId persona_id;
  std::string name;
  std::string prompt;
  std::optional<codec::RawJson> input;
  std::vector<Expectation> expectations;
  std::optional<std::int64_t> timeout_ms;
  Timestamp created_at;
  Timestamp updated_at;
};

// What became of one rule.
struct Check {
  std::string rule;
  std::string expected;
  bool passed = false;
  std::string seen;  // what there was instead, or where it was
};

enum class Verdict : std::uint8_t {
  kRunning,
  kJudging,
  kPassed,
  kFailed,
  kError,  // it could not be tested: the execution or the judge failed
};
constexpr bool is_final(Verdict verdict) {
  return verdict != Verdict::kRunning && verdict != Verdict::kJudging;
}

struct TestResult {
  TestResultId id;
  TestRunId run_id;
  ScenarioId scenario_id;
  std::string scenario_name;
  std::int64_t repetition = 1;
  codec::RawJson scenario;  // as it was when it ran
  ExecutionId execution_id;
  std::optional<ExecutionId> judge_execution_id;
  Verdict verdict = Verdict::kRunning;
  std::vector<Check> checks;
  std::optional<std::string> message;  // of an error: what happened, and what to do
  std::optional<double> cost_usd;      // the judge's among it
  std::optional<std::int64_t> duration_ms;
  Timestamp created_at;
  std::optional<Timestamp> completed_at;
};

enum class RunStatus : std::uint8_t { kRunning, kPassed, kFailed, kError };

struct TestRun {
  TestRunId id;
  PersonaId persona_id;
  std::int64_t persona_version = 1;
  RunStatus status = RunStatus::kRunning;
  std::optional<std::string> backend;  // if another than the persona's
  std::optional<std::string> model;
  std::int64_t repeat = 1;
  std::int64_t total = 0;
  std::int64_t passed = 0;
  std::int64_t failed = 0;
  std::int64_t errors = 0;
  std::optional<double> cost_usd;
  Timestamp created_at;
  std::optional<Timestamp> completed_at;
};

// How a scenario did against the last run of the version before.
enum class Change : std::uint8_t { kNew, kSame, kFixed, kBroken };
struct Comparison {
  std::string scenario_name;
  std::int64_t passed = 0;  // repetitions
  std::int64_t total = 0;
  std::optional<std::int64_t> passed_before;
  std::optional<std::int64_t> total_before;
  Change change = Change::kNew;
};

struct TestReport : TestRun {
  std::vector<TestResult> results;
  std::optional<TestRunId> previous_run_id;  // of the version before
  std::optional<std::int64_t> previous_version;
  std::vector<Comparison> comparison;  // by scenario
};

}  // namespace personas::evaluation

#include "personas/evaluation/scenario_described.hpp"
