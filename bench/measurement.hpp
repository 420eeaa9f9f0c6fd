// A figure that was measured and what it must be. Repeating, medians and verdicts are the business
// of report.py, which reads these as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/codec/described.hpp"

#include "machine.hpp"

namespace personas::bench {

enum class Better : std::uint8_t { kLower, kHigher };

// One figure of one run of one scenario.
struct Measurement {
  std::string scenario = {};  // filled in by main()
  std::string figure;         // "p50, execute to assign"
  std::string unit;
  double value = 0;
  std::optional<double> must = std::nullopt;
  std::optional<double> aim = std::nullopt;
  Better better = Better::kLower;
};

struct Report {
  Machine machine = {};
  std::vector<Measurement> rows = {};
  std::vector<std::string> failures = {};  // scenarios that could not be measured, and why
};

// The p-th part (0 to 1) of the values; sorts them. 0 if there are none.
double percentile(std::vector<double>& values, double p);

}  // namespace personas::bench

namespace personas::codec {

template <>
struct Described<bench::Better> {
  static constexpr std::string_view name = "Better";
  static constexpr std::array values{value("lower", bench::Better::kLower),
                                     value("higher", bench::Better::kHigher)};
};

template <>
struct Described<bench::Measurement> {
  using M = bench::Measurement;
  static constexpr std::string_view name = "Measurement";
  static constexpr auto fields = std::tuple{
      field("scenario", &M::scenario), field("figure", &M::figure), field("unit", &M::unit),
      field("value", &M::value),       field("must", &M::must),     field("aim", &M::aim),
      field("better", &M::better)};
};

template <>
struct Described<bench::Report> {
  static constexpr std::string_view name = "Report";
  static constexpr auto fields =
      std::tuple{field("machine", &bench::Report::machine), field("rows", &bench::Report::rows),
                 field("failures", &bench::Report::failures)};
};

}  // namespace personas::codec
