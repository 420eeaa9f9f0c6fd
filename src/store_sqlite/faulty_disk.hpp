// A disk for tests, as an SQLite VFS over the real one: it fails when told to, and it knows what
// would be left of the files after a power cut at this moment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "vfs_shim.hpp"

namespace personas::store_sqlite {

class FaultyDisk final : public VfsShim {
 public:
  FaultyDisk() : VfsShim("faulty", {}) {}

  enum class Fault : std::uint8_t {
    kWriteError,
    kSyncError,
    kFull,       // no write finds space
    kReadError,  // EIO
    kShortRead,  // the second half is missing
    kTruncateError,
    kOpenError,
    kLockError,
  };
  // The `nth` call of that kind from now on fails; 1 is the next. A full disk stays full until
  // repair(), an error happens once.
  void fail_at(Fault fault, int nth);
  void repair();
  bool struck() const;             // whether the fault has happened
  int writes_since_fault() const;  // writes and fsyncs that succeeded after it
  int repeated_syncs() const;      // of the file whose fsync has failed

  // Called before each write, fsync and truncation, while nothing else writes.
  void before_each_change(std::function<void()> hook) { before_change_ = std::move(hook); }

  // Copies the files into `directory` as they would be found: what was synced, and of what was not
  // any mixture of its sectors.
  void cut_power(const std::filesystem::path& directory, std::mt19937& random) const;

  // For the shims of its files.
  int strike(Fault call);
  int read(sqlite3_file* real, void* data, int size, std::int64_t offset);
  int write(sqlite3_file* real, const std::string& path, const void* data, int size,
            std::int64_t offset);
  int sync(const std::string& path);
  int truncate(sqlite3_file* real, const std::string& path, std::int64_t size);

  int opening(const char* name, int flags) override;
  std::unique_ptr<ShimFile> opened(const char* name, int flags, sqlite3_file* real,
                                   int& code) override;
  int removing(const char* name) override;

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
  int strike_locked(Fault call);

  std::function<void()> before_change_;
  mutable std::mutex mutex_;
  std::map<std::string, File> files_;
  Fault fault_ = Fault::kWriteError;
  int countdown_ = 0;  // 0: no fault is planned
  bool struck_ = false;
  int writes_since_fault_ = 0;
  std::string unsynced_;  // the file whose fsync has failed
  int repeated_syncs_ = 0;
};

}  // namespace personas::store_sqlite
