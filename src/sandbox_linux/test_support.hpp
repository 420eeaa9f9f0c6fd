// A sandbox under test: the real one, driven by its own io_context. Private to this module's tests.
#pragma once

#include <csignal>
#include <ctime>
#include <dirent.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <sys/wait.h>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "personas/base/clock.hpp"
#include "personas/sandbox_linux/sandbox_linux.hpp"

namespace personas::sandbox_linux {

// Under a sanitizer, on a busy machine; only a broken program gets there.
inline constexpr Duration kTestDeadline = seconds(20);

class TestClock final : public Clock {
 public:
  Timestamp wall() const override { return {1}; }
  Instant now() const override {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return {std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000};
  }
};

class Recorder final : public sandbox::RunListener {
 public:
  void on_stdout(std::string_view bytes) override {
    out_bytes += bytes.size();
    if (out.size() < 1'000'000) out += bytes;
    if (on_output) on_output();
  }
  void on_stderr(std::string_view bytes) override { err += bytes; }
  void on_exit(const sandbox::RunOutcome& result) override {
    EXPECT_FALSE(outcome) << "the end is told twice";
    outcome = result;
  }
  std::string out;
  std::string err;
  std::size_t out_bytes = 0;
  std::optional<sandbox::RunOutcome> outcome;
  std::function<void()> on_output;
};

inline std::string read_proc(const std::string& pid, const char* file) {
  std::ifstream in("/proc/" + pid + "/" + file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// All processes whose `file` in /proc holds `mark`.
inline std::vector<pid_t> processes_with(const char* file, const std::string& mark) {
  std::vector<pid_t> result;
  DIR* entries = ::opendir("/proc");
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    if (read_proc(entry->d_name, file).find(mark) != std::string::npos) {
      result.push_back(std::atoi(entry->d_name));
    }
  }
  ::closedir(entries);
  return result;
}

class SandboxFixture {
 public:
  explicit SandboxFixture(WhenUnavailable when = WhenUnavailable::kRefuse) {
    std::string name = (std::filesystem::temp_directory_path() / "personas-sbx-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    SandboxOptions options;
    options.work_root = root_;
    options.self_executable = PERSONAS_TEST_HELPER;
    options.when_unavailable = when;
    sandbox_ = make_sandbox(io_.get_executor(), options, clock_).value();
  }
  ~SandboxFixture() {
    run_.reset();
    io_.restart();
    io_.run_for(std::chrono::seconds(2));
    sandbox_.reset();
    std::filesystem::remove_all(root_);
  }

  sandbox::Launch launch(sandbox::Isolation isolation, std::vector<std::string> argv) const {
    sandbox::Launch result;
    result.label = "exe_test/1";
    result.argv = std::move(argv);
    result.policy.isolation = isolation;
    result.policy.readable_paths = {
        std::filesystem::path(PERSONAS_TEST_HELPER).parent_path().string()};
    // In every process of the attempt, for the tests to find it by.
    result.environment["TEST_MARK"] = mark();
    return result;
  }
  std::string mark() const { return "mark-" + std::filesystem::path(root_).filename().string(); }

  void start(sandbox::Launch launch) {
    run_ = sandbox_->start(std::move(launch), recorder_).value();
  }
  bool run_until(const std::function<bool()>& done) {
    const Instant until = clock_.now() + kTestDeadline;
    while (!done()) {
      if (clock_.now() > until) return false;
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  const sandbox::RunOutcome& finish() {
    EXPECT_TRUE(run_until([&] { return recorder_.outcome.has_value(); })) << "it does not end";
    static const sandbox::RunOutcome none;
    return recorder_.outcome ? *recorder_.outcome : none;
  }
  const sandbox::RunOutcome& run(sandbox::Launch launch) {
    start(std::move(launch));
    return finish();
  }
  std::vector<pid_t> agents() const { return processes_with("environ", mark()); }
  std::vector<pid_t> supervisors() const;

  boost::asio::io_context io_;
  TestClock clock_;
  Recorder recorder_;
  std::string root_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<sandbox::Run> run_;
};

// Children of `parent` that run the supervisor.
inline std::vector<pid_t> supervisors_of(pid_t parent) {
  std::vector<pid_t> result;
  for (pid_t pid : processes_with("cmdline", "supervise-attempt")) {
    std::string status = read_proc(std::to_string(pid), "status");
    if (status.find("PPid:\t" + std::to_string(parent) + "\n") != std::string::npos) {
      result.push_back(pid);
    }
  }
  return result;
}

inline std::vector<pid_t> SandboxFixture::supervisors() const {
  return supervisors_of(::getpid());
}

class SandboxFixtureTest : public testing::Test, public SandboxFixture {};

// For each isolation.
class SandboxTest : public testing::TestWithParam<sandbox::Isolation>, public SandboxFixture {
 protected:
  void SetUp() override {
    if (GetParam() > sandbox_->strongest_isolation()) {
      GTEST_SKIP() << "namespaces do not work here: " << probe_isolation(SandboxOptions()).detail;
    }
  }
  sandbox::Launch agent(std::vector<std::string> argv) const { return launch(GetParam(), argv); }
  sandbox::Launch shell(const std::string& script) const { return agent({"sh", "-c", script}); }
  sandbox::Launch helper(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), PERSONAS_TEST_HELPER);
    return agent(arguments);
  }
};

inline std::string isolation_name(const testing::TestParamInfo<sandbox::Isolation>& info) {
  return info.param == sandbox::Isolation::kNone ? "WithoutNamespaces" : "InNamespaces";
}

}  // namespace personas::sandbox_linux
