#include "personas/store/group_commit.hpp"

#include <map>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace personas::store {
namespace {

using Step = GroupCommit::Step;
using Wrote = GroupCommit::Wrote;

Result<void> conflict() {
  return fail(ErrorCode::kConflict, "no");
}

// Drives one machine by a script and notes what it asked for.
class Driver {
 public:
  explicit Driver(std::size_t count) { machine.add(count); }

  void begin() {
    ASSERT_EQ(machine.next(), Step::kBegin);
    machine.began({});
  }
  void run_expecting(std::size_t operation, Result<void> outcome, Wrote wrote) {
    ASSERT_EQ(machine.next(), Step::kRun);
    ASSERT_EQ(machine.current(), operation);
    machine.ran(std::move(outcome), wrote);
  }
  void commit(Result<void> outcome = {}) {
    ASSERT_EQ(machine.next(), Step::kCommit);
    machine.committed(std::move(outcome));
  }
  void roll_back() {
    ASSERT_EQ(machine.next(), Step::kRollback);
    machine.rolled_back();
  }
  // "0:ok 1:conflict"
  std::string outcomes() {
    std::string text;
    for (const auto& [operation, result] : machine.take_outcomes()) {
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", operation,
                          result ? "ok" : info(result.error().code).name);
    }
    return text;
  }

  GroupCommit machine;
};

TEST(GroupCommit, WaitsUntilThereIsSomethingToDo) {
  GroupCommit machine;
  EXPECT_EQ(machine.next(), Step::kWait);
  machine.add(1);
  EXPECT_EQ(machine.next(), Step::kBegin);
}

TEST(GroupCommit, TellsNobodyAnythingBeforeTheCommit) {
  Driver driver(2);
  driver.begin();
  driver.run_expecting(0, {}, Wrote::kSomething);
  driver.run_expecting(1, conflict(), Wrote::kNothing);
  EXPECT_EQ(driver.outcomes(), "");
  driver.commit();
  EXPECT_EQ(driver.outcomes(), "0:ok 1:conflict");
  EXPECT_EQ(driver.machine.next(), Step::kWait);
  EXPECT_EQ(driver.machine.replays(), 0U);
}

TEST(GroupCommit, AFailureAfterAWriteRunsWhatStoodBeforeItAgainAndOpensTheNextBatch) {
  Driver driver(4);
  driver.begin();
  driver.run_expecting(0, {}, Wrote::kSomething);
  driver.run_expecting(1, {}, Wrote::kSomething);
  driver.run_expecting(2, conflict(), Wrote::kSomething);
  driver.roll_back();
  EXPECT_EQ(driver.outcomes(), "");

  driver.begin();
  driver.run_expecting(0, {}, Wrote::kSomething);
  driver.run_expecting(1, {}, Wrote::kSomething);
  driver.commit();
  EXPECT_EQ(driver.outcomes(), "0:ok 1:ok");

  driver.begin();
  driver.run_expecting(2, conflict(), Wrote::kSomething);
  driver.roll_back();
  EXPECT_EQ(driver.outcomes(), "2:conflict");

  driver.begin();
  driver.run_expecting(3, {}, Wrote::kSomething);
  driver.commit();
  EXPECT_EQ(driver.outcomes(), "3:ok");
  EXPECT_EQ(driver.machine.replays(), 3U);
}

TEST(GroupCommit, AnOperationThatFailedForItsNeighboursMaySucceedAfterThem) {
  Driver driver(2);
  driver.begin();
  driver.run_expecting(0, {}, Wrote::kSomething);
  driver.run_expecting(1, conflict(), Wrote::kSomething);
  driver.roll_back();
  driver.begin();
  driver.run_expecting(0, {}, Wrote::kSomething);
  driver.commit();
  driver.begin();
  driver.run_expecting(1, {}, Wrote::kSomething);
  driver.commit();
  EXPECT_EQ(driver.outcomes(), "0:ok 1:ok");
}

TEST(GroupCommit, AFailedCommitFailsTheWholeBatchAndIsNotTriedAgain) {
  Driver driver(2);
  driver.begin();
  driver.run_expecting(0, {}, Wrote::kSomething);
  driver.run_expecting(1, {}, Wrote::kSomething);
  driver.machine.add(1);
  driver.commit(fail(ErrorCode::kOutcomeUnknown, "the disk said no"));
  EXPECT_EQ(driver.outcomes(), "0:outcome_unknown 1:outcome_unknown");
  driver.roll_back();
  driver.begin();
  driver.run_expecting(2, {}, Wrote::kSomething);
  driver.commit();
  EXPECT_EQ(driver.outcomes(), "2:ok");
}

