#include "terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>

namespace personas::app {
namespace {

constexpr std::size_t kMaxAnswer = 4 * 1024;  // of a line a person types

std::string_view variable(const World& world, const char* name) {
  const auto found = world.environment.find(name);
  return found == world.environment.end() ? std::string_view() : found->second;
}

bool are_one_terminal(int one, int other) {
  struct stat first{};
  struct stat second{};
  return ::isatty(one) == 1 && ::isatty(other) == 1 && ::fstat(one, &first) == 0 &&
         ::fstat(other, &second) == 0 && first.st_rdev == second.st_rdev;
}

bool in_foreground(int fd) {
  return ::tcgetpgrp(fd) == ::getpgrp();
}

}  // namespace

StandardTerminal::StandardTerminal(const World& world)
    : attached_(::isatty(1) == 1 ? cli::Attached::kTerminal : cli::Attached::kOther),
      colours_(
          cli::decide_colours(attached_, variable(world, "NO_COLOR"), variable(world, "TERM"))),
      one_terminal_(are_one_terminal(1, 2) && variable(world, "TERM") != "dumb" &&
                    !variable(world, "TERM").empty()),
      columns_(variable(world, "COLUMNS")) {}

void StandardTerminal::out(std::string_view text) {
  write_all(1, text);
}
void StandardTerminal::err(std::string_view text) {
  write_all(2, text);
}

std::size_t StandardTerminal::width() const {
  winsize size{};
  const bool known = attached_ == cli::Attached::kTerminal && ::ioctl(1, TIOCGWINSZ, &size) == 0;
  return cli::decide_width(attached_, known ? size.ws_col : 0, columns_);
}

cli::Cursor StandardTerminal::cursor() const {
  return one_terminal_ && in_foreground(2) ? cli::Cursor::kMovable : cli::Cursor::kFixed;
}

std::optional<std::string> StandardTerminal::ask(std::string_view question) {
  if (::isatty(0) != 1 || ::isatty(2) != 1 || !in_foreground(0)) return std::nullopt;
  write_all(2, question);
  std::string answer;
  char c = 0;
  while (answer.size() < kMaxAnswer) {
    const ssize_t got = ::read(0, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    if (c == '\n') return answer;
    answer += c;
  }
  return answer;
}

ProcessAttention::ProcessAttention(boost::asio::io_context& loop, const StandardTerminal& terminal)
    : loop_(loop), terminal_(terminal), signals_(loop), timer_(loop), keys_(loop) {}

ProcessAttention::~ProcessAttention() {
  give_back();
}

cli::Answers ProcessAttention::answers() const {
  const bool there = ::isatty(0) == 1 && terminal_.cursor() == cli::Cursor::kMovable;
  return there ? cli::Answers::kSomebody : cli::Answers::kNobody;
}

void ProcessAttention::watch(Listener listener) {
  const bool was_watched = static_cast<bool>(listener_);
  listener_ = std::move(listener);
  if (!listener_) {
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    signals_.clear(ignored);
    timer_.cancel();
    keys_.close(ignored);
    give_back();
    return;
  }
  if (was_watched) return;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH}) {
    signals_.add(signal);
  }
  wait_for_signal();
  wait_for_tick();
  if (answers() == cli::Answers::kSomebody) {
    // A descriptor of our own, which closing does not take from anybody else.
    if (const int fd = ::dup(0); fd >= 0) {
      keys_.assign(fd);
      wait_for_key();
    }
    take_keys();
  }
}

void ProcessAttention::take_keys() {
  termios now{};
  if (before_ || !keys_.is_open() || !in_foreground(0) || ::tcgetattr(0, &now) != 0) return;
  before_ = now;
  now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  now.c_cc[VMIN] = 1;
  now.c_cc[VTIME] = 0;
  if (::tcsetattr(0, TCSADRAIN, &now) != 0) before_.reset();
}

void ProcessAttention::give_back() {
  if (!before_) return;
  if (in_foreground(0)) ::tcsetattr(0, TCSADRAIN, &*before_);
  before_.reset();
}

void ProcessAttention::report(cli::Happening happening, char key) {
  if (listener_) listener_(happening, key);
}

void ProcessAttention::wait_for_tick() {
  timer_.expires_after(cli::kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || !listener_) return;
    report(cli::Happening::kTick);
    if (listener_) wait_for_tick();
  });
}

void ProcessAttention::wait_for_key() {
  if (waits_for_key_) return;
  waits_for_key_ = true;
  keys_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                   [this](const boost::system::error_code& error) {
                     waits_for_key_ = false;
                     // In the background reading would stop us; SIGCONT comes when that is over.
                     if (error || !listener_ || !in_foreground(0)) return;
                     std::array<char, 64> typed{};
                     const ssize_t got = ::read(keys_.native_handle(), typed.data(), typed.size());
                     if (got <= 0) return;
                     // One thing typed is one key, also when the terminal sends it as a sequence.
                     report(cli::Happening::kKey, typed[0]);
                     if (listener_ && keys_.is_open()) wait_for_key();
                   });
}

void ProcessAttention::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error || !listener_) return;
    on_signal(signal);
    if (listener_) wait_for_signal();
  });
}

void ProcessAttention::on_signal(int signal) {
  switch (signal) {
    case SIGINT:
      report(cli::Happening::kInterrupt);
      break;
    case SIGTSTP:
      report(cli::Happening::kPause);
      give_back();
      ::raise(SIGSTOP);
      break;
    case SIGCONT:
      take_keys();
      if (before_) wait_for_key();
      report(cli::Happening::kResize);
      break;
    case SIGWINCH:
      report(cli::Happening::kResize);
      break;
    default:
      report(cli::Happening::kPause);
      give_back();
      leave(128 + signal);
  }
}

void ProcessAttention::beside(Task<void> task) {
  // Owned by the loop, which ends with the command. A failure of ours ends the command as well.
  boost::asio::co_spawn(loop_, std::move(task), [this](std::exception_ptr failure) {
    if (failure) leave(info(ErrorCode::kInternal).exit_code);
  });
}

void ProcessAttention::leave(int exit_code) {
  if (!left_with_) left_with_ = exit_code;
  loop_.stop();
}

}  // namespace personas::app
