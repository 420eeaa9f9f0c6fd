// personas_bench: measures the server from outside, each scenario once, and writes what it found
// as JSON. report.py repeats it and makes the report; README.md says what each figure means.
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

constexpr int kMeasured = 0;
constexpr int kNotMeasured = 2;

struct Scenario {
  std::string_view name;
  Measured (*measure)(const Options&);
};

// Small things first, so that a mistake shows early.
constexpr std::array kScenarios{
    Scenario{"bare", measure_bare},
    Scenario{"size", measure_size},
    Scenario{"parse", measure_parse},
    Scenario{"mask", measure_mask},
    Scenario{"idle", measure_idle},
    Scenario{"store", measure_store},
    Scenario{"latency", measure_latency},
    Scenario{"event-latency", measure_event_latency},
    Scenario{"open-loop", measure_open_loop},
    Scenario{"follow", measure_follow},
    Scenario{"stream", measure_stream},
    Scenario{"throughput", measure_throughput},
    Scenario{"metered", measure_metered},
    Scenario{"events", measure_events},
    Scenario{"batches", measure_batches},
    Scenario{"matching", measure_matching},
    Scenario{"idle-workers", measure_idle_workers},
    Scenario{"backlog", measure_backlog},
    Scenario{"million", measure_million},
    Scenario{"work", measure_work},
};

void add_flags(CLI::App& app, Options& options) {
  std::vector<std::string> names;
  for (const Scenario& scenario : kScenarios) names.emplace_back(scenario.name);
  app.add_option("--binary", options.binary, "The program under test")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--scenario", options.scenarios, "What is measured")
      ->required()
      ->check(CLI::IsMember(names));
  app.add_option("--json", options.json_file, "Write the report to this file");
  app.add_option("--data-root", options.data_root, "Where private folders are made")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--seconds", options.measured_seconds, "Measured time of one run")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "latency, event-latency: how many a second")
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
  app.add_option("--server-prefix", options.server_prefix, "A word of what the server runs under");
  app.add_option("--work", options.work, "work: what is done")
      ->check(CLI::IsMember({"execution", "event"}))
      ->capture_default_str();
  app.add_option("--count", options.count, "work: how often")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--pause", options.pause_seconds, "Seconds before the load, for a profiler")
      ->check(CLI::Range(0, 600))
      ->capture_default_str();
}

void run_scenario(const Scenario& scenario, const Options& options, Report& report) {
  auto measured = scenario.measure(options);
  if (!measured) {
    report.failures.push_back(fmt::format("{}: {}", scenario.name, measured.error().describe()));
    fmt::print(stderr, "{}\n", report.failures.back());
    return;
  }
  for (Measurement& one : *measured) {
    one.scenario = scenario.name;
    fmt::print(stderr, "  {}: {:.3f} {}\n", one.figure, one.value, one.unit);
    report.rows.push_back(std::move(one));
  }
}

int run(const Options& options) {
  Report report{.machine = describe_machine(options.data_root)};
  for (const Scenario& scenario : kScenarios) {
    const auto& wanted = options.scenarios;
    if (std::ranges::find(wanted, scenario.name) == wanted.end()) continue;
    run_scenario(scenario, options, report);
  }
  if (!options.json_file.empty()) {
    std::ofstream out(options.json_file);
    out << codec::to_json(report) << '\n';
    if (!out.flush()) {
      fmt::print(stderr, "Cannot write {}.\n", options.json_file);
      return kNotMeasured;
    }
  }
  return report.failures.empty() ? kMeasured : kNotMeasured;
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
  return run(options);
}
