#include "process_tree.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <mutex>
#include <string_view>
#include <sys/wait.h>
#include <vector>

#include "fd.hpp"

namespace personas::sandbox_linux {
namespace {

// Enough for some 8000 pids; what does not fit is found by the next pass.
constexpr std::size_t kChildrenBytes = 64 * 1024;

std::mutex supervisors_mutex;
std::vector<pid_t>& supervisors() {
  static std::vector<pid_t> pids;
  return pids;
}

std::size_t read_small(const char* path, char* out, std::size_t size) {
  Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return 0;
  std::size_t used = 0;
  while (used < size) {
    ssize_t got = ::read(fd.get(), out + used, size - used);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  return used;
}

void for_each_number_in(const char* folder, const std::function<void(const char*)>& visit) {
  DIR* entries = ::opendir(folder);
  if (entries == nullptr) return;
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') visit(entry->d_name);
  }
  ::closedir(entries);
}

bool children_file_exists() {
  static const bool exists = ::access("/proc/thread-self/children", R_OK) == 0;
  return exists;
}

// For kernels built without the children file.
void for_each_child_by_stat(const std::function<void(pid_t)>& visit) {
  const pid_t self = ::getpid();
  for_each_number_in("/proc", [&](const char* name) {
    char path[64];
    char text[512];
    std::snprintf(path, sizeof path, "/proc/%s/stat", name);
    std::size_t size = read_small(path, text, sizeof text - 1);
    text[size] = '\0';
    const char* after_name = std::strrchr(text, ')');
    char state = 0;
    int parent = 0;
    if (after_name == nullptr || std::sscanf(after_name + 1, " %c %d", &state, &parent) != 2)
      return;
    if (parent == self) visit(static_cast<pid_t>(std::atoi(name)));
  });
}

void visit_pids(std::string_view text, const std::function<void(pid_t)>& visit) {
  pid_t pid = 0;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      pid = pid * 10 + (c - '0');
    } else if (pid != 0) {
      visit(pid);
      pid = 0;
    }
  }
}

bool has_no_new_privs(pid_t pid) {
  char path[64];
  char text[4096];
  std::snprintf(path, sizeof path, "/proc/%d/status", pid);
  std::string_view status(text, read_small(path, text, sizeof text));
  return status.find("\nNoNewPrivs:\t1") != std::string_view::npos;
}

}  // namespace

void for_each_child(const std::function<void(pid_t)>& visit) {
  if (!children_file_exists()) return for_each_child_by_stat(visit);
  for_each_number_in("/proc/self/task", [&](const char* thread) {
    static thread_local char text[kChildrenBytes];
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%s/children", thread);
    visit_pids(std::string_view(text, read_small(path, text, sizeof text)), visit);
  });
}

SupervisorGuard::SupervisorGuard() {
  supervisors_mutex.lock();
}
SupervisorGuard::~SupervisorGuard() {
  supervisors_mutex.unlock();
}
void SupervisorGuard::add(pid_t pid) {
  supervisors().push_back(pid);
}
void SupervisorGuard::remove(pid_t pid) {
  std::erase(supervisors(), pid);
}

std::size_t sweep_orphans() {
  SupervisorGuard guard;
  const pid_t our_session = ::getsid(0);
  std::size_t seen = 0;
  for_each_child([&](pid_t pid) {
    if (std::ranges::find(supervisors(), pid) != supervisors().end()) return;
    if (::getsid(pid) == our_session || !has_no_new_privs(pid)) return;
    ++seen;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, WNOHANG);
  });
  return seen;
}

}  // namespace personas::sandbox_linux
