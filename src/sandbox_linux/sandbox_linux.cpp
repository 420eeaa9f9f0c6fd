#include "personas/sandbox_linux/sandbox_linux.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "personas/base/secret.hpp"

#include "attempt.hpp"
#include "bubblewrap.hpp"
#include "channel.hpp"
#include "folder.hpp"
#include "launcher.hpp"

namespace personas::sandbox_linux {
namespace {

using sandbox::Ending;
using sandbox::Isolation;
using sandbox::Launch;
using sandbox::Run;
using sandbox::RunListener;

class RunHandle final : public Run {
 public:
  explicit RunHandle(std::shared_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {}
  ~RunHandle() override { attempt_->abandon(); }
  void renew_lease(Instant until) override { attempt_->renew_lease(until); }
  void kill() override { attempt_->kill(); }
  void pause_reading() override { attempt_->pause_reading(); }
  void resume_reading() override { attempt_->resume_reading(); }

 private:
  std::shared_ptr<Attempt> attempt_;
};

class LinuxSandbox final : public sandbox::Sandbox {
 public:
  LinuxSandbox(boost::asio::any_io_executor executor, SandboxOptions options, Clock& clock)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        clock_(clock),
        probe_(probe_isolation(options_)) {}

  ~LinuxSandbox() override { wiper_->join(); }

  Isolation strongest_isolation() const override { return probe_.strongest; }

  Result<std::unique_ptr<Run>> start(Launch launch, RunListener& listener) override {
    if (launch.argv.empty() || launch.argv.front().empty()) {
      return fail(ErrorCode::kInvalidRequest, "there is no program to run");
    }
    Isolation isolation = launch.policy.isolation;
    AttemptSettings settings;
    if (isolation == Isolation::kNamespaces && probe_.strongest == Isolation::kNone &&
        options_.when_unavailable == WhenUnavailable::kFallBack) {
      isolation = Isolation::kNone;
      settings.detail = "ran without namespaces: " + probe_.detail;
    }
    settings.isolation = isolation;
    settings.idle_limit = launch.idle_limit;
    settings.max_output_bytes = launch.max_output_bytes;
    settings.stdin_text = std::move(launch.stdin_text);
    settings.session = launch.session;
    auto attempt = std::make_shared<Attempt>(
        executor_, clock_, listener, buffer_,
        [pool = std::weak_ptr(wiper_)](Folder folder) { wipe_later(pool, std::move(folder)); },
        std::move(settings));
    begin(*attempt, launch, isolation);
    return std::make_unique<RunHandle>(std::move(attempt));
  }

 private:
  void begin(Attempt& attempt, Launch& launch, Isolation isolation) {
    if (isolation == Isolation::kNamespaces && probe_.strongest == Isolation::kNone) {
      return attempt.fail_to_start(Ending::kSandboxRefused, probe_.detail, {});
    }
    std::map<std::string, std::string>& environment = launch.environment;
    environment.emplace("PATH", options_.path);
    environment.emplace("LANG", options_.lang);
    const std::string program = find_program(launch.argv.front(), environment.at("PATH"));
    if (program.empty()) {
      return attempt.fail_to_start(Ending::kNotFound,
                                   "there is no program '" + launch.argv.front() + "'", {});
    }
    auto folder = Folder::make(options_.work_root, launch.home_files, launch.session);
    if (!folder) {
      return attempt.fail_to_start(Ending::kWorkspaceFailed, folder.error().message, {});
    }
    for (auto& secret : launch.secret_environment) {
      environment.insert_or_assign(secret.name, std::string(secret.value.reveal()));
    }
    environment.insert_or_assign("HOME", folder->home());
    environment.insert_or_assign("PWD", folder->workspace());
    environment.insert_or_assign("TMPDIR", folder->temporary());

    Plan plan = make_plan(launch, isolation, program, *folder);
    auto launched = launch_supervisor(options_, launch.label, plan, folder->lock_fd());
    for (auto& entry : plan.environment) wipe(entry);
    wipe(plan.bubblewrap_arguments);
    for (auto& [name, value] : environment) wipe(value);
    if (!launched) {
      return attempt.fail_to_start(Ending::kSandboxRefused, launched.error().message,
                                   std::move(*folder));
    }
    attempt.run(std::move(*launched), std::move(*folder));
  }