TEST(GroupCommit, ABeginThatFailsFailsItsBatchWithoutARollback) {
  Driver driver(2);
  driver.machine.began(fail(ErrorCode::kUnavailable, "busy"));
  EXPECT_EQ(driver.outcomes(), "0:unavailable 1:unavailable");
  EXPECT_EQ(driver.machine.next(), Step::kWait);
}

TEST(GroupCommit, ABatchIsCapped) {
  Driver driver(kMaxBatch + 1);
  driver.begin();
  for (std::size_t i = 0; i < kMaxBatch; ++i) driver.run_expecting(i, {}, Wrote::kSomething);
  driver.commit();
  EXPECT_EQ(driver.machine.take_outcomes().size(), kMaxBatch);
  driver.begin();
  driver.run_expecting(kMaxBatch, {}, Wrote::kSomething);
}

// A table of counters with transactions, and operations that add to one counter and fail, before or
// after writing, when the counter has reached a limit. What the machine does to it must equal
// running the operations one by one in their order.
struct Model {
  struct Operation {
    int key;
    int limit;
    enum class Check { kBeforeWriting, kAfterWriting, kNever } check;
  };
  struct Ran {
    Result<void> outcome;
    Wrote wrote;
  };

  static Ran run(std::map<int, int>& table, const Operation& operation) {
    const bool refused = table[operation.key] >= operation.limit;
    if (refused && operation.check == Operation::Check::kBeforeWriting) {
      return {conflict(), Wrote::kNothing};
    }
    ++table[operation.key];
    if (refused && operation.check == Operation::Check::kAfterWriting) {
      return {conflict(), Wrote::kSomething};
    }
    return {{}, Wrote::kSomething};
  }
};

// The same operations one after the other, without a machine, give the same table and outcomes.
void expect_as_if_alone(const std::vector<Model::Operation>& operations,
                        const std::vector<std::optional<Result<void>>>& told,
                        const std::vector<int>& runs, std::map<int, int> committed) {
  std::map<int, int> expected;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto& result = *told[i];
    const bool engine_failed = !result && result.error().code != ErrorCode::kConflict;
    EXPECT_LE(runs[i], 3);
    if (engine_failed) continue;  // left no trace
    auto after = expected;
    const auto alone = Model::run(after, operations[i]).outcome;
    if (alone) expected = after;
    EXPECT_EQ(result.has_value(), alone.has_value()) << "operation " << i;
  }
  std::erase_if(committed, [](const auto& entry) { return entry.second == 0; });
  std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
  EXPECT_EQ(committed, expected);
}

void run_random_schedule(unsigned seed) {
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto below = [&](int bound) {
    return static_cast<int>(random() % static_cast<unsigned>(bound));
  };

  std::vector<Model::Operation> operations;
  GroupCommit machine;
  std::map<int, int> committed;
  std::map<int, int> table;
  std::vector<std::optional<Result<void>>> told;
  std::vector<int> runs;

  const auto add = [&] {
    const auto check = static_cast<Model::Operation::Check>(below(3));
    operations.push_back({below(4), below(12), check});
    machine.add(1);
    runs.push_back(0);
  };
  while (operations.size() < 200 || machine.next() != Step::kWait) {
    if (operations.size() < 200 && (machine.next() == Step::kWait || below(4) == 0)) add();
    switch (machine.next()) {
      case Step::kWait:
        break;
      case Step::kBegin:
        table = committed;
        machine.began(below(30) == 0 ? Result<void>(fail(ErrorCode::kUnavailable, ""))
                                     : Result<void>());
        break;
      case Step::kRun: {
        const auto current = machine.current();
        ++runs[current];
        auto [outcome, wrote] = Model::run(table, operations[current]);
        machine.ran(std::move(outcome), wrote);
        break;
      }
      case Step::kCommit:
        if (below(20) == 0) {
          machine.committed(fail(ErrorCode::kStorageFull, ""));
        } else {
          committed = table;
          machine.committed({});
        }
        break;
      case Step::kRollback:
        table = committed;
        machine.rolled_back();
        break;
    }
    for (auto& [operation, result] : machine.take_outcomes()) {
      ASSERT_EQ(operation, told.size()) << "outcomes come in order";
      told.emplace_back(std::move(result));
    }
  }

  ASSERT_EQ(told.size(), operations.size());
  expect_as_if_alone(operations, told, runs, std::move(committed));
}
TEST(GroupCommit, EqualsRunningTheOperationsOneByOneUnderAnySchedule) {
  for (unsigned seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    run_random_schedule(seed);
  }
}

}  // namespace
}  // namespace personas::store
