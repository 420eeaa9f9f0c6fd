// The k-th call of each kind fails, for every k until the session ends without reaching it; and the
// power goes at every write. Afterwards the database must be exactly as after the last acknowledged
// step or the one under way: nothing lost, nothing half done, no gap in the journal.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/store_sqlite/open.hpp"

#include "dump.hpp"
#include "faulty_disk.hpp"
#include "folder.hpp"
#include "session.hpp"

namespace personas::lying_disk {
namespace {

using store_sqlite::FaultyDisk;
using Fault = FaultyDisk::Fault;

// Beyond so many calls of a kind only each kSampled-th is tried, unless PERSONAS_LYING_DISK_FULL
// is set: what follows are repetitions.
constexpr int kAll = 120;
constexpr int kSampled = 7;
constexpr int kPowerCuts = 1'000;

struct Life {
  int acknowledged = 0;
  std::optional<Error> error;  // why it ended early
};

// Both halves of the session with a checkpoint and a new start between them.
Life live(const std::filesystem::path& database, const std::string& vfs,
          const std::function<void(store::Store&)>& after_step = {}) {
  Life life;
  std::atomic<bool> fatal = false;
  for (const auto half : {&first_half, &second_half}) {
    // The process has ended, by its last checkpoint at the latest.
    if (fatal) life.error = Error{ErrorCode::kIo, "the disk failed", {}};
    if (life.error) return life;
    auto store = store_sqlite::open_sqlite({.path = database, .readers = 1, .vfs = vfs},
                                           [&](const Error&) { fatal = true; });
    if (!store) {
      life.error = store.error();
      return life;
    }
    const auto done = half(**store, [&] {
      ++life.acknowledged;
      if (after_step) after_step(**store);
    });
    if (!done) {
      life.error = done.error();
      return life;
    }
  }
  return life;
}

Result<std::string> dump_at(const std::filesystem::path& database) {
  TRY(auto store, store_sqlite::open_sqlite({.path = database, .readers = 1}, [](const Error&) {}));
  return dump_of(*store);
}

class LyingDisk : public testing::Test {
 protected:
  // What the database says after each step; nothing is in it before the first.
  static void SetUpTestSuite() {
    states_ = new std::vector<std::string>;
    const Folder folder;
    states_->push_back(dump_at(folder.database()).value());
    const Folder lived;
    const auto life = live(lived.database(), {},
                           [](store::Store& store) { states_->push_back(dump_of(store).value()); });
    ASSERT_FALSE(life.error) << life.error->describe();
  }
  static void TearDownTestSuite() { delete states_; }

  // Empty, or what is wrong.
  static std::string judge(const std::filesystem::path& database, int acknowledged) {
    const auto found = dump_at(database);
    if (!found) return found.error().describe();
    if (!found->ends_with("\nok\n") && *found != "ok\n") return "the file is not in order";
    const auto& states = *states_;
    for (auto step = static_cast<std::size_t>(acknowledged);
         step < states.size() && step <= static_cast<std::size_t>(acknowledged) + 1; ++step) {
      if (*found == states[step]) return {};
    }
    for (std::size_t step = 0; step < states.size(); ++step) {
      if (*found == states[step]) return fmt::format("it is at step {}", step);
    }
    return "it is between two steps";
  }

  static std::vector<std::string>* states_;
};

std::vector<std::string>* LyingDisk::states_ = nullptr;

TEST_F(LyingDisk, TheSessionIsTheSameEachTime) {
  const Folder folder;
  const auto life = live(folder.database(), {});
  EXPECT_FALSE(life.error);
  EXPECT_EQ(judge(folder.database(), life.acknowledged), "");
  EXPECT_EQ(static_cast<std::size_t>(life.acknowledged) + 1, states_->size());
}

TEST_F(LyingDisk, TheCheckerSeesWhatIsLost) {
  const Folder folder;
  const auto life = live(folder.database(), {});
  EXPECT_EQ(judge(folder.database(), life.acknowledged + 1), "it is at step 14");
  EXPECT_EQ(judge(folder.database(), life.acknowledged - 2), "it is at step 14");
}

// One life with this fault. False: the session ended without reaching it.
bool fails_well(Fault fault, int nth, std::mt19937& random,
                const std::function<std::string(const std::filesystem::path&, int)>& judge) {
  const Folder folder;
  const Folder cut;
  FaultyDisk disk;
  disk.fail_at(fault, nth);
  const auto life = live(folder.database(), disk.name());
  const bool struck = disk.struck();
  disk.cut_power(cut.path(), random);
  EXPECT_EQ(judge(folder.database(), life.acknowledged), "") << "as it stands";
  EXPECT_EQ(judge(cut.database(), life.acknowledged), "") << "after a power cut";
  EXPECT_EQ(disk.repeated_syncs(), 0) << "an fsync was tried again";
  return struck;
}

TEST_F(LyingDisk, TheFaultOfEveryCallLosesNothing) {
  const bool all = std::getenv("PERSONAS_LYING_DISK_FULL") != nullptr;
  std::mt19937 random(1);
  const std::pair<Fault, std::string_view> kFaults[] = {
      {Fault::kWriteError, "write error"}, {Fault::kSyncError, "fsync error"},
      {Fault::kFull, "full disk"},         {Fault::kReadError, "read error"},
      {Fault::kShortRead, "short read"},   {Fault::kTruncateError, "truncate error"},
      {Fault::kOpenError, "open error"},   {Fault::kLockError, "lock error"},
  };
  for (const auto& [fault, name] : kFaults) {
    int tried = 0;
    int nth = 1;
    const auto judge_now = [](const std::filesystem::path& at, int acknowledged) {
      return judge(at, acknowledged);
    };
    for (;; nth += all || nth < kAll ? 1 : kSampled) {
      SCOPED_TRACE(fmt::format("{} at call {}", name, nth));
      if (!fails_well(fault, nth, random, judge_now)) break;
      ++tried;
      if (HasFailure()) return;
    }
    fmt::print("{}: {} of about {} calls failed one by one\n", name, tried, nth - 1);
    EXPECT_GT(tried, 0) << name << " was never reached";
  }
}

TEST_F(LyingDisk, APowerCutAtEveryWriteLosesNothing) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  int cuts = 0;
  while (cuts < kPowerCuts) {
    const Folder folder;
    FaultyDisk disk;
    std::vector<std::pair<std::unique_ptr<Folder>, int>> left;
    std::atomic<int> acknowledged = 0;
    std::mutex mutex;
    disk.before_each_change([&] {
      const std::lock_guard lock(mutex);
      left.emplace_back(std::make_unique<Folder>(), acknowledged.load());
      disk.cut_power(left.back().first->path(), random);
    });
    const auto life = live(folder.database(), disk.name(), [&](store::Store&) { ++acknowledged; });
    ASSERT_FALSE(life.error) << life.error->describe();
    for (const auto& [cut, known] : left) {
      SCOPED_TRACE(fmt::format("cut {} after step {}", cuts, known));
      ASSERT_EQ(judge(cut->database(), known), "");
      ++cuts;
    }
  }
  fmt::print("{} power cuts, seed {}: nothing acknowledged was lost\n", cuts, seed);
}

}  // namespace
}  // namespace personas::lying_disk
