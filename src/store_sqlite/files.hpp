// The files of a database: who may read them, and that only one process uses them.
#pragma once

#include <cstdint>
#include <filesystem>

#include "personas/base/error.hpp"

namespace personas::store_sqlite {

// Held for as long as the database is open. A file of its own: closing any descriptor of the
// database file itself would drop the locks that SQLite holds on it.
class FileLock {
 public:
  static Result<FileLock> acquire(const std::filesystem::path& database);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Creates the database's file for its owner alone; SQLite gives its companions the same mode.
// Narrows the mode of files that exist. Changing the umask instead would race with other threads.
Result<void> make_private(const std::filesystem::path& database);

std::filesystem::path wal_path(const std::filesystem::path& database);
std::int64_t file_size_or_zero(const std::filesystem::path& file);

}  // namespace personas::store_sqlite