  Plan make_plan(const Launch& launch, Isolation isolation, const std::string& program,
                 const Folder& folder) const {
    Plan plan;
    plan.working_directory = folder.workspace();
    plan.lease_until = launch.lease_until.micros;
    plan.wall_limit = launch.wall_limit.count();
    plan.max_file_bytes = launch.policy.max_file_bytes;
    plan.max_processes = launch.policy.max_processes;
    plan.max_data_bytes = launch.policy.max_memory_bytes;
    if (isolation == Isolation::kNone) {
      plan.program = program;
      plan.argv = launch.argv;
      for (const auto& [name, value] : launch.environment) {
        plan.environment.push_back(name + "=" + value);
      }
      return plan;
    }
    plan.program = probe_.bubblewrap;
    plan.argv = {"bwrap",
                 "--args",
                 std::to_string(kBubblewrapArgumentsFd),
                 "--json-status-fd",
                 std::to_string(kBubblewrapStatusFd),
                 "--",
                 program};
    plan.argv.insert(plan.argv.end(), launch.argv.begin() + 1, launch.argv.end());
    plan.bubblewrap_arguments =
        bubblewrap_arguments(probe_, launch.policy, folder, program, launch.environment);
    return plan;
  }

  // A big workspace takes seconds to remove; the executor has better things to do.
  static void wipe_later(const std::weak_ptr<boost::asio::thread_pool>& pool, Folder folder) {
    auto alive = pool.lock();
    if (!alive) return folder.wipe();
    boost::asio::post(*alive,
                      [folder = std::make_shared<Folder>(std::move(folder))] { folder->wipe(); });
  }

  boost::asio::any_io_executor executor_;
  SandboxOptions options_;
  Clock& clock_;
  IsolationProbe probe_;
  std::shared_ptr<ReadBuffer> buffer_ = std::make_shared<ReadBuffer>();
  std::shared_ptr<boost::asio::thread_pool> wiper_ = std::make_shared<boost::asio::thread_pool>(1);
};

Result<void> prepare_work_root(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, "cannot make the folder " + path);
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return fail_errno(errno, "cannot examine " + path);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 022) != 0) {
    return fail(ErrorCode::kMisconfigured,
                path + " must be a folder of our own that nobody else may write to");
  }
  return {};
}

// Longer than any lease that the defaults give. A supervisor that takes more has processes that the
// kernel does not let go; then nobody may say that the runs are over.
constexpr Duration kPredecessorWait = seconds(30);

}  // namespace

Result<std::unique_ptr<sandbox::Sandbox>> make_sandbox(boost::asio::any_io_executor executor,
                                                       SandboxOptions options, Clock& clock) {
  // bubblewrap makes its mounts at these paths, so they must be free of links and dots.
  std::error_code error;
  options.work_root = std::filesystem::weakly_canonical(options.work_root, error).string();
  if (error || options.work_root.empty()) {
    return fail(ErrorCode::kMisconfigured, "the work folder of the sandbox is not a valid path");
  }
  TRY_VOID(prepare_work_root(options.work_root));
  TRY_VOID(wait_for_predecessors(options.work_root, kPredecessorWait));
  wipe_left_overs(options.work_root);
  std::signal(SIGPIPE, SIG_IGN);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    return fail_errno(errno, "cannot become a subreaper");
  }
  return std::make_unique<LinuxSandbox>(std::move(executor), std::move(options), clock);
}

}  // namespace personas::sandbox_linux
