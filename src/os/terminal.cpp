#include "personas/os/terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "fd.hpp"

namespace personas::os {
namespace {

constexpr const char* kTerminal = "/dev/tty";

std::unexpected<Error> no_terminal() {
  return fail(ErrorCode::kUnavailable, "There is no terminal to ask at");
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

// Settings of a terminal that come back when this goes.
class Settings {
 public:
  explicit Settings(int fd) : fd_(fd), known_(::tcgetattr(fd, &before_) == 0) {}
  ~Settings() {
    if (known_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  bool known() const { return known_; }
  void hide_input() {
    termios changed = before_;
    changed.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed.c_lflag |= static_cast<tcflag_t>(ECHONL);
    ::tcsetattr(fd_, TCSAFLUSH, &changed);
  }
  // Every key goes to the program that runs in our place.
  void pass_keys_on() {
    termios changed = before_;
    ::cfmakeraw(&changed);
    ::tcsetattr(fd_, TCSAFLUSH, &changed);
  }
  const termios& before() const { return before_; }

 private:
  int fd_;
  termios before_{};
  bool known_;
};

[[noreturn]] void become(const std::vector<std::string>& command,
                         const std::map<std::string, std::string>& environment) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  for (const auto& variable : variables) envp.push_back(const_cast<char*>(variable.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

void keep_end(std::string& shown, std::string_view piece) {
  shown.append(piece);
  if (shown.size() > kMaxShown) shown.erase(0, shown.size() - kMaxShown);
}

// Between the person and the program, until the program's side closes.
void relay(int person, int program, std::string& shown) {
  std::array<char, 4096> buffer{};
  std::array<pollfd, 2> ends{pollfd{program, POLLIN, 0}, pollfd{person, POLLIN, 0}};
  while (true) {
    if (::poll(ends.data(), ends.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (ends[0].revents != 0) {
      const ssize_t got = ::read(program, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;  // EIO: its terminal is closed
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
      write_all(person, piece);
      keep_end(shown, piece);
    }
    if (ends[1].revents != 0) {
      const ssize_t got = ::read(person, buffer.data(), buffer.size());
      if (got > 0) write_all(program, {buffer.data(), static_cast<std::size_t>(got)});
      if (got == 0) ends[1].fd = -1;
    }
  }
}

}  // namespace

Result<Secret> ask_hidden(std::string_view question) {
  const Fd terminal(::open(kTerminal, O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal) return no_terminal();
  Settings settings(terminal.get());
  if (!settings.known()) return no_terminal();
  settings.hide_input();
  write_all(terminal.get(), question);
  std::string typed;
  typed.reserve(kMaxTyped);  // so that growing leaves no copies behind
  char c = 0;
  while (typed.size() < kMaxTyped) {
    const ssize_t got = ::read(terminal.get(), &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 && typed.empty()) return fail(ErrorCode::kCancelled, "Nothing was typed");
    if (got <= 0 || c == '\n') break;
    typed += c;
  }
  return Secret(std::move(typed));
}

Result<Secret> run_at_terminal(const std::vector<std::string>& command,
                               const std::map<std::string, std::string>& environment) {
  const Fd person(::open(kTerminal, O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!person) return no_terminal();
  Settings settings(person.get());
  if (!settings.known()) return no_terminal();
  winsize size{};
  ::ioctl(person.get(), TIOCGWINSZ, &size);
  int program = -1;
  const pid_t child = ::forkpty(&program, nullptr, &settings.before(), &size);
  if (child < 0) {
    return fail(ErrorCode::kIo, std::string("No terminal could be made: ") + std::strerror(errno));
  }
  if (child == 0) become(command, environment);
  const Fd held(program);
  settings.pass_keys_on();
  std::string shown;
  shown.reserve(kMaxShown + 4096);
  relay(person.get(), program, shown);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Secret kept(std::move(shown));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return fail(ErrorCode::kUnavailable, command.front() + " could not be started");
  }
  return kept;
}

}  // namespace personas::os
