// What the tests start: the supervisor, and little programs that behave as bad agents do.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "personas/sandbox_linux/supervisor.hpp"

namespace {

void say(const std::string& text) {
  static_cast<void>(!::write(1, text.data(), text.size()));
}

// Leaves group and session, ignores what can be ignored, and stays.
void escape_twice() {
  if (::fork() != 0) return;
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  ::setpgid(0, 0);
  for (;;) ::pause();
}

int escape() {
  for (int i = 0; i < 3; ++i) escape_twice();
  if (::fork() == 0) {  // one that stays in the group
    std::signal(SIGTERM, SIG_IGN);
    for (;;) ::pause();
  }
  say("ready\n");
  for (;;) ::pause();
}

int bomb(int count) {
  for (int i = 0; i < count; ++i) {
    pid_t child = ::fork();
    if (child == 0) {
      if (i % 2 == 0) ::setsid();
      if (i % 3 == 0 && ::fork() != 0) ::_exit(0);
      for (;;) ::pause();
    }
  }
  say("ready\n");
  for (;;) ::pause();
}

int flood(long long bytes) {
  std::string block(64 * 1024, 'x');
  while (bytes > 0) {
    std::size_t size = std::min<std::size_t>(block.size(), static_cast<std::size_t>(bytes));
    ssize_t wrote = ::write(1, block.data(), size);
    if (wrote <= 0) return 1;
    bytes -= wrote;
  }
  return 0;
}

int descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 1;
  std::string names;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == ::dirfd(folder)) continue;
    names += std::string(entry->d_name) + " ";
  }
  ::closedir(folder);
  say(names + "\n");
  return 0;
}

int terminal() {
  std::string report;
  for (int fd : {0, 1, 2}) report += ::isatty(fd) != 0 ? "tty " : "no ";
  report += ::open("/dev/tty", O_RDWR) >= 0 ? "tty " : "no ";
  char byte = 'x';
  for (unsigned long request : {static_cast<unsigned long>(TIOCSTI), TIOCSTI + (1UL << 32),
                                static_cast<unsigned long>(TIOCLINUX)}) {
    report += ::ioctl(0, request, &byte) == 0 ? "done " : "refused ";
  }
  say(report + "\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "supervise-attempt") return personas::sandbox_linux::supervisor_main(argc, argv);
  if (mode == "escape") return escape();
  if (mode == "bomb") return bomb(argc > 2 ? std::atoi(argv[2]) : 200);
  if (mode == "flood") return flood(argc > 2 ? std::atoll(argv[2]) : 0);
  if (mode == "descriptors") return descriptors();
  if (mode == "terminal") return terminal();
  return 64;
}
