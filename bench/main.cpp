// personas_bench: measures the server from outside and prints what it found next to what it must
// be. README.md says how to run it and what each figure means.
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "personas/codec/json.hpp"

#include "trial.hpp"

namespace personas::bench {
namespace {

constexpr int kAllMet = 0;
constexpr int kSomeMissed = 1;
constexpr int kNotMeasured = 2;

enum class Repeats : std::uint8_t { kEveryRun, kOnce };

struct Scenario {
  std::string_view name;
  Measured (*measure)(const Options&);
  Repeats repeats = Repeats::kEveryRun;
};

// Small things first, so that a mistake shows early.
constexpr std::array kScenarios{
    Scenario{"size", measure_size, Repeats::kOnce},
    Scenario{"parse", measure_parse, Repeats::kOnce},
    Scenario{"mask", measure_mask, Repeats::kOnce},
    Scenario{"idle", measure_idle},
    Scenario{"latency", measure_latency},
    Scenario{"follow", measure_follow},
    Scenario{"throughput", measure_throughput},
    Scenario{"idle-workers", measure_idle_workers},
    Scenario{"backlog", measure_backlog},
};

void add_flags(CLI::App& app, Options& options) {
  std::vector<std::string> names;
  for (const Scenario& scenario : kScenarios) names.emplace_back(scenario.name);
  app.add_option("--binary", options.binary, "The program under test")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--scenario", options.scenarios, "Only these (default: all)")
      ->check(CLI::IsMember(names));
  app.add_option("--runs", options.runs, "Runs of each scenario; medians are shown")
      ->check(CLI::Range(1, 25))
      ->capture_default_str();
  app.add_option("--json", options.json_file, "Also write the report to this file");
  app.add_option("--data-root", options.data_root, "Where private folders are made")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--seconds", options.measured_seconds, "Measured time of one run")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "latency: executions a second")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  app.add_option("--connections", options.connections, "throughput, backlog: HTTP connections")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "throughput: executions under way at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--workers", options.workers, "throughput: workers")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--slots", options.slots, "throughput: slots of each worker")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--idle-workers", options.idle_workers, "idle-workers: how many")
      ->check(CLI::Range(1, 50'000))
      ->capture_default_str();
  app.add_option("--backlog", options.backlog, "backlog: queued executions")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--server-env", options.server_environment, "NAME=VALUE for the server");
  app.add_option("--pause", options.pause_seconds, "Seconds before the load, for a profiler")
      ->check(CLI::Range(0, 600))
      ->capture_default_str();
}

// Measures one scenario; false when that was not possible.
bool run_scenario(const Scenario& scenario, const Options& options, Report& report) {
  std::vector<std::vector<Measurement>> runs;
  const std::int64_t wanted = scenario.repeats == Repeats::kOnce ? 1 : options.runs;
  for (std::int64_t run = 1; run <= wanted; ++run) {
    fmt::print(stderr, "{} {}/{} …\n", scenario.name, run, wanted);
    auto measured = scenario.measure(options);
    if (!measured) {
      report.failures.push_back(fmt::format("{}: {}", scenario.name, measured.error().describe()));
      fmt::print(stderr, "{}\n", report.failures.back());
      return false;
    }
    for (const Measurement& one : *measured) {
      fmt::print(stderr, "  {}: {:.3f} {}\n", one.figure, one.value, one.unit);
    }
    runs.push_back(*std::move(measured));
  }
  add_rows(report, std::string(scenario.name), runs);
  return true;
}

int run(const Options& options, std::string command) {
  Report report{.command = std::move(command),
                .runs = options.runs,
                .machine = describe_machine(options.data_root)};
  for (const Scenario& scenario : kScenarios) {
    const bool wanted =
        options.scenarios.empty() ||
        std::ranges::find(options.scenarios, scenario.name) != options.scenarios.end();
    if (wanted) run_scenario(scenario, options, report);
  }
  fmt::print("{}", markdown(report));
  if (!options.json_file.empty()) {
    std::ofstream out(options.json_file);
    out << codec::to_json(report) << '\n';
    if (!out.flush()) {
      fmt::print(stderr, "Cannot write {}.\n", options.json_file);
      return kNotMeasured;
    }
  }
  if (!report.failures.empty()) return kNotMeasured;
  const bool missed = std::ranges::any_of(
      report.rows, [](const Row& row) { return row.verdict == Verdict::kMissed; });
  return missed ? kSomeMissed : kAllMet;
}

}  // namespace
}  // namespace personas::bench

int main(int argc, char** argv) {
  using namespace personas::bench;
  Options options;
  std::error_code error;
  options.data_root = std::filesystem::temp_directory_path(error).string();
  CLI::App app("Measures the Personas server from outside");
  add_flags(app, options);
  CLI11_PARSE(app, argc, argv);
  options.binary = std::filesystem::absolute(options.binary).string();
  options.data_root = std::filesystem::absolute(options.data_root).string();
  std::signal(SIGPIPE, SIG_IGN);
  std::string command;
  for (int i = 0; i < argc; ++i) command += (i == 0 ? "" : " ") + std::string(argv[i]);
  return run(options, std::move(command));
}
