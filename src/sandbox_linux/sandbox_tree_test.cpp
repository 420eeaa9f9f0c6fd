// The promise: the whole tree is gone, whoever dies first.
#include <algorithm>
#include <unistd.h>

#include "test_support.hpp"

namespace personas::sandbox_linux {
namespace {

using sandbox::Ending;
using sandbox::Isolation;

class TreeTest : public SandboxTest {
 protected:
  // Agents that left group and session, ignore SIGTERM, and run.
  void start_escape(Instant lease = Instant::never()) {
    auto launch = helper({"escape"});
    launch.lease_until = lease;
    start(std::move(launch));
    ASSERT_TRUE(run_until([&] { return recorder_.out == "ready\n"; })) << recorder_.err;
    ASSERT_TRUE(run_until([&] { return agents().size() >= 5; }));
  }
  bool tree_goes() {
    return run_until([&] { return agents().empty(); });
  }
};

INSTANTIATE_TEST_SUITE_P(Isolation, TreeTest,
                         testing::Values(Isolation::kNone, Isolation::kNamespaces), isolation_name);

TEST_P(TreeTest, LeftOverChildrenAreGoneWhenTheEndIsTold) {
  auto launch = shell(std::string(PERSONAS_TEST_HELPER) + " escape & sleep 0.3; exit 3");
  const auto& outcome = run(std::move(launch));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_TRUE(agents().empty());
}

TEST_P(TreeTest, KillingReachesThoseWhoLeftTheSession) {
  start_escape();
  run_->kill();
  EXPECT_EQ(finish().ending, Ending::kKilled);
  EXPECT_TRUE(agents().empty());
}

TEST_P(TreeTest, ABombOfTwoHundredIsSwept) {
  start(helper({"bomb", "200"}));
  ASSERT_TRUE(run_until([&] { return recorder_.out == "ready\n"; }));
  run_->kill();
  EXPECT_EQ(finish().ending, Ending::kKilled);
  EXPECT_TRUE(agents().empty());
}

TEST_P(TreeTest, AnUnrenewedLeaseEndsTheTreeOnTime) {
  const Instant lease = clock_.now() + seconds(1);
  start_escape(lease);
  EXPECT_EQ(finish().ending, Ending::kLeaseLost);
  EXPECT_GE(clock_.now(), lease);
  EXPECT_TRUE(agents().empty());
}

TEST_P(TreeTest, ARenewedLeaseKeepsItAlive) {
  const Instant begin = clock_.now();
  start_escape(begin + seconds(1));
  run_->renew_lease(begin + seconds(3));
  EXPECT_EQ(finish().ending, Ending::kLeaseLost);
  EXPECT_GE(clock_.now() - begin, seconds(3));
}

TEST_P(TreeTest, ASupervisorThatIsKilledTakesTheTreeAlong) {
  start_escape();
  ASSERT_EQ(supervisors().size(), 1U);
  ::kill(supervisors().front(), SIGKILL);
  EXPECT_EQ(finish().ending, Ending::kSupervisorLost);
  EXPECT_TRUE(agents().empty());
}

TEST_P(TreeTest, ALostSupervisorDoesNotHarmOtherAttemptsOrOtherChildren) {
  pid_t bystander = ::fork();
  if (bystander == 0) {
    for (;;) ::pause();
  }
  start_escape();
  const pid_t first = supervisors().front();
  Recorder other;
  auto second = sandbox_->start(shell("echo on; read line; echo $line"), other).value();
  ASSERT_TRUE(run_until([&] { return !other.out.empty(); }));
  ::kill(first, SIGKILL);
  EXPECT_EQ(finish().ending, Ending::kSupervisorLost);
  EXPECT_EQ(::kill(bystander, 0), 0);
  ASSERT_TRUE(run_until([&] { return other.outcome.has_value(); }));
  EXPECT_EQ(other.outcome->ending, Ending::kExited);
  ::kill(bystander, SIGKILL);
  ::waitpid(bystander, nullptr, 0);
}

TEST_P(TreeTest, TheSupervisorIsDeafToATerminalsSignals) {
  start_escape();
  ASSERT_EQ(supervisors().size(), 1U);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1}) {
    ::kill(supervisors().front(), signal);
  }
  run_->kill();
  EXPECT_EQ(finish().ending, Ending::kKilled);
}

TEST_P(TreeTest, DestroyingTheRunEndsTheTreeInSilence) {
  start_escape();
  run_.reset();
  EXPECT_TRUE(tree_goes());
  EXPECT_FALSE(recorder_.outcome);
}

// The worker process is killed: nobody tells the supervisor anything.
TEST_P(TreeTest, AWorkerThatIsKilledLeavesNothingBehind) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t worker = ::fork();
  ASSERT_GE(worker, 0);
  if (worker == 0) {
    boost::asio::io_context io;
    SandboxOptions options;
    options.work_root = root_ + "/worker";
    options.self_executable = PERSONAS_TEST_HELPER;
    auto sandbox = make_sandbox(io.get_executor(), options, clock_).value();
    Recorder recorder;
    recorder.on_output = [&] { static_cast<void>(!::write(ready[1], "r", 1)); };
    auto run = sandbox->start(helper({"escape"}), recorder).value();
    io.run();
    ::_exit(1);
  }
  ::close(ready[1]);  // so that the end of a worker that failed is an end of file
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_TRUE(run_until([&] { return agents().size() >= 5; }));
  const auto orphan_supervisors = supervisors_of(worker);
  ASSERT_EQ(orphan_supervisors.size(), 1U);
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  EXPECT_TRUE(tree_goes());
  // It falls to us, who are a subreaper here.
  EXPECT_EQ(::waitpid(orphan_supervisors.front(), nullptr, 0), orphan_supervisors.front());
  // A new worker in the same place cleans up after the dead one.
  SandboxOptions options;
  options.work_root = root_ + "/worker";
  options.self_executable = PERSONAS_TEST_HELPER;
  EXPECT_FALSE(std::filesystem::is_empty(options.work_root));
  auto next = make_sandbox(io_.get_executor(), options, clock_).value();
  EXPECT_TRUE(std::filesystem::is_empty(options.work_root));
  ::close(ready[0]);
}

}  // namespace
}  // namespace personas::sandbox_linux
