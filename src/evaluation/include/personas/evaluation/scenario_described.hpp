// Descriptions of scenario.hpp.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/evaluation/scenario.hpp"

namespace personas::codec {

template <>
struct Described<evaluation::Judge> {
  using T = evaluation::Judge;
  static constexpr std::string_view name = "Judge";
  static constexpr auto fields = std::tuple{
      field("criteria", &T::criteria)
          .required()
          .length(1, 20'000)
          .doc("What a good result is, in words"),
      field("minScore", &T::min_score).range(0, 100).doc("The least score that passes"),
      field("backend", &T::backend).length(1, 50).doc("Of the judge; the persona's if absent"),
      field("model", &T::model).length(1, 200)};
};

template <>
struct Described<evaluation::Expectation> {
  using T = evaluation::Expectation;
  static constexpr std::string_view name = "Expectation";
  static constexpr auto fields = std::tuple{
      field("outputContains", &T::output_contains).length(1, 10'000).doc("In the agent's words"),
      field("outputMatches", &T::output_matches)
          .length(1, 1'000)
          .doc("Regular expression without look-around and back references"),
      field("messageContains", &T::message_contains)
          .length(1, 10'000)
          .doc("In title or content of a message to its user"),
      field("eventEmitted", &T::event_emitted).length(1, 200).doc("Type of an event"),
      field("memoryStored", &T::memory_stored)
          .length(1, 10'000)
          .doc("In title or content of something it remembers"),
      field("toolCalled", &T::tool_called).length(1, 200).doc("Name, as the agent CLI calls it"),
      field("toolNotCalled", &T::tool_not_called).length(1, 200),
      field("accomplished", &T::accomplished).doc("By the agent's own assessment"),
      field("notAccomplished", &T::not_accomplished).doc("It says that it could not do it"),
      field("reviewAsked", &T::review_asked).doc("Whether it asked a human to decide"),
      field("maxCostUsd", &T::max_cost_usd).number_range(0, 100'000),
      field("maxDurationMs", &T::max_duration_ms).range(1, 86'400'000),
      field("maxTurns", &T::max_turns).range(1, 10'000),
      field("judge", &T::judge).doc("A model reads the result and decides")};
};

template <>
struct Described<evaluation::Scenario> {
  using T = evaluation::Scenario;
  static constexpr std::string_view name = "TestScenario";
  static constexpr auto fields = std::tuple{
      field("id", &T::id).read_only(),
      field("personaId", &T::persona_id).read_only(),
      field("name", &T::name).required().length(1, 200).doc("Unique for the persona"),
      field("prompt", &T::prompt).required().length(1, 200'000).doc("The task it is given"),
      field("input", &T::input).doc("Input data, any JSON"),
      field("expectations", &T::expectations)
          .required()
          .length(1, 50)
          .doc("Rules; each names one thing"),
      field("timeoutMs", &T::timeout_ms).range(1'000, 86'400'000),
      field("createdAt", &T::created_at).read_only(),
      field("updatedAt", &T::updated_at).read_only()};
};

template <>
struct Described<evaluation::Check> {
  using T = evaluation::Check;
  static constexpr std::string_view name = "TestCheck";
  static constexpr auto fields =
      std::tuple{field("rule", &T::rule), field("expected", &T::expected),
                 field("passed", &T::passed), field("seen", &T::seen)};
};

template <>
struct Described<evaluation::Verdict> {
  using V = evaluation::Verdict;
  static constexpr std::string_view name = "TestVerdict";
  static constexpr std::array values{value("running", V::kRunning), value("judging", V::kJudging),
                                     value("passed", V::kPassed), value("failed", V::kFailed),
                                     value("error", V::kError)};
};

template <>
struct Described<evaluation::TestResult> {
  using T = evaluation::TestResult;
  static constexpr std::string_view name = "TestResult";
  static constexpr auto fields = std::tuple{field("id", &T::id),
                                            field("runId", &T::run_id),
                                            field("scenarioId", &T::scenario_id),
                                            field("scenarioName", &T::scenario_name),
                                            field("repetition", &T::repetition),
                                            field("scenario", &T::scenario),
                                            field("executionId", &T::execution_id),
                                            field("judgeExecutionId", &T::judge_execution_id),
                                            field("verdict", &T::verdict),
                                            field("checks", &T::checks),
                                            field("message", &T::message),
                                            field("costUsd", &T::cost_usd),
                                            field("durationMs", &T::duration_ms),
                                            field("createdAt", &T::created_at),
                                            field("completedAt", &T::completed_at)};
};

template <>
struct Described<evaluation::RunStatus> {
  using S = evaluation::RunStatus;
  static constexpr std::string_view name = "TestRunStatus";
  static constexpr std::array values{value("running", S::kRunning), value("passed", S::kPassed),
                                     value("failed", S::kFailed), value("error", S::kError)};
};

template <>
struct Described<evaluation::TestRun> {
  using T = evaluation::TestRun;
  static constexpr std::string_view name = "TestRun";
  static constexpr auto fields = std::tuple{
      field("id", &T::id),
      field("personaId", &T::persona_id),
      field("personaVersion", &T::persona_version),
      field("status", &T::status).doc("error: something could not be tested, and nothing failed"),
      field("backend", &T::backend),
      field("model", &T::model),
      field("repeat", &T::repeat),
      field("total", &T::total),
      field("passed", &T::passed),
      field("failed", &T::failed),
      field("errors", &T::errors),
      field("costUsd", &T::cost_usd),
      field("createdAt", &T::created_at),
      field("completedAt", &T::completed_at)};
};

template <>
struct Described<evaluation::Change> {
  using C = evaluation::Change;
  static constexpr std::string_view name = "TestChange";
  static constexpr std::array values{value("new", C::kNew), value("same", C::kSame),
                                     value("fixed", C::kFixed), value("broken", C::kBroken)};
};

template <>
struct Described<evaluation::Comparison> {
  using T = evaluation::Comparison;
  static constexpr std::string_view name = "TestComparison";
  static constexpr auto fields = std::tuple{field("scenarioName", &T::scenario_name),
                                            field("passed", &T::passed),
                                            field("total", &T::total),
                                            field("passedBefore", &T::passed_before),
                                            field("totalBefore", &T::total_before),
                                            field("change", &T::change)};
};

template <>
struct Described<evaluation::TestReport> {
  using T = evaluation::TestReport;
  static constexpr std::string_view name = "TestReport";
  static constexpr auto fields =
      std::tuple_cat(Described<evaluation::TestRun>::fields,
                     std::tuple{field("results", &T::results),
                                field("previousRunId", &T::previous_run_id)
                                    .doc("The last finished run of the version before"),
                                field("previousVersion", &T::previous_version),
                                field("comparison", &T::comparison)});
};

}  // namespace personas::codec
