#include "personas/os/data_lock.hpp"

#include <algorithm>
#include <cctype>
#include <fcntl.h>
#include <sys/file.h>
#include <utility>

#include "fd.hpp"

namespace personas::os {
namespace {

// The pid that the owner wrote; empty if it is not there (yet).
std::string owner_of(int fd) {
  char text[16] = {};
  ssize_t got = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  std::erase_if(pid, [](unsigned char c) { return !std::isdigit(c); });
  return pid;
}

}  // namespace

Result<DataLock> DataLock::acquire(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(errno, "cannot open " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "cannot lock " + path);
    std::string pid = owner_of(fd.get());
    return fail(ErrorCode::kLocked, "the data folder " + folder + " is in use by process " +
                                        (pid.empty() ? "(unknown)" : pid) +
                                        "; stop it or choose another folder");
  }
  // The pid is only for people; the lock holds without it.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail_errno(errno, "cannot write " + path);
  }
  return DataLock(fd.release());
}

DataLock::DataLock(DataLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DataLock& DataLock::operator=(DataLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

DataLock::~DataLock() {
  // The file stays: removing it would let two processes lock two different files of that name.
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace personas::os
