// A file is written beside the one it replaces, synced, and renamed over it; then the folder is
// synced, because the new name is in there. An fsync that fails is never tried again: the file is
// thrown away, or, for the folder, the caller is told that it is not known which of both is there.
#include <cerrno>
#include <filesystem>
#include <optional>

#include "fd.hpp"
#include "file_calls.hpp"

namespace personas::os {
namespace {

Result<void> write_all(FileCalls& calls, int fd, std::string_view content,
                       const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = calls.write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, "cannot write " + path);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<void> sync_folder(FileCalls& calls, const std::string& folder) {
  const int fd = calls.open_folder(folder);
  if (fd < 0) return fail_errno(errno, "cannot open the folder " + folder);
  Result<void> done;
  if (calls.sync(fd) != 0) done = fail_errno(errno, "cannot sync the folder " + folder);
  calls.close(fd);
  return done;
}

Result<void> replace_file(FileCalls& calls, const std::string& path, std::string_view content) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  std::string temporary = path + ".XXXXXX";
  const int fd = calls.make_temporary(temporary);
  if (fd < 0) return fail_errno(errno, "cannot make a file in " + folder);

  Result<void> done = write_all(calls, fd, content, path);
  if (done && calls.sync(fd) != 0) done = fail_errno(errno, "cannot sync " + path);
  calls.close(fd);
  if (done && calls.rename(temporary, path) != 0) {
    done = fail_errno(errno, "cannot replace " + path);
  }
  if (!done) {
    calls.remove(temporary);
    return done;
  }
  return sync_folder(calls, folder);
}

}  // namespace personas::os
