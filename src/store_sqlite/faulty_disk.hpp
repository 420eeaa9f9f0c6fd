// A disk for tests, as an SQLite VFS over the real one: it fails when told to, and it knows what
// would be left of the files after a power cut at this moment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace personas::store_sqlite {

class FaultyDisk {
 public:
  FaultyDisk();   // registers the VFS
  ~FaultyDisk();  // after every store on it is closed
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  const std::string& name() const { return name_; }

  enum class Fault : std::uint8_t { kWriteError, kSyncError, kFull };
  // The `nth` write (kWriteError, kFull) or fsync (kSyncError) from now on fails; 1 is the next.
  // A full disk stays full until repair(), an error happens once.
  void fail_at(Fault fault, int nth);
  void repair();
  bool struck() const;             // whether the fault has happened
  int writes_since_fault() const;  // writes and fsyncs that succeeded after it

  // Copies the files into `directory` as they would be found: what was synced, and of what was not
  // any mixture of its sectors.
  void cut_power(const std::filesystem::path& directory, std::mt19937& random) const;

  // For the VFS's functions.
  int write(sqlite3_file* real, const std::string& path, const void* data, int size,
            std::int64_t offset);
  int sync(sqlite3_file* real, const std::string& path, int flags);
  int truncate(sqlite3_file* real, const std::string& path, std::int64_t size);
  void opened(sqlite3_file* real, const std::string& path);
  void removed(const std::string& path);
  sqlite3_vfs* real() const { return real_; }

 private:
  // A write, or a truncation if there is no data.
  struct Change {
    std::int64_t offset;
    std::vector<std::uint8_t> data;
  };
  struct File {
    std::vector<std::uint8_t> durable;
    std::vector<Change> pending;
  };
  // SQLITE_OK, or the code to fail with. With the lock held.
  int strike(Fault write_or_sync);

  std::string name_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_{};
  mutable std::mutex mutex_;
  std::map<std::string, File> files_;
  Fault fault_ = Fault::kWriteError;
  int countdown_ = 0;  // 0: no fault is planned
  bool struck_ = false;
  int writes_since_fault_ = 0;
};

}  // namespace personas::store_sqlite
