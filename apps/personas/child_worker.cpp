#include "child_worker.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace personas::app {
namespace {

// A worker that dies at once is not started again in a hot loop.
constexpr Duration kFirstBackoff = milliseconds(200);
constexpr Duration kLongestBackoff = seconds(30);

}  // namespace

ChildWorker::ChildWorker(boost::asio::io_context& loop, std::vector<std::string> argv,
                         std::map<std::string, std::string> environment,
                         std::function<void(std::string_view)> notice)
    : argv_(std::move(argv)),
      environment_(std::move(environment)),
      notice_(std::move(notice)),
      pidfd_(loop),
      restart_(loop),
      gone_(loop),
      backoff_(kFirstBackoff) {}

ChildWorker::~ChildWorker() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

Result<void> ChildWorker::start() {
  return spawn();
}

Result<void> ChildWorker::spawn() {
  std::vector<char*> arguments;
  for (auto& argument : argv_) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment_) variables.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (auto& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv_[0].c_str(), &actions, &attributes, arguments.data(),
                                  environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  for (auto& variable : variables) std::fill(variable.begin(), variable.end(), '\0');
  if (error != 0) {
    return fail(ErrorCode::kIo,
                fmt::format("The worker process could not be started (error {})", error));
  }
  pid_ = pid;
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return fail(ErrorCode::kIo, "The worker process cannot be watched (pidfd_open)");
  pidfd_.assign(fd);
  watch();
  return {};
}

void ChildWorker::watch() {
  pidfd_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (error) return;
                      int status = 0;
                      ::waitpid(pid_, &status, 0);
                      pidfd_.close();
                      pid_ = -1;
                      died(status);
                    });
}

void ChildWorker::died(int status) {
  gone_.cancel();
  if (stopping_) return;
  notice_(WIFSIGNALED(status)
              ? fmt::format("killed by signal {}; starting it again", WTERMSIG(status))
              : fmt::format("exited with {}; starting it again", WEXITSTATUS(status)));
  restart_.expires_after(backoff_);
  backoff_ = std::min(backoff_ * 2, kLongestBackoff);
  restart_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    if (const auto started = spawn(); !started) notice_(started.error().message);
  });
}

void ChildWorker::kill() {
  stopping_ = true;
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

Task<void> ChildWorker::stop(Duration grace) {
  stopping_ = true;
  restart_.cancel();
  if (pid_ <= 0) co_return;
  ::kill(pid_, SIGTERM);
  boost::system::error_code ignored;
  gone_.expires_after(grace);
  co_await gone_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  if (pid_ <= 0) co_return;
  ::kill(pid_, SIGKILL);
  gone_.expires_after(seconds(5));
  co_await gone_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

}  // namespace personas::app
