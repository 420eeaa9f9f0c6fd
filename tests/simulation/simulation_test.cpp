// That the simulation can be trusted: it repeats itself, it sees what is planted, and seeds that
// once failed stay good.
#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace personas::simulation {
namespace {

// Seeds that once failed, with what they found.
constexpr std::array<std::uint64_t, 2> kRegressions = {
    423,  // the log of a killed process was read and never synced
    844,  // a turn was taken out of its queue twice
};

constexpr std::uint64_t kRepeated = 50;
constexpr std::uint64_t kMostTries = 600;  // seeds until a planted fault had its chance

std::string hash_of(std::uint64_t seed, WorldPlants plants = {}) {
  World world(seed, plants);
  const auto report = world.run();
  EXPECT_EQ(report, "") << "seed " << seed;
  return fmt::format("hash {} {:016x}\n", seed, world.observer().trace_hash());
}

std::string hashes_of_another_process() {
  const auto command =
      fmt::format("{} --hashes --first 1 --seeds {}", SIMULATION_PROGRAM, kRepeated);
  // lint-allow(shell): a program of this build, with constant arguments.
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::string hashes;
  std::array<char, 256> line{};
  while (fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    const std::string text(line.data());
    if (text.starts_with("hash ")) hashes += text;
  }
  return hashes;
}

TEST(Simulation, RepeatsItselfHereAndInAnotherProcess) {
  std::string once;
  std::string again;
  for (std::uint64_t seed = 1; seed <= kRepeated; ++seed) once += hash_of(seed);
  for (std::uint64_t seed = 1; seed <= kRepeated; ++seed) again += hash_of(seed);
  EXPECT_EQ(once, again);
  EXPECT_EQ(once, hashes_of_another_process());
}

TEST(Simulation, NoticesThatItDoesNotRepeatItself) {
  WorldPlants plants;
  plants.address_in_trace = true;
  EXPECT_NE(hash_of(1, plants), hash_of(1, plants));
}

TEST(Simulation, StaysGoodWhereItOnceFailed) {
  for (const auto seed : kRegressions) {
    World world(seed);
    EXPECT_EQ(world.run(), "") << "seed " << seed;
  }
}

// What is planted, and a word of the report that has to come of it.
struct Planted {
  const char* name;
  void (*plant)(WorldPlants& plants);
  const char* seen;
  std::uint64_t first = 1;  // seed to begin with, where few of them give the fault its chance
};
class PlantedFault : public testing::TestWithParam<Planted> {};

TEST_P(PlantedFault, IsSeen) {
  WorldPlants plants;
  GetParam().plant(plants);
  std::string reports;
  const auto first = GetParam().first;
  for (std::uint64_t seed = first; seed < first + kMostTries; ++seed) {
    World world(seed, plants);
    const auto report = world.run();
    if (report.find(GetParam().seen) != std::string::npos) return;
    if (!report.empty()) reports += report;
  }
  FAIL() << "not seen; instead:\n" << reports;
}

INSTANTIATE_TEST_SUITE_P(
    All, PlantedFault,
    testing::Values(
        Planted{"DiskThatLies", [](WorldPlants& p) { p.disk_lies = true; }, "is lost"},
        Planted{"SupervisorThatSleeps", [](WorldPlants& p) { p.agents.supervisor_sleeps = true; },
                "is alive", 1000},
        Planted{"OutputThatChanges", [](WorldPlants& p) { p.agents.output_changes = true; },
                "its agent wrote"},
        Planted{"OutputThatVanishes", [](WorldPlants& p) { p.agents.output_vanishes = true; },
                "its agent wrote"},
        Planted{"OutputThatIsSwapped", [](WorldPlants& p) { p.agents.output_swaps = true; },
                "its agent wrote"},
        Planted{"PositionThatFalls", [](WorldPlants& p) { p.position_falls = true; },
                "record 0 came after"},
        Planted{"ExecutionThatIsLost", [](WorldPlants& p) { p.execution_lost = true; },
                "has no row"},
        Planted{"LimitsThatAreLower", [](WorldPlants& p) { p.limits_lie = true; }, " runs "},
        Planted{"RowThatChanges", [](WorldPlants& p) { p.row_changes = true; }, ": row "},
        Planted{"RecordThatVanishes", [](WorldPlants& p) { p.record_vanishes = true; },
                "was acknowledged and is lost"},
        Planted{"StaleFrame", [](WorldPlants& p) { p.stale_frame = true; }, "which is not live"},
        Planted{"MeterThatSlips", [](WorldPlants& p) { p.meter_slips = true; }, "metering has"},
        Planted{"RunThatIsForgotten", [](WorldPlants& p) { p.run_forgotten = true; },
                " has 0 runs of "},
        Planted{"RunThatIsDoubled", [](WorldPlants& p) { p.run_doubled = true; },
                "which did not subscribe"},
        Planted{"EventThatIsRepeated", [](WorldPlants& p) { p.event_repeated = true; },
                "is there twice"},
        Planted{"SlotThatIsSkipped", [](WorldPlants& p) { p.slot_skipped = true; },
                " comes after slot "},
        Planted{"AgentsThatNeverEnd", [](WorldPlants& p) { p.agents.never_ends = true; },
                "not everything came to its end"},
        Planted{"NetThatStaysDown", [](WorldPlants& p) { p.net_stays_down = true; },
                "not everything came to its end"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace personas::simulation
