#include "launcher.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "personas/base/secret.hpp"

#include "process_tree.hpp"

namespace personas::sandbox_linux {
namespace {

// Above every fixed descriptor of the supervisor, so that no dup2 overwrites a source of the next.
constexpr int kFirstSourceFd = 64;

// Of the agent's standard output: what a privileged worker may have, and what everybody may.
constexpr std::array kOutputPipeBytes = {16 * 1024 * 1024, 1024 * 1024};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

void set_non_blocking(const Fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

struct SupervisorEnds {
  Fd control, plan, agent_stdin, agent_stdout, agent_stderr;
  int lock = -1;
};

Result<pid_t> spawn(const SandboxOptions& options, const std::string& label,
                    const SupervisorEnds& ends) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int fd : {0, 1, 2}) {
    ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  const std::array<std::pair<int, int>, 6> wanted = {{{ends.control.get(), kControlFd},
                                                      {ends.plan.get(), kPlanFd},
                                                      {ends.agent_stdin.get(), kAgentStdinFd},
                                                      {ends.agent_stdout.get(), kAgentStdoutFd},
                                                      {ends.agent_stderr.get(), kAgentStderrFd},
                                                      {ends.lock, kFolderLockFd}}};
  std::vector<Fd> sources;
  for (auto [from, to] : wanted) {
    sources.emplace_back(::fcntl(from, F_DUPFD_CLOEXEC, kFirstSourceFd));
    if (!sources.back()) {
      int error = errno;
      ::posix_spawn_file_actions_destroy(&actions);
      return fail_errno(error, "cannot prepare the supervisor");
    }
    ::posix_spawn_file_actions_adddup2(&actions, sources.back().get(), to);
  }
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kFirstUnusedFd);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> argv = {"personas"};
  argv.insert(argv.end(), options.supervisor_command.begin(), options.supervisor_command.end());
  argv.insert(argv.end(), {"--control-fd", std::to_string(kControlFd), "--label", label});
  std::vector<char*> pointers;
  for (auto& word : argv) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  char* no_environment[] = {nullptr};
  pid_t pid = 0;
  int error = 0;
  {
    SupervisorGuard guard;
    error = ::posix_spawn(&pid, options.self_executable.c_str(), &actions, &attributes,
                          pointers.data(), no_environment);
    if (error == 0) guard.add(pid);
  }
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return fail_errno(error, "cannot start " + options.self_executable);
  return pid;
}

}  // namespace

Result<Fd> memory_file(const char* name, std::string_view content) {
  Fd fd(static_cast<int>(::memfd_create(name, MFD_CLOEXEC)));
  if (!fd) return fail_errno(errno, "cannot make a memory file");
  std::size_t done = 0;
  while (done < content.size()) {
    ssize_t wrote =
        ::pwrite(fd.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(errno, "cannot write a memory file");
    done += static_cast<std::size_t>(wrote);
  }
  return fd;
}

Result<Launched> launch_supervisor(const SandboxOptions& options, const std::string& label,
                                   const Plan& plan, int folder_lock) {
  Launched ours;
  SupervisorEnds theirs;
  std::string text = encode(plan);
  auto file = memory_file("personas-plan", text);
  wipe(text);
  if (!file) return fail(file.error());
  theirs.plan = std::move(*file);
  theirs.lock = folder_lock;

  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail_errno(errno, "cannot make the control channel");
  }
  ours.control = Fd(pair[0]);
  theirs.control = Fd(pair[1]);
  TRY(Pipe in, make_pipe());
  TRY(Pipe out, make_pipe());
  TRY(Pipe err, make_pipe());
  // Room for what a program writes at its end, when it does not wait for a slow reader: some agent
  // CLIs lose what is not in the pipe by then. Where the kernel's allowance is used up it stays.
  for (const int size : kOutputPipeBytes) {
    if (::fcntl(out.read_end.get(), F_SETPIPE_SZ, size) >= size) break;
  }
  ours.agent_stdin = std::move(in.write_end);
  ours.agent_stdout = std::move(out.read_end);
  ours.agent_stderr = std::move(err.read_end);
  theirs.agent_stdin = std::move(in.read_end);
  theirs.agent_stdout = std::move(out.write_end);
  theirs.agent_stderr = std::move(err.write_end);
  // Only our ends: each end of a pipe or pair has its own flags, and the agent's must block.
  for (const Fd* fd : {&ours.control, &ours.agent_stdin, &ours.agent_stdout, &ours.agent_stderr}) {
    set_non_blocking(*fd);
  }

  TRY(ours.pid, spawn(options, label, theirs));
  ours.process = Fd(static_cast<int>(::syscall(SYS_pidfd_open, ours.pid, 0)));
  // Without it we would not notice its end; the closing control channel ends the supervisor.
  if (!ours.process) return fail_errno(errno, "cannot watch the supervisor");
  return ours;
}

}  // namespace personas::sandbox_linux
