#include "tests.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/suggest.hpp"
#include "personas/evaluation/scenario.hpp"

#include "format.hpp"
#include "lists.hpp"

namespace personas::cli {
namespace {

using evaluation::Change;
using evaluation::RunStatus;
using evaluation::TestReport;
using evaluation::TestResult;
using evaluation::Verdict;

constexpr std::size_t kMaxShown = 400;
constexpr Duration kPollPause = milliseconds(250);

std::string line(std::string_view text) {
  return agents::clean_line(text, kMaxShown);
}

Paint paint_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return Paint::kGreen;
    case Verdict::kFailed:
    case Verdict::kError:
      return Paint::kRed;
    case Verdict::kRunning:
    case Verdict::kJudging:
      return Paint::kDim;
  }
  return Paint::kNone;
}

class Tester {
 public:
  Tester(Context& context, TestOptions options)
      : context_(context),
        terminal_(context.terminal),
        api_(context),
        options_(std::move(options)) {}

  Task<Result<int>> run() {
    CO_TRY(const auto persona, co_await find_persona(api_, options_.persona));
    CO_TRY(const auto body, co_await request_for(persona));
    CO_TRY(const auto response,
           co_await api_.call("POST", fmt::format("/api/personas/{}/tests", persona.id.str()),
                              codec::serialize(body)));
    CO_TRY(const auto started,
           codec::parse<evaluation::TestRun>(response.body, kFromServer, kAnswerLimits));
    if (options_.format == Format::kText) {
      terminal_.err(paint(terminal_, Paint::kDim,
                          fmt::format("{}: {} runs of version {} of {}\n", started.id.str(),
                                      started.total, started.persona_version, line(persona.name))));
    }
    CO_TRY(const auto report, co_await watch(started.id.str()));
    if (options_.format == Format::kJson) {
      terminal_.out(codec::to_json(report) + "\n");
    } else {
      show_summary(report);
    }
    co_return report.status == RunStatus::kPassed ? kExitDone : kExitFailed;
  }

 private:
  Task<Result<boost::json::object>> request_for(const Persona& persona) {
    boost::json::object body{{"repeat", options_.repeat}};
    if (!options_.backend.empty()) body["backend"] = options_.backend;
    if (!options_.model.empty()) body["model"] = options_.model;
    if (options_.scenarios.empty()) co_return body;
    CO_TRY(const auto known, co_await api_.get<std::vector<evaluation::Scenario>>(
                                 fmt::format("/api/personas/{}/scenarios", persona.id.str())));
    boost::json::array ids;
    for (const auto& wanted : options_.scenarios) {
      const auto found = std::ranges::find_if(known, [&wanted](const auto& scenario) {
        return scenario.name == wanted || scenario.id.str() == wanted;
      });
      if (found == known.end()) co_return fail(unknown(wanted, known));
      ids.emplace_back(found->id.str());
    }
    body["scenarioIds"] = std::move(ids);
    co_return body;
  }

  static Error unknown(const std::string& wanted, const std::vector<evaluation::Scenario>& known) {
    std::vector<std::string_view> names;
    for (const auto& scenario : known) names.push_back(scenario.name);
    const auto near = closest(wanted, names);
    return {ErrorCode::kNotFound,
            fmt::format(
                "There is no scenario \"{}\"{}", line(wanted),
                near.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", line(near))),
            {}};
  }

  // Prints each result as it comes.
  Task<Result<TestReport>> watch(std::string id) {
    for (;;) {
      CO_TRY(auto report, co_await api_.get<TestReport>("/api/tests/" + id));
      if (options_.format == Format::kText) show_new(report);
      if (report.status != RunStatus::kRunning) co_return report;
      co_await context_.pause(kPollPause);
    }
  }

  void show_new(const TestReport& report) {
    std::size_t width = 0;
    for (const auto& result : report.results) {
      width = std::max(width, display_width(label(result)));
    }
    for (const auto& result : report.results) {
      Verdict& shown = shown_[result.id.str()];
      if (shown == result.verdict) continue;
      shown = result.verdict;
      if (evaluation::is_final(result.verdict)) show(result, width);
    }
  }

  static std::string label(const TestResult& result) {
    return result.repetition > 1
               ? fmt::format("{} #{}", line(result.scenario_name), result.repetition)
               : line(result.scenario_name);
  }

  void show(const TestResult& result, std::size_t width) {
    const std::string name = label(result);
    std::string out = fmt::format("{:<8}", codec::name_of(result.verdict));
    out = paint(terminal_, paint_of(result.verdict), out) + name +
          std::string(width - std::min(width, display_width(name)), ' ');
    if (result.duration_ms) out += "  " + long_duration(milliseconds(*result.duration_ms));
    if (result.cost_usd) out += "  " + dollars(*result.cost_usd);
    terminal_.out(out + "\n");
    if (result.verdict == Verdict::kPassed) return;
    if (result.message) terminal_.out(fmt::format("        {}\n", line(*result.message)));
    for (const auto& check : result.checks) {
      if (check.passed) continue;
      terminal_.out(fmt::format("        {} {}\n        {}\n",
                                paint(terminal_, Paint::kBold, check.rule), line(check.expected),
                                paint(terminal_, Paint::kDim, "seen: " + line(check.seen))));
    }
    terminal_.out(paint(terminal_, Paint::kDim,
                        fmt::format("        personas logs {}\n", result.execution_id.str())));
  }

  void show_comparison(const TestReport& report) {
    if (!report.previous_version) return;
    for (const auto& one : report.comparison) {
      if (one.change != Change::kFixed && one.change != Change::kBroken) continue;
      const bool fixed = one.change == Change::kFixed;
      terminal_.out(fmt::format(
          "{} {}: {} of {}, with version {} it was {} of {}\n",
          paint(terminal_, fixed ? Paint::kGreen : Paint::kRed, fixed ? "better" : "worse"),
          line(one.scenario_name), one.passed, one.total, *report.previous_version,
          one.passed_before.value_or(0), one.total_before.value_or(0)));
    }
  }

  void show_summary(const TestReport& report) {
    show_comparison(report);
    const Paint colour = report.status == RunStatus::kPassed ? Paint::kGreen : Paint::kRed;
    std::string out =
        paint(terminal_, colour, fmt::format("{} of {} passed", report.passed, report.total));
    if (report.failed > 0) out += fmt::format(", {} failed", report.failed);
    if (report.errors > 0) out += fmt::format(", {} could not be tested", report.errors);
    if (report.cost_usd) out += ", " + dollars(*report.cost_usd);
    terminal_.out(out + "\n");
  }

  Context& context_;
  Terminal& terminal_;
  Api api_;
  TestOptions options_;
  std::map<std::string, Verdict> shown_;  // by result; the default is kRunning
};

}  // namespace

Task<Result<int>> test_persona(Context& context, TestOptions options) {
  Tester tester(context, std::move(options));
  co_return co_await tester.run();
}

}  // namespace personas::cli
