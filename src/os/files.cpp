#include "personas/os/files.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include "fd.hpp"

namespace personas::os {
namespace {

Result<void> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "cannot write " + path);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> sync_folder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "cannot open the folder " + folder);
  if (::fsync(fd.get()) != 0) return fail_errno(errno, "cannot sync the folder " + folder);
  return {};
}

}  // namespace

namespace {

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
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  std::string temporary = path + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // mkostemp makes it 0600
  if (!fd) return fail_errno(errno, "cannot make a file in " + folder);

  Result<void> done = write_all(fd.get(), content, path);
  if (done && ::fsync(fd.get()) != 0) done = fail_errno(errno, "cannot sync " + path);
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0) {
    done = fail_errno(errno, "cannot replace " + path);
  }
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_folder(folder);
}

Result<void> make_private_directory(const std::string& path) {
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty() && ::access(parent.c_str(), F_OK) != 0) {
    TRY_VOID(make_private_directory(parent.string()));
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, "cannot make the folder " + path);
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
