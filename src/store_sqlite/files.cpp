#include "files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace personas::store_sqlite {

namespace {

std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix) {
  auto out = path;
  out += suffix;
  return out;
}

std::unexpected<Error> cannot(std::string_view doing, const std::filesystem::path& path) {
  return fail(ErrorCode::kIo, fmt::format("could not {} {}: {}", doing, path.string(),
                                          std::system_category().message(errno)));
}

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& database) {
  const auto path = with_suffix(database, ".lock");
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (descriptor < 0) return cannot("create the lock file", path);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return fail(ErrorCode::kLocked,
                fmt::format("the database {} is in use by another process; stop that one first",
                            database.string()));
  }
  return FileLock(descriptor);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> make_private(const std::filesystem::path& database) {
  const int descriptor = ::open(database.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (descriptor < 0) return cannot("open the database", database);
  const bool narrowed = ::fchmod(descriptor, kOwnerOnly) == 0;
  ::close(descriptor);  // before SQLite opens it: see FileLock
  if (!narrowed) return cannot("restrict the permissions of", database);
  for (const auto* suffix : {"-wal", "-shm"}) {
    const auto companion = with_suffix(database, suffix);
    if (::chmod(companion.c_str(), kOwnerOnly) != 0 && errno != ENOENT) {
      return cannot("restrict the permissions of", companion);
    }
  }
  return {};
}

std::filesystem::path wal_path(const std::filesystem::path& database) {
  return with_suffix(database, "-wal");
}

std::int64_t file_size_or_zero(const std::filesystem::path& file) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file, ignored);
  return ignored ? 0 : static_cast<std::int64_t>(size);
}

}  // namespace personas::store_sqlite
