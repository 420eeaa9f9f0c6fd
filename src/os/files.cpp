#include "personas/os/files.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include "fd.hpp"
#include "file_calls.hpp"

namespace personas::os {
namespace {

class SystemCalls final : public FileCalls {
 public:
  int make_temporary(std::string& pattern) override {
    return ::mkostemp(pattern.data(), O_CLOEXEC);
  }
  ssize_t write(int fd, const char* data, std::size_t size) override {
    return ::write(fd, data, size);
  }
  int sync(int fd) override { return ::fsync(fd); }
  int close(int fd) override { return ::close(fd); }
  int rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str());
  }
  int remove(const std::string& path) override { return ::unlink(path.c_str()); }
  int open_folder(const std::string& path) override {
    return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
};

Result<std::string> read_to_end(int fd, const std::string& path, std::size_t max_bytes) {
  std::string content;
  char block[16 * 1024];
  for (;;) {
    ssize_t got = ::read(fd, block, sizeof block);
    if (got == 0) return content;
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "cannot read " + path);
    }
    if (content.size() + static_cast<std::size_t>(got) > max_bytes) {
      return fail(ErrorCode::kPayloadTooLarge,
                  path + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
    content.append(block, static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(errno, "cannot open " + path);
  return read_to_end(fd.get(), path, max_bytes);
}

// By its descriptor: /dev/stdin cannot be opened when it is a socket.
Result<std::string> read_standard_input(std::size_t max_bytes) {
  return read_to_end(STDIN_FILENO, "standard input", max_bytes);
}

Result<void> write_private_file(const std::string& path, std::string_view content) {
  SystemCalls calls;
  return replace_file(calls, path, content);
}

Result<void> make_private_directory(const std::string& path) {
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty() && ::access(parent.c_str(), F_OK) != 0) {
    TRY_VOID(make_private_directory(parent.string()));
  }
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return fail_errno(errno, "cannot make the folder " + path);
  // Its name is in its parent: without this a power cut may take the folder with all that is in it.
  if (made) {
    SystemCalls calls;
    TRY_VOID(sync_folder(calls, parent.empty() ? "." : parent.string()));
  }
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "cannot open the folder " + path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(errno, "cannot examine " + path);
  if (info.st_uid != ::geteuid()) {
    return fail(ErrorCode::kMisconfigured,
                path + " belongs to another user; choose another folder or change its owner");
  }
  if ((info.st_mode & 077) != 0) {
    return fail(ErrorCode::kMisconfigured,
                path + " is open to other users; run: chmod 700 " + path);
  }
  return {};
}

}  // namespace personas::os
