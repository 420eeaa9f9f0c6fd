#include "faulty_disk.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <new>
#include <utility>

#include <fmt/format.h>

namespace personas::store_sqlite {

namespace {

constexpr std::size_t kSector = 512;

// The object SQLite allocates for an open file; the real file's follows it in memory.
struct File {
  sqlite3_file base;
  FaultyDisk* disk;
  std::string* path;  // null for files that are not tracked
};

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}
File& shim_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}

int on_close(sqlite3_file* file) {
  delete shim_of(file).path;
  return real_of(file)->pMethods->xClose(real_of(file));
}
int on_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}
int on_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  auto& shim = shim_of(file);
  if (shim.path == nullptr) {
    return real_of(file)->pMethods->xWrite(real_of(file), data, size, offset);
  }
  return shim.disk->write(real_of(file), *shim.path, data, size, offset);
}
int on_truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& shim = shim_of(file);
  if (shim.path == nullptr) return real_of(file)->pMethods->xTruncate(real_of(file), size);
  return shim.disk->truncate(real_of(file), *shim.path, size);
}
int on_sync(sqlite3_file* file, int flags) {
  auto& shim = shim_of(file);
  if (shim.path == nullptr) return real_of(file)->pMethods->xSync(real_of(file), flags);
  return shim.disk->sync(real_of(file), *shim.path, flags);
}

// Everything else goes straight to the real file.
template <auto Method>
struct Forward;
template <class... Args, int (*sqlite3_io_methods::*Method)(sqlite3_file*, Args...)>
struct Forward<Method> {
  static int call(sqlite3_file* file, Args... args) {
    return (real_of(file)->pMethods->*Method)(real_of(file), args...);
  }
};
void on_shm_barrier(sqlite3_file* file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

const sqlite3_io_methods kMethods{2,  // with shared memory for the WAL, without memory mapping
                                  &on_close,
                                  &on_read,
                                  &on_write,
                                  &on_truncate,
                                  &on_sync,
                                  &Forward<&sqlite3_io_methods::xFileSize>::call,
                                  &Forward<&sqlite3_io_methods::xLock>::call,
                                  &Forward<&sqlite3_io_methods::xUnlock>::call,
                                  &Forward<&sqlite3_io_methods::xCheckReservedLock>::call,
                                  &Forward<&sqlite3_io_methods::xFileControl>::call,
                                  &Forward<&sqlite3_io_methods::xSectorSize>::call,
                                  &Forward<&sqlite3_io_methods::xDeviceCharacteristics>::call,
                                  &Forward<&sqlite3_io_methods::xShmMap>::call,
                                  &Forward<&sqlite3_io_methods::xShmLock>::call,
                                  &on_shm_barrier,
                                  &Forward<&sqlite3_io_methods::xShmUnmap>::call,
                                  nullptr,
                                  nullptr};

FaultyDisk& disk_of(sqlite3_vfs* vfs) {
  return *static_cast<FaultyDisk*>(vfs->pAppData);
}

int on_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto& disk = disk_of(vfs);
  auto& shim = *new (file) File{};
  const int code = disk.real()->xOpen(disk.real(), name, real_of(file), flags, out_flags);
  if (code != SQLITE_OK) return code;
  shim.base.pMethods = &kMethods;
  shim.disk = &disk;
  if ((flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
    shim.path = new std::string(name);
    disk.opened(real_of(file), *shim.path);
  }
  return code;
}
int on_delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  auto& disk = disk_of(vfs);
  disk.removed(name);
  return disk.real()->xDelete(disk.real(), name, sync_directory);
}

void apply(std::vector<std::uint8_t>& content, std::int64_t offset, const std::uint8_t* data,
           std::size_t size) {
  const auto begin = static_cast<std::size_t>(offset);
  if (content.size() < begin + size) content.resize(begin + size);
  std::memcpy(content.data() + begin, data, size);
}

}  // namespace

FaultyDisk::FaultyDisk() : real_(sqlite3_vfs_find(nullptr)) {
  static std::atomic<int> count = 0;
  name_ = fmt::format("faulty-{}", ++count);
  vfs_ = *real_;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.xOpen = &on_open;
  vfs_.xDelete = &on_delete;
  sqlite3_vfs_register(&vfs_, 0);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&vfs_);
}

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

int FaultyDisk::strike(Fault write_or_sync) {
  const bool is_sync = write_or_sync == Fault::kSyncError;
  const bool full = fault_ == Fault::kFull;
  const bool concerned = countdown_ > 0 && is_sync == (fault_ == Fault::kSyncError);
  if (concerned && --countdown_ == 0) {
    struck_ = true;
    if (full) countdown_ = 1;  // so is the next one
    return full ? SQLITE_FULL : is_sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
  }
  if (struck_) ++writes_since_fault_;
  return SQLITE_OK;
}

int FaultyDisk::write(sqlite3_file* real, const std::string& path, const void* data, int size,
                      std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  if (const int code = strike(Fault::kWriteError); code != SQLITE_OK) return code;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  files_[path].pending.push_back({offset, {bytes, bytes + size}});
  return real->pMethods->xWrite(real, data, size, offset);
}

int FaultyDisk::sync(sqlite3_file* real, const std::string& path, int flags) {
  const std::lock_guard lock(mutex_);
  if (const int code = strike(Fault::kSyncError); code != SQLITE_OK) return code;
  auto& file = files_[path];
  for (const auto& change : file.pending) {
    if (change.data.empty()) {
      file.durable.resize(static_cast<std::size_t>(change.offset));
    } else {
      apply(file.durable, change.offset, change.data.data(), change.data.size());
    }
  }
  file.pending.clear();
  return real->pMethods->xSync(real, flags);
}

int FaultyDisk::truncate(sqlite3_file* real, const std::string& path, std::int64_t size) {
  const std::lock_guard lock(mutex_);
  files_[path].pending.push_back({size, {}});
  return real->pMethods->xTruncate(real, size);
}

void FaultyDisk::opened(sqlite3_file* real, const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto [entry, is_new] = files_.try_emplace(path);
  if (!is_new) return;
  sqlite3_int64 size = 0;
  real->pMethods->xFileSize(real, &size);
  entry->second.durable.resize(static_cast<std::size_t>(size));
  if (size > 0)
    real->pMethods->xRead(real, entry->second.durable.data(), static_cast<int>(size), 0);
}

void FaultyDisk::removed(const std::string& path) {
  const std::lock_guard lock(mutex_);
  files_.erase(path);
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
