#include "faulty_disk.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace personas::store_sqlite {

namespace {

constexpr std::size_t kSector = 512;

// A file whose content a power cut may mix up; the shared memory of the WAL is not one.
class TrackedFile final : public ShimFile {
 public:
  TrackedFile(sqlite3_file* real, FaultyDisk& disk, std::string path)
      : ShimFile(real), disk_(disk), path_(std::move(path)) {}

  int read(void* data, int size, std::int64_t offset) override {
    return disk_.read(real(), data, size, offset);
  }
  int write(const void* data, int size, std::int64_t offset) override {
    return disk_.write(real(), path_, data, size, offset);
  }
  int truncate(std::int64_t size) override { return disk_.truncate(real(), path_, size); }
  int sync(int /*flags*/) override { return disk_.sync(path_); }
  int lock(int level) override {
    const int code = disk_.strike(FaultyDisk::Fault::kLockError);
    return code != SQLITE_OK ? code : ShimFile::lock(level);
  }
  int shm_lock(int offset, int count, int flags) override {
    const bool takes = (flags & SQLITE_SHM_LOCK) != 0;  // SQLite ignores what an unlock returns
    const int code = takes ? disk_.strike(FaultyDisk::Fault::kLockError) : SQLITE_OK;
    return code != SQLITE_OK ? code : ShimFile::shm_lock(offset, count, flags);
  }

 private:
  FaultyDisk& disk_;
  std::string path_;
};

bool is_tracked(int flags) {
  return (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
}

int code_of(FaultyDisk::Fault fault) {
  using Fault = FaultyDisk::Fault;
  switch (fault) {
    case Fault::kWriteError:
      return SQLITE_IOERR_WRITE;
    case Fault::kSyncError:
      return SQLITE_IOERR_FSYNC;
    case Fault::kFull:
      return SQLITE_FULL;
    case Fault::kReadError:
      return SQLITE_IOERR_READ;
    case Fault::kShortRead:
      return SQLITE_IOERR_SHORT_READ;
    case Fault::kTruncateError:
      return SQLITE_IOERR_TRUNCATE;
    case Fault::kOpenError:
      return SQLITE_CANTOPEN;
    case Fault::kLockError:
      return SQLITE_IOERR_LOCK;
  }
  return SQLITE_ERROR;
}

void apply(std::vector<std::uint8_t>& content, std::int64_t offset, const std::uint8_t* data,
           std::size_t size) {
  const auto begin = static_cast<std::size_t>(offset);
  if (content.size() < begin + size) content.resize(begin + size);
  std::memcpy(content.data() + begin, data, size);
}

}  // namespace

void FaultyDisk::fail_at(Fault fault, int nth) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  countdown_ = nth;
  struck_ = false;
  writes_since_fault_ = 0;
}

void FaultyDisk::repair() {
  fail_at(Fault::kWriteError, 0);
}

bool FaultyDisk::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}

int FaultyDisk::writes_since_fault() const {
  const std::lock_guard lock(mutex_);
  return writes_since_fault_;
}

int FaultyDisk::repeated_syncs() const {
  const std::lock_guard lock(mutex_);
  return repeated_syncs_;
}

int FaultyDisk::strike(Fault call) {
  const std::lock_guard lock(mutex_);
  return strike_locked(call);
}

// A write is struck by a full disk too, a read by one that comes back short.
int FaultyDisk::strike_locked(Fault call) {
  const bool concerned = fault_ == call || (call == Fault::kWriteError && fault_ == Fault::kFull) ||
                         (call == Fault::kReadError && fault_ == Fault::kShortRead);
  if (countdown_ > 0 && concerned && --countdown_ == 0) {
    struck_ = true;
    if (fault_ == Fault::kFull) countdown_ = 1;  // so is the next one
    return code_of(fault_);
  }
  if (struck_ && (call == Fault::kWriteError || call == Fault::kSyncError)) ++writes_since_fault_;
  return SQLITE_OK;
}

