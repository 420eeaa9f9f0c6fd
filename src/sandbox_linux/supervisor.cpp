// Reads top to bottom: the agent's side of the fork, the supervisor's loop, the entry.
#include "personas/sandbox_linux/supervisor.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "personas/base/secret.hpp"

#include "channel.hpp"
#include "fd.hpp"
#include "launcher.hpp"
#include "process_tree.hpp"

namespace personas::sandbox_linux {
namespace {

// How often killing is repeated while children are left (each death also wakes us).
constexpr int kKillAgainMillis = 10;
constexpr std::size_t kMaxStatusBytes = 4096;  // what bubblewrap says about itself; it is ~100

std::int64_t boot_micros() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

// ---- in the child, between fork and exec: no allocation -----------------------------------------

struct ChildSetup {
  const Plan* plan;
  char* const* argv;
  char* const* environment;
  int arguments_fd;  // -1 without bubblewrap
  int status_fd;
  int error_fd;
  pid_t supervisor;
};

[[noreturn]] void give_up(const ChildSetup& setup, Stage stage) {
  const std::int32_t message[2] = {static_cast<std::int32_t>(stage), errno};
  static_cast<void>(!::write(setup.error_fd, message, sizeof message));
  ::_exit(127);
}

bool limit(__rlimit_resource resource, std::int64_t value) {
  if (value <= 0) return true;
  rlimit current{};
  ::getrlimit(resource, &current);
  // Never above what we have ourselves: only a privileged process could raise it.
  const rlim_t wanted = std::min(static_cast<rlim_t>(value), current.rlim_max);
  const rlimit bound{wanted, wanted};
  return ::setrlimit(resource, &bound) == 0;
}

[[noreturn]] void become_agent(const ChildSetup& setup) {
  ::setsid();  // its own group and session: no terminal, and one kill reaches the group
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != setup.supervisor) ::_exit(127);  // it died before the line above

