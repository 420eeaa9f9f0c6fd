// Preloaded into the real program by functional tests: the first fsync of a file of the store after
// the file FAIL_SYNC_WHEN exists fails with EIO. FAIL_SYNC_LOG gets a line for it, and one for each
// fsync of the same file that is tried after it.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace {

std::atomic<bool> has_failed{false};
char failed_path[4096];

void note(const char* what, const char* path) {
  const char* log = std::getenv("FAIL_SYNC_LOG");
  const int fd = log != nullptr ? ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
  if (fd < 0) return;
  char line[4200];
  const int size = std::snprintf(line, sizeof line, "%s %s\n", what, path);
  if (::write(fd, line, static_cast<size_t>(size)) < 0) std::abort();
  ::close(fd);
}

bool fails(int fd) {
  const char* when = std::getenv("FAIL_SYNC_WHEN");
  if (when == nullptr || ::access(when, F_OK) != 0) return false;
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size <= 0) return false;
  path[size] = '\0';
  if (std::strstr(path, "personas.db") == nullptr) return false;
  if (has_failed.exchange(true)) {
    if (std::strcmp(path, failed_path) == 0) note("again", path);
    return false;
  }
  std::memcpy(failed_path, path, static_cast<size_t>(size) + 1);
  note("failed", path);
  return true;
}

int call_next(const char* name, int fd) {
  if (fails(fd)) {
    errno = EIO;
    return -1;
  }
  using Sync = int (*)(int);
  return reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" int fsync(int fd) {
  return call_next("fsync", fd);
}
extern "C" int fdatasync(int fd) {
  return call_next("fdatasync", fd);
}
