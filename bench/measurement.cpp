#include "measurement.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace personas::bench {
namespace {

// Load per core from which somebody else's work shows in the figures.
constexpr double kBusyLoad = 0.5;

bool holds(double value, double bound, Better better) {
  return better == Better::kLower ? value <= bound : value >= bound;
}

Verdict judge(const Row& row) {
  if (row.must && !holds(row.value, *row.must, row.better)) return Verdict::kMissed;
  if (row.aim && !holds(row.value, *row.aim, row.better)) return Verdict::kAimMissed;
  return row.must || row.aim ? Verdict::kMet : Verdict::kNone;
}

std::string number(double value) {
  const double size = std::abs(value);
  if (size >= 100) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  return fmt::format("{:.3g}", value);
}

std::string bound(const std::optional<double>& value, Better better) {
  if (!value) return "";
  return fmt::format("{} {}", better == Better::kLower ? "≤" : "≥", number(*value));
}

std::string_view text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNone:
      return "";
    case Verdict::kMet:
      return "met";
    case Verdict::kAimMissed:
      return "aim missed";
    case Verdict::kMissed:
      return "NOT MET";
  }
  return "";
}

std::string range(const std::vector<double>& samples) {
  if (samples.size() < 2) return "";
  const auto [low, high] = std::ranges::minmax(samples);
  return fmt::format("{} – {}", number(low), number(high));
}

}  // namespace

double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double place = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double part = place - static_cast<double>(below);
  return values[below] * (1 - part) + values[above] * part;
}

void add_rows(Report& report, const std::string& scenario,
              const std::vector<std::vector<Measurement>>& runs) {
  if (runs.empty()) return;
  for (const Measurement& first : runs.front()) {
    Row row{.scenario = scenario,
            .figure = first.figure,
            .unit = first.unit,
            .aim = first.aim,
            .better = first.better};
    std::vector<double> musts;
    for (const auto& run : runs) {
      for (const Measurement& measured : run) {
        if (measured.figure != first.figure) continue;
        row.samples.push_back(measured.value);
        if (measured.must) musts.push_back(*measured.must);
      }
    }
    std::vector<double> sorted = row.samples;
    row.value = percentile(sorted, 0.5);
    if (!musts.empty()) row.must = percentile(musts, 0.5);
    row.verdict = judge(row);
    report.rows.push_back(std::move(row));
  }
}

std::string markdown(const Report& report) {
  const Machine& machine = report.machine;
  std::string out = fmt::format(
      "{} cores of {}, {} MB, kernel {}, {} at {}; load average at the start {:.2f}\n\n",
      machine.cores, machine.cpu, machine.memory_mb, machine.kernel, machine.filesystem,
      machine.data_root, machine.load_average);
  if (machine.load_average >= kBusyLoad * static_cast<double>(machine.cores)) {
    out += "**The machine was busy when this began**: latencies hold the wait for a processor.\n\n";
  }
  out += fmt::format("Repeat: `{}`\n\nMedians of runs: {}.\n\n", report.command, report.runs);
  out += "| scenario | figure | measured | must | aim | | lowest – highest |\n";
  out += "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Row& row : report.rows) {
    out += fmt::format("| {} | {} | {} {} | {} | {} | {} | {} |\n", row.scenario, row.figure,
                       number(row.value), row.unit, bound(row.must, row.better),
                       bound(row.aim, row.better), text(row.verdict), range(row.samples));
  }
  for (const std::string& failure : report.failures) out += "\nNot measured: " + failure + "\n";
  return out;
}

}  // namespace personas::bench
