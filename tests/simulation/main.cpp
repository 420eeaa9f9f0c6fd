// Runs seeds: `simulation --first 1 --seeds 2000 --step 2 --seconds 120`, or one of them with
// `--seed 42 --trace`. scripts/simulate starts it, on several processes, and adds up what they say.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "world.hpp"

namespace personas::simulation {
namespace {

constexpr std::size_t kMostFailures = 10;

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1;
  std::uint64_t step = 1;
  std::uint64_t seconds = 0;  // 0: as long as it takes
  bool trace = false;
  bool hashes = false;
};

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t steps = 0;
  std::uint64_t virtual_seconds = 0;
  std::map<std::string, std::uint64_t> counts;
};

// Lines that scripts/simulate reads.
void report(const Totals& totals) {
  fmt::print("total seeds {}\ntotal steps {}\ntotal virtual seconds {}\n", totals.seeds,
             totals.steps, totals.virtual_seconds);
  for (const auto& [what, count] : totals.counts) fmt::print("count {} {}\n", count, what);
}

bool run_one(std::uint64_t seed, const Arguments& arguments, Totals& totals) {
  World world(seed);
  if (arguments.trace) world.observer().print_trace();
  const auto failure = world.run();
  ++totals.seeds;
  totals.steps += world.steps();
  totals.virtual_seconds += static_cast<std::uint64_t>(world.virtual_time().count() / 1'000'000);
  for (const auto& [what, count] : world.observer().counts()) totals.counts[what] += count;
  if (arguments.hashes) fmt::print("hash {} {:016x}\n", seed, world.observer().trace_hash());
  if (failure.empty()) return true;
  fmt::print("failed {}\n{}replay: scripts/simulate --seed {} --trace\n", seed, failure, seed);
  return false;
}

int run(const Arguments& arguments) {
  using Steady = std::chrono::steady_clock;
  const auto end = Steady::now() + std::chrono::seconds(arguments.seconds);
  Totals totals;
  std::size_t failures = 0;
  for (std::uint64_t i = 0; i < arguments.seeds && failures < kMostFailures; ++i) {
    if (arguments.seconds > 0 && Steady::now() >= end) break;
    if (!run_one(arguments.first + i * arguments.step, arguments, totals)) ++failures;
    std::fflush(stdout);  // what is known if the next seed ends the process
  }
  report(totals);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace personas::simulation

int main(int count, char** values) {
  personas::simulation::Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = values[i];
    const auto number = [&] { return i + 1 < count ? std::strtoull(values[++i], nullptr, 10) : 0; };
    if (name == "--first" || name == "--seed") {
      arguments.first = number();
    } else if (name == "--seeds") {
      arguments.seeds = number();
    } else if (name == "--step") {
      arguments.step = number();
    } else if (name == "--seconds") {
      arguments.seconds = number();
    } else if (name == "--trace") {
      arguments.trace = true;
    } else if (name == "--hashes") {
      arguments.hashes = true;
    } else {
      fmt::print(stderr, "unknown option {}; see tests/simulation/README.md\n", name);
      return EXIT_FAILURE;
    }
  }
  return personas::simulation::run(arguments);
}