int FaultyDisk::read(sqlite3_file* real, void* data, int size, std::int64_t offset) {
  const int code = strike(Fault::kReadError);
  if (code == SQLITE_OK) return real->pMethods->xRead(real, data, size, offset);
  if (code == SQLITE_IOERR_SHORT_READ) {
    std::memset(data, 0, static_cast<std::size_t>(size));
    static_cast<void>(real->pMethods->xRead(real, data, size / 2, offset));
  }
  return code;
}

int FaultyDisk::write(sqlite3_file* real, const std::string& path, const void* data, int size,
                      std::int64_t offset) {
  if (before_change_) before_change_();
  const std::lock_guard lock(mutex_);
  if (const int code = strike_locked(Fault::kWriteError); code != SQLITE_OK) return code;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  files_[path].pending.push_back({offset, {bytes, bytes + size}});
  return real->pMethods->xWrite(real, data, size, offset);
}

int FaultyDisk::sync(const std::string& path) {
  if (before_change_) before_change_();
  const std::lock_guard lock(mutex_);
  if (path == unsynced_) ++repeated_syncs_;
  if (const int code = strike_locked(Fault::kSyncError); code != SQLITE_OK) {
    unsynced_ = path;
    return code;
  }
  auto& file = files_[path];
  for (const auto& change : file.pending) {
    if (change.data.empty()) {
      file.durable.resize(static_cast<std::size_t>(change.offset));
    } else {
      apply(file.durable, change.offset, change.data.data(), change.data.size());
    }
  }
  file.pending.clear();
  return SQLITE_OK;  // what counts as durable is counted here; the real disk need not wait
}

int FaultyDisk::truncate(sqlite3_file* real, const std::string& path, std::int64_t size) {
  if (before_change_) before_change_();
  const std::lock_guard lock(mutex_);
  if (const int code = strike_locked(Fault::kTruncateError); code != SQLITE_OK) return code;
  files_[path].pending.push_back({size, {}});
  return real->pMethods->xTruncate(real, size);
}

int FaultyDisk::opening(const char* /*name*/, int flags) {
  return is_tracked(flags) ? strike(Fault::kOpenError) : SQLITE_OK;
}

std::unique_ptr<ShimFile> FaultyDisk::opened(const char* name, int flags, sqlite3_file* real,
                                             int& /*code*/) {
  if (!is_tracked(flags)) return std::make_unique<ShimFile>(real);
  const std::lock_guard lock(mutex_);
  auto [entry, is_new] = files_.try_emplace(name);
  if (is_new) {
    sqlite3_int64 size = 0;
    real->pMethods->xFileSize(real, &size);
    entry->second.durable.resize(static_cast<std::size_t>(size));
    if (size > 0) {
      real->pMethods->xRead(real, entry->second.durable.data(), static_cast<int>(size), 0);
    }
  }
  return std::make_unique<TrackedFile>(real, *this, name);
}

int FaultyDisk::removing(const char* name) {
  const std::lock_guard lock(mutex_);
  files_.erase(name);
  return SQLITE_OK;
}

void FaultyDisk::cut_power(const std::filesystem::path& directory, std::mt19937& random) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, file] : files_) {
    auto content = file.durable;
    for (const auto& change : file.pending) {
      if (change.data.empty()) {
        if (random() % 2 == 0) content.resize(static_cast<std::size_t>(change.offset));
        continue;
      }
      for (std::size_t at = 0; at < change.data.size(); at += kSector) {
        if (random() % 2 == 0) continue;
        apply(content, change.offset + static_cast<std::int64_t>(at), change.data.data() + at,
              std::min(kSector, change.data.size() - at));
      }
    }
    std::ofstream out(directory / std::filesystem::path(path).filename(), std::ios::binary);
    out.write(reinterpret_cast<const char*>(content.data()),
              static_cast<std::streamsize>(content.size()));
  }
}

}  // namespace personas::store_sqlite