  const rlimit no_core{0, 0};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::setrlimit(RLIMIT_CORE, &no_core) != 0 ||
      !limit(RLIMIT_FSIZE, setup.plan->max_file_bytes) ||
      !limit(RLIMIT_NPROC, setup.plan->max_processes) ||
      !limit(RLIMIT_DATA, setup.plan->max_data_bytes)) {
    give_up(setup, Stage::kLimits);
  }
  if (::chdir(setup.plan->working_directory.c_str()) != 0) give_up(setup, Stage::kWorkspace);
  if (::dup2(kAgentStdinFd, 0) < 0 || ::dup2(kAgentStdoutFd, 1) < 0 ||
      ::dup2(kAgentStderrFd, 2) < 0) {
    give_up(setup, Stage::kSetup);
  }
  // Everything else is close-on-exec already; these two are meant for bubblewrap.
  if (setup.arguments_fd >= 0 && (::dup2(setup.arguments_fd, kBubblewrapArgumentsFd) < 0 ||
                                  ::dup2(setup.status_fd, kBubblewrapStatusFd) < 0)) {
    give_up(setup, Stage::kSetup);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(setup.plan->program.c_str(), setup.argv, setup.environment);
  give_up(setup, Stage::kExec);
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// ---- the supervisor -----------------------------------------------------------------------------

class Supervisor {
 public:
  Supervisor(Fd signals, Fd timer) : signals_(std::move(signals)), timer_(std::move(timer)) {}

  void run(Plan plan) {
    lease_until_ = plan.lease_until;
    if (plan.wall_limit > 0) wall_until_ = boot_micros() + plan.wall_limit;
    if (!start(plan)) return;
    for (auto& entry : plan.environment) wipe(entry);
    wipe(plan.bubblewrap_arguments);
    Report started{.kind = ReportKind::kStarted, .pid = agent_};
    send(started);
    set_timer();
    for (;;) {
      reap();
      if (cause_ != Cause::kNone) {
        kill_everything();
        reap();
        if (nobody_left_) break;
      }
      wait();
    }
    Report gone{.kind = ReportKind::kGone, .cause = cause_, .status = status_};
    gone.agent_ran = status_pipe_ ? bubblewrap_ran_agent() : 1;
    send(gone);
  }

  void refuse(Stage stage, int error) {
    send({.kind = ReportKind::kRefused, .stage = stage, .error = error});
  }

 private:
  bool start(Plan& plan) {
    std::vector<char*> argv = pointers_to(plan.argv);
    std::vector<char*> environment = pointers_to(plan.environment);
    Fd arguments;
    Fd status_write;
    if (!plan.bubblewrap_arguments.empty()) {
      auto file = memory_file("personas-bwrap", plan.bubblewrap_arguments);
      int ends[2];
      if (!file || ::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return refuse_setup();
      arguments = std::move(*file);
      status_pipe_ = Fd(ends[0]);
      status_write = Fd(ends[1]);
    }
    int error_ends[2];
    if (::pipe2(error_ends, O_CLOEXEC) != 0) return refuse_setup();
    Fd error_read(error_ends[0]);
    Fd error_write(error_ends[1]);
    ChildSetup setup{&plan,           argv.data(),        environment.data(),
                     arguments.get(), status_write.get(), error_write.get(),
                     ::getpid()};
    agent_ = ::fork();
    if (agent_ < 0) {
      refuse(Stage::kFork, errno);
      return false;
    }
    if (agent_ == 0) become_agent(setup);
    error_write = Fd();
    for (int fd : {kAgentStdinFd, kAgentStdoutFd, kAgentStderrFd}) ::close(fd);

    std::int32_t message[2] = {};
    ssize_t got = 0;
    while ((got = ::read(error_read.get(), message, sizeof message)) < 0 && errno == EINTR) {
    }
    if (got != ssize_t{sizeof message}) return true;  // closed by exec
    ::waitpid(agent_, nullptr, 0);
    refuse(static_cast<Stage>(message[0]), message[1]);
    return false;
  }

  bool refuse_setup() {
    refuse(Stage::kSetup, errno);
    return false;
  }

  void wait() {
    pollfd waiting[3] = {
        {signals_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}, {kControlFd, POLLIN, 0}};
    const nfds_t count = worker_gone_ ? 2 : 3;
    const int timeout = cause_ != Cause::kNone ? kKillAgainMillis : -1;
    if (::poll(waiting, count, timeout) < 0) return;
    drain(signals_);
    drain(timer_);
    if (!worker_gone_) read_commands();
    const std::int64_t now = boot_micros();
    if (now >= lease_until_) end_because(Cause::kLease);
    if (wall_until_ != 0 && now >= wall_until_) end_because(Cause::kWallLimit);
  }

  static void drain(const Fd& fd) {
    signalfd_siginfo block[4];
    while (::read(fd.get(), block, sizeof block) > 0) {
    }
  }

  void read_commands() {
    for (;;) {
      Command command;
      ssize_t got = ::recv(kControlFd, &command, sizeof command, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got != ssize_t{sizeof command}) {
        worker_gone_ = true;
        return end_because(Cause::kWorkerLost);
      }
      if (command.kind == CommandKind::kKill) end_because(Cause::kCommand);
      if (command.kind == CommandKind::kRenew) {
        lease_until_ = command.lease_until;
        set_timer();
      }
    }
  }

  // Absolute and on the boot-time clock: after a suspend it fires at once.
  void set_timer() {
    std::int64_t next = lease_until_;
    if (wall_until_ != 0) next = std::min(next, wall_until_);
    itimerspec setting{};
    if (next != INT64_MAX) {
      next = std::max<std::int64_t>(next, 1);  // zero would switch it off
      setting.it_value = {next / 1'000'000, next % 1'000'000 * 1000};
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
  }

  void end_because(Cause cause) {
    if (cause_ == Cause::kNone) cause_ = cause;
  }

  void reap() {
    if (!agent_reaped_) {
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(agent_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
          info.si_pid == agent_) {
        end_because(Cause::kAgentEnded);
        ::kill(-agent_, SIGKILL);  // while the dead leader keeps the group's number from reuse
        ::waitpid(agent_, &status_, 0);
        agent_reaped_ = true;
      }
    }
    for (;;) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        nobody_left_ = errno == ECHILD;
        return;
      }
      if (info.si_pid == 0 || info.si_pid == agent_) return;
      ::waitpid(info.si_pid, nullptr, 0);
    }
  }

  void kill_everything() {
    if (!agent_reaped_) {
      ::kill(-agent_, SIGKILL);
      ::kill(agent_, SIGKILL);
    }
    for_each_child([](pid_t pid) { ::kill(pid, SIGKILL); });
  }

  // bubblewrap tells an exit code only if it came to starting the agent.
  std::uint32_t bubblewrap_ran_agent() {
    char text[kMaxStatusBytes];
    ssize_t got = ::read(status_pipe_.get(), text, sizeof text);
    if (got <= 0) return 0;
    return std::string_view(text, static_cast<std::size_t>(got)).find("\"exit-code\"") !=
                   std::string_view::npos
               ? 1
               : 0;
  }

  void send(const Report& report) {
    static_cast<void>(!::send(kControlFd, &report, sizeof report, MSG_NOSIGNAL));
  }

  Fd signals_;
  Fd timer_;
  Fd status_pipe_;
  pid_t agent_ = 0;
  int status_ = 0;
  bool agent_reaped_ = false;
  bool nobody_left_ = false;
  bool worker_gone_ = false;
  Cause cause_ = Cause::kNone;
  std::int64_t lease_until_ = INT64_MAX;
  std::int64_t wall_until_ = 0;
};

Result<Plan> read_plan() {
  std::string text;
  struct stat info{};
  if (::fstat(kPlanFd, &info) != 0) return fail_errno(errno, "cannot read the plan");
  text.resize(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < text.size()) {
    ssize_t got =
        ::pread(kPlanFd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  ::close(kPlanFd);
  auto plan = decode(text);
  wipe(text);
  return plan;
}

}  // namespace

int supervisor_main(int argc, char** argv) {
  static_cast<void>(argc);
  static_cast<void>(argv);
  // Every signal that can be blocked is: a terminal's SIGINT or a service manager's SIGTERM must
  // not end the one process that is there to clean up.
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  if (::fcntl(kControlFd, F_GETFD) < 0 || ::fcntl(kPlanFd, F_GETFD) < 0) return 64;
  for (int fd = kControlFd; fd < kFirstUnusedFd; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::prctl(PR_SET_NAME, "personas-superv", 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // an agent of the same user may not trace us
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);

  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  Fd signals(::signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK));
  Fd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  const bool ready = signals && timer && ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
  const int error = errno;
  Supervisor supervisor(std::move(signals), std::move(timer));
  auto plan = read_plan();
  if (!ready) {
    supervisor.refuse(Stage::kSetup, error);
  } else if (!plan) {
    supervisor.refuse(Stage::kPlan, 0);
  } else {
    supervisor.run(std::move(*plan));
  }
  // No destructors, no exit handlers: nothing here outlives the process.
  ::_exit(0);
}

}  // namespace personas::sandbox_linux
