// What an agent gets, how it is limited, what is told about its end.
#include "personas/sandbox_linux/sandbox_linux.hpp"

#include <algorithm>
#include <set>
#include <sys/stat.h>

#include "test_support.hpp"

namespace personas::sandbox_linux {
namespace {

using sandbox::Ending;
using sandbox::Isolation;
namespace fs = std::filesystem;

INSTANTIATE_TEST_SUITE_P(Isolation, SandboxTest,
                         testing::Values(Isolation::kNone, Isolation::kNamespaces), isolation_name);

TEST_P(SandboxTest, WhatGoesInComesOut) {
  auto launch = agent({"cat"});
  launch.stdin_text = std::string(300'000, 'a') + "\nlast line without end";
  const std::string expected = launch.stdin_text;
  const auto& outcome = run(std::move(launch));
  EXPECT_EQ(outcome.ending, Ending::kExited) << outcome.detail << recorder_.err;
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.isolation, GetParam());
  EXPECT_EQ(recorder_.out, expected);
}

TEST_P(SandboxTest, TellsExitCodeAndStderr) {
  const auto& outcome = run(shell("echo oops >&2; exit 7"));
  EXPECT_EQ(outcome.ending, Ending::kExited);
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(recorder_.err, "oops\n");
}

TEST_P(SandboxTest, TellsTheSignal) {
  const auto& outcome = run(shell("kill -SEGV $$"));
  EXPECT_EQ(outcome.ending, Ending::kSignalled);
  EXPECT_EQ(outcome.signal, SIGSEGV);
}

TEST_P(SandboxTest, AMissingProgramIsNotFound) {
  EXPECT_EQ(run(agent({"no-such-program-here"})).ending, Ending::kNotFound);
}

TEST_P(SandboxTest, AnAgentThatDoesNotReadItsPromptIsNoProblem) {
  auto launch = agent({"true"});
  launch.stdin_text = std::string(1'000'000, 'x');
  EXPECT_EQ(run(std::move(launch)).ending, Ending::kExited);
}

TEST_P(SandboxTest, EndsAtTheWallLimit) {
  auto launch = shell("echo started; sleep 600");
  launch.wall_limit = milliseconds(300);
  const auto& outcome = run(std::move(launch));
  EXPECT_EQ(outcome.ending, Ending::kWallLimit);
  EXPECT_GE(outcome.duration, milliseconds(300));
  EXPECT_TRUE(agents().empty());
}

TEST_P(SandboxTest, EndsAfterSilence) {
  auto launch = shell("echo started; sleep 600");
  launch.idle_limit = milliseconds(300);
  EXPECT_EQ(run(std::move(launch)).ending, Ending::kIdleLimit);
  EXPECT_TRUE(agents().empty());
}

TEST_P(SandboxTest, SilenceDoesNotCountWhileNobodyReads) {
  auto launch = shell("echo started; sleep 0.9; echo done");
  launch.idle_limit = milliseconds(600);
  start(std::move(launch));
  ASSERT_TRUE(run_until([&] { return !recorder_.out.empty(); }));
  run_->pause_reading();
  const Instant until = clock_.now() + milliseconds(700);
  run_until([&] { return clock_.now() > until; });
  run_->resume_reading();
  EXPECT_EQ(finish().ending, Ending::kExited);
  EXPECT_EQ(recorder_.out, "started\ndone\n");
}

TEST_P(SandboxTest, EndsAtTheOutputLimitAndPassesOnNoMore) {
  auto launch = helper({"flood", "10000000"});
  launch.max_output_bytes = 100'000;
  EXPECT_EQ(run(std::move(launch)).ending, Ending::kOutputLimit);
  EXPECT_EQ(recorder_.out_bytes, 100'000U);
}

TEST_P(SandboxTest, EndsWhenKilled) {
  start(shell("trap '' TERM; echo started; sleep 600 & wait"));
  ASSERT_TRUE(run_until([&] { return !recorder_.out.empty(); }));
  run_->kill();
  EXPECT_EQ(finish().ending, Ending::kKilled);
  EXPECT_TRUE(agents().empty());
}

TEST_P(SandboxTest, PausedReadingBlocksTheWriterAndLosesNothing) {
  constexpr std::size_t kBytes = 50'000'000;
  start(helper({"flood", std::to_string(kBytes)}));
  std::size_t pauses = 0;
  std::size_t at_pause = 0;
  recorder_.on_output = [&] {
    if (recorder_.out_bytes < (pauses + 1) * 10'000'000) return;
    ++pauses;
    run_->pause_reading();
    at_pause = recorder_.out_bytes;
  };
  while (!recorder_.outcome) {
    ASSERT_TRUE(run_until([&] { return recorder_.outcome || at_pause != 0; }));
    if (at_pause == 0) break;
    const Instant until = clock_.now() + milliseconds(50);
    run_until([&] { return clock_.now() > until; });
    EXPECT_EQ(recorder_.out_bytes, at_pause);
    if (pauses < 5) {
      EXPECT_FALSE(recorder_.outcome);
    }
    at_pause = 0;
    run_->resume_reading();
  }
  EXPECT_EQ(finish().ending, Ending::kExited);
  EXPECT_EQ(recorder_.out_bytes, kBytes);
  EXPECT_EQ(pauses, 5U);
}

TEST_P(SandboxTest, FiftyMegabytesTakeUnderThreeSeconds) {
  const auto& outcome = run(helper({"flood", "50000000"}));
  EXPECT_EQ(recorder_.out_bytes, 50'000'000U);
  EXPECT_LT(outcome.duration, seconds(3));
  RecordProperty("milliseconds", static_cast<int>(to_millis(outcome.duration)));
}

TEST_P(SandboxTest, TheEnvironmentIsWhatWasGivenAndNothingElse) {
  ::setenv("INHERITED_SECRET", "must not be seen", 1);
  auto launch = agent({"env", "-0"});
  launch.environment["GIVEN"] = "two\nlines = fine";
  launch.secret_environment.push_back({"API_KEY", Secret("sk-very-secret")});
  const auto& outcome = run(std::move(launch));
  ::unsetenv("INHERITED_SECRET");
  EXPECT_EQ(outcome.exit_code, 0) << recorder_.err;
  std::set<std::string> names;
  std::stringstream lines(recorder_.out);
  for (std::string entry; std::getline(lines, entry, '\0');) {
    names.insert(entry.substr(0, entry.find('=')));
  }
  EXPECT_EQ(names, (std::set<std::string>{"API_KEY", "GIVEN", "HOME", "LANG", "PATH", "PWD",
                                          "TEST_MARK", "TMPDIR"}));
  EXPECT_NE(recorder_.out.find("API_KEY=sk-very-secret"), std::string::npos);
  EXPECT_NE(recorder_.out.find("GIVEN=two\nlines = fine"), std::string::npos);
}

TEST_P(SandboxTest, SecretsAreInNoCommandLineAndInNoFile) {
  auto launch = shell("echo started; sleep 600");
  launch.secret_environment.push_back({"API_KEY", Secret("sk-" + mark() + "-secret")});
  start(std::move(launch));
  ASSERT_TRUE(run_until([&] { return !recorder_.out.empty(); }));
  EXPECT_TRUE(processes_with("cmdline", "sk-" + mark()).empty());
  ASSERT_FALSE(supervisors().empty());
  for (pid_t pid : supervisors()) {
    EXPECT_EQ(read_proc(std::to_string(pid), "environ").find("sk-"), std::string::npos);
  }
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path());
    std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(text.find("sk-"), std::string::npos) << entry.path();
  }
  run_->kill();
  finish();
}

TEST_P(SandboxTest, TheAgentInheritsNoDescriptors) {
  EXPECT_EQ(run(helper({"descriptors"})).ending, Ending::kExited);
  EXPECT_EQ(recorder_.out, "0 1 2 \n");
}

TEST_P(SandboxTest, TheAgentHasNoTerminalToTypeInto) {
  EXPECT_EQ(run(helper({"terminal"})).ending, Ending::kExited);
  EXPECT_EQ(recorder_.out, "no no no no refused refused refused \n");
}

TEST_P(SandboxTest, LivesInPrivateFoldersThatAreWipedAfterwards) {
  fs::create_directory(root_ + "/outside");
  std::ofstream(root_ + "/outside/kept") << "x";
  auto launch = shell(
      "test \"$PWD\" = \"$(pwd)\" && cat ~/.config/a && touch w $HOME/h $TMPDIR/t && "
      "mkdir -p closed/inner && touch closed/inner/f && ln -s " +
      root_ + "/outside link && chmod 000 closed/inner && chmod 500 closed && pwd");
  launch.home_files.push_back({".config/a", "content\n"});
  const auto& outcome = run(std::move(launch));
  EXPECT_EQ(outcome.exit_code, 0) << recorder_.err;
  ASSERT_TRUE(recorder_.out.starts_with("content\n" + root_ + "/attempt-")) << recorder_.out;
  std::string workspace = recorder_.out.substr(8, recorder_.out.size() - 9);
  EXPECT_TRUE(run_until([&] { return !fs::exists(fs::path(workspace).parent_path()); }));
  EXPECT_TRUE(fs::exists(root_ + "/outside/kept"));
}

TEST_P(SandboxTest, FilesAreLimitedInSize) {
  auto launch = shell("head -c 2000000 /dev/zero > big; wc -c < big");
  launch.policy.max_file_bytes = 1'000'000;
  run(std::move(launch));
  EXPECT_EQ(recorder_.out, "1000000\n");
}

TEST_P(SandboxTest, NoPrivilegesCanBeGained) {
  run(agent({"grep", "NoNewPrivs", "/proc/self/status"}));
  EXPECT_EQ(recorder_.out, "NoNewPrivs:\t1\n");
}

TEST_F(SandboxFixtureTest, InNamespacesTheMachineIsHidden) {
  if (sandbox_->strongest_isolation() == Isolation::kNone) GTEST_SKIP() << "no namespaces here";
  auto launch = this->launch(Isolation::kNamespaces,
                             {"sh", "-c",
                              "ls -d /root /home /var /etc/shadow /etc/ssh " + root_ +
                                  "/outside 2>/dev/null; ls /proc | grep -c '^[0-9]'; "
                                  "touch /usr/x /etc/x /x 2>/dev/null && echo written; "
                                  "unshare -U true 2>/dev/null && echo nested; "
                                  "grep CapEff /proc/self/status; cat /proc/net/dev | wc -l"});
  launch.policy.network = sandbox::Network::kNone;
  fs::create_directory(root_ + "/outside");
  run(std::move(launch));
  // Itself, ls, grep and bubblewrap's init at most; two lines of heading and the loopback.
  EXPECT_THAT(recorder_.out, testing::MatchesRegex("[234]\nCapEff:\t0000000000000000\n3\n"));
}

TEST_P(SandboxTest, AScriptWithoutItsInterpreterIsNotFound) {
  const std::string script = root_ + "/script";
  std::ofstream(script) << "#!/no/such/interpreter\n";
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  const auto& outcome = run(agent({script}));
  EXPECT_EQ(outcome.ending, Ending::kNotFound) << outcome.detail;
}

TEST_F(SandboxFixtureTest, TheProgramIsReadableThroughItsLinksButNotItsFolder) {
  if (sandbox_->strongest_isolation() == Isolation::kNone) GTEST_SKIP() << "no namespaces here";
  fs::create_directories(root_ + "/bin");
  fs::create_directories(root_ + "/lib/node_modules/tool");
  std::ofstream(root_ + "/bin/private") << "x";
  std::ofstream(root_ + "/lib/node_modules/tool/beside") << "found\n";
  const std::string script = root_ + "/lib/node_modules/tool/cli";
  std::ofstream(script) << "#!/bin/sh\ncat $(dirname $(realpath $0))/beside\nls " + root_ +
                               "/bin/private 2>/dev/null\n";
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  fs::create_symlink("../lib/node_modules/tool/cli", root_ + "/bin/link");
  fs::create_symlink("link", root_ + "/bin/tool");
  auto linked = launch(Isolation::kNamespaces, {root_ + "/bin/tool"});
  linked.policy.readable_paths.clear();
  run(std::move(linked));
  EXPECT_EQ(recorder_.out, "found\n") << recorder_.err;
}

TEST_F(SandboxFixtureTest, WithoutBubblewrapARunIsRefusedOrWeakenedByName) {
  for (auto when : {WhenUnavailable::kRefuse, WhenUnavailable::kFallBack}) {
    SandboxOptions options;
    options.work_root = root_ + "/weak";
    options.self_executable = PERSONAS_TEST_HELPER;
    options.bubblewrap_path = "/bin/false";
    options.when_unavailable = when;
    auto weak = make_sandbox(io_.get_executor(), options, clock_).value();
    Recorder recorder;
    auto run = weak->start(launch(Isolation::kNamespaces, {"true"}), recorder).value();
    ASSERT_TRUE(run_until([&] { return recorder.outcome.has_value(); }));
    EXPECT_EQ(recorder.outcome->ending,
              when == WhenUnavailable::kRefuse ? Ending::kSandboxRefused : Ending::kExited);
    EXPECT_EQ(recorder.outcome->isolation,
              when == WhenUnavailable::kRefuse ? Isolation::kNamespaces : Isolation::kNone);
    EXPECT_NE(recorder.outcome->detail.find("bubblewrap"), std::string::npos);
    run.reset();
  }
}

TEST_F(SandboxFixtureTest, ALaunchWithoutAProgramIsRefused) {
  Recorder recorder;
  EXPECT_FALSE(sandbox_->start(launch(Isolation::kNone, {}), recorder));
}

}  // namespace
}  // namespace personas::sandbox_linux
