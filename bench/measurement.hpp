// A figure that was measured, what it must be, and the report made of many of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/codec/described.hpp"

#include "machine.hpp"

namespace personas::bench {

enum class Better : std::uint8_t { kLower, kHigher };
enum class Verdict : std::uint8_t { kNone, kMet, kAimMissed, kMissed };

// One figure of one run of one scenario.
struct Measurement {
  std::string figure;  // "p50, execute to assign"
  std::string unit;
  double value = 0;
  std::optional<double> must = std::nullopt;
  std::optional<double> aim = std::nullopt;
  Better better = Better::kLower;
};

// The same figure over all runs: its median, judged.
struct Row {
  std::string scenario;
  std::string figure;
  std::string unit;
  double value = 0;
  std::optional<double> must = std::nullopt;
  std::optional<double> aim = std::nullopt;
  Better better = Better::kLower;
  Verdict verdict = Verdict::kNone;
  std::vector<double> samples = {};
};

struct Report {
  std::string command;
  std::int64_t runs = 0;
  Machine machine = {};
  std::vector<Row> rows = {};
  std::vector<std::string> failures = {};  // scenarios that could not be measured, and why
};

// The p-th part (0 to 1) of the values; sorts them. 0 if there are none.
double percentile(std::vector<double>& values, double p);

// Adds the rows of a scenario: figures are matched by name over the runs.
void add_rows(Report& report, const std::string& scenario,
              const std::vector<std::vector<Measurement>>& runs);

std::string markdown(const Report& report);

}  // namespace personas::bench

namespace personas::codec {

template <>
struct Described<bench::Better> {
  static constexpr std::string_view name = "Better";
  static constexpr std::array values{value("lower", bench::Better::kLower),
                                     value("higher", bench::Better::kHigher)};
};

template <>
struct Described<bench::Verdict> {
  static constexpr std::string_view name = "Verdict";
  static constexpr std::array values{
      value("none", bench::Verdict::kNone), value("met", bench::Verdict::kMet),
      value("aim missed", bench::Verdict::kAimMissed), value("not met", bench::Verdict::kMissed)};
};

template <>
struct Described<bench::Row> {
  static constexpr std::string_view name = "Row";
  static constexpr auto fields =
      std::tuple{field("scenario", &bench::Row::scenario), field("figure", &bench::Row::figure),
                 field("unit", &bench::Row::unit),         field("value", &bench::Row::value),
                 field("must", &bench::Row::must),         field("aim", &bench::Row::aim),
                 field("better", &bench::Row::better),     field("verdict", &bench::Row::verdict),
                 field("samples", &bench::Row::samples)};
};

template <>
struct Described<bench::Report> {
  static constexpr std::string_view name = "Report";
  static constexpr auto fields =
      std::tuple{field("command", &bench::Report::command), field("runs", &bench::Report::runs),
                 field("machine", &bench::Report::machine), field("rows", &bench::Report::rows),
                 field("failures", &bench::Report::failures)};
};

}  // namespace personas::codec
