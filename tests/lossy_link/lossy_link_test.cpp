// Both ends of the worker protocol over broken links, crashing processes and standing clocks.
// PERSONAS_SEED=n runs one schedule, PERSONAS_SCHEDULES=n another number of them.
#include <array>
#include <cstdlib>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace personas::lossy_link {
namespace {

constexpr std::uint64_t kFirstSeed = 1;
constexpr std::uint64_t kSchedules = 10'000;
// Schedules that once failed.
constexpr std::array<std::uint64_t, 1> kRegressions = {1};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

using Counts = std::map<std::string, std::uint64_t>;

void expect_kept(std::uint64_t seed, Counts& counts) {
  World world(seed);
  const std::string report = world.run();
  for (const auto& [what, count] : world.ledger().counts()) counts[what] += count;
  ASSERT_TRUE(report.empty()) << "PERSONAS_SEED=" << seed << "\n" << report;
}

TEST(LossyLink, KeepsItsPromisesOnSchedulesThatOnceBrokeThem) {
  Counts counts;
  for (const auto seed : kRegressions) expect_kept(seed, counts);
}

TEST(LossyLink, KeepsItsPromisesOnRandomSchedules) {
  Counts counts;
  if (const auto seed = number_from("PERSONAS_SEED", 0); seed != 0) {
    return expect_kept(seed, counts);
  }
  const auto schedules = number_from("PERSONAS_SCHEDULES", kSchedules);
  for (std::uint64_t i = 0; i < schedules && !HasFatalFailure(); ++i) {
    expect_kept(kFirstSeed + i, counts);
  }
  fmt::print("{} schedules, seeds from {}\n", schedules, kFirstSeed);
  for (const auto& [what, count] : counts) fmt::print("{:>9} {}\n", count, what);
}

}  // namespace
}  // namespace personas::lossy_link
