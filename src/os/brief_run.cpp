#include "personas/os/brief_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace personas::os {
namespace {

std::int64_t monotonic_millis() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    // Our end alone: a program does not expect that its output would not block.
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    read = ends[0];
    write = ends[1];
  }
  Pipe(Pipe&& other) noexcept
      : read(std::exchange(other.read, -1)), write(std::exchange(other.write, -1)) {}
  Pipe& operator=(Pipe&&) = delete;
  ~Pipe() {
    close(read);
    close(write);
  }
  static void close(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

struct Running {
  pid_t pid = -1;
  Pipe out;
  Pipe err;

  bool is_silent() const { return out.read < 0 && err.read < 0; }
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// The error number, 0 if it runs.
int start(std::vector<std::string> argv, std::vector<char*>& environment, Running& running) {
  if (argv.empty()) return ENOENT;
  if (running.out.read < 0 || running.err.read < 0) return EMFILE;
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, running.out.write, 1);
  ::posix_spawn_file_actions_adddup2(&actions, running.err.write, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  auto arguments = pointers(argv);
  const int error = ::posix_spawn(&running.pid, argv[0].c_str(), &actions, &attributes,
                                  arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  Pipe::close(running.out.write);
  Pipe::close(running.err.write);
  if (error != 0) running.pid = -1;
  return error;
}

// What has come; the end is closed when the other side has closed its own.
void drain(int& fd, std::string& text) {
  std::array<char, 1024> block{};
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return Pipe::close(fd);
    const auto size = std::min(static_cast<std::size_t>(got), kMaxBriefOutput - text.size());
    text.append(block.data(), size);
  }
}

// One round: waits at most `millis` for any of them to say something.
void listen(std::vector<Running>& all, std::vector<BriefRun>& answers, int millis) {
  std::vector<pollfd> waiting;
  for (const auto& one : all) {
    for (const int fd : {one.out.read, one.err.read}) {
      if (fd >= 0) waiting.push_back({fd, POLLIN, 0});
    }
  }
  if (waiting.empty() || ::poll(waiting.data(), waiting.size(), millis) <= 0) return;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].out.read >= 0) drain(all[i].out.read, answers[i].out);
    if (all[i].err.read >= 0) drain(all[i].err.read, answers[i].err);
  }
}

// A program has ended when it closed both outputs; one that is late is killed with its children.
void end(Running& running, BriefRun& answer) {
  if (running.pid < 0) return;
  const bool late = !running.is_silent();
  if (late) ::kill(-running.pid, SIGKILL);
  int status = 0;
  while (::waitpid(running.pid, &status, 0) < 0 && errno == EINTR) {
  }
  answer.ending = late                ? BriefRun::Ending::kTimedOut
                  : WIFEXITED(status) ? BriefRun::Ending::kExited
                                      : BriefRun::Ending::kSignalled;
  answer.code = late ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

}  // namespace

std::vector<BriefRun> run_briefly(const std::vector<std::vector<std::string>>& commands,
                                  const std::map<std::string, std::string>& environment,
                                  Duration limit) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  auto block = pointers(variables);
  std::vector<BriefRun> answers(commands.size());
  std::vector<Running> all(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    answers[i].code = start(commands[i], block, all[i]);
    if (answers[i].code != 0) {
      Pipe::close(all[i].out.read);
      Pipe::close(all[i].err.read);
    }
  }
  const std::int64_t until = monotonic_millis() + to_millis(limit);
  for (std::int64_t now = monotonic_millis(); now < until; now = monotonic_millis()) {
    if (std::ranges::all_of(all, &Running::is_silent)) break;
    listen(all, answers, static_cast<int>(until - now));
  }
  for (std::size_t i = 0; i < all.size(); ++i) end(all[i], answers[i]);
  return answers;
}

}  // namespace personas::os
