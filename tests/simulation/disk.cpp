#include "disk.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <fmt/format.h>

namespace personas::simulation {
namespace {

constexpr int kSector = 512;

void apply(std::vector<std::uint8_t>& content, std::int64_t offset, const std::uint8_t* data,
           std::size_t size) {
  const auto begin = static_cast<std::size_t>(offset);
  if (content.size() < begin + size) content.resize(begin + size);
  std::memcpy(content.data() + begin, data, size);
}

// What SQLite allocates for an open file.
struct OpenFile {
  sqlite3_file base;
  Disk* disk;
  std::string* name;
};
OpenFile& of(sqlite3_file* file) {
  return *reinterpret_cast<OpenFile*>(file);
}

int nothing(sqlite3_file* /*file*/, int /*level*/) {
  return SQLITE_OK;
}

}  // namespace

// SQLite's calls. One thread and one connection: locks are never contended.
struct DiskCalls {
  static Disk& disk(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    auto& opened = *new (file) OpenFile{};
    if (name == nullptr) return SQLITE_CANTOPEN;  // temporary files: there are none
    auto& files = disk(vfs).files_;
    if (!files.contains(name) && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    files.try_emplace(name);
    opened.disk = &disk(vfs);
    opened.name = new std::string(name);
    opened.base.pMethods = &kMethods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }
  static int close(sqlite3_file* file) {
    delete of(file).name;
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
    const auto& content = of(file).disk->files_[*of(file).name].content;
    const auto begin = std::min(static_cast<std::size_t>(offset), content.size());
    const auto got = std::min(static_cast<std::size_t>(size), content.size() - begin);
    std::memcpy(into, content.data() + begin, got);
    if (got == static_cast<std::size_t>(size)) return SQLITE_OK;
    std::memset(static_cast<char*>(into) + got, 0, static_cast<std::size_t>(size) - got);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    return of(file).disk->write(*of(file).name, data, size, offset);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return of(file).disk->truncate(*of(file).name, size);
  }
  static int sync(sqlite3_file* file, int /*flags*/) { return of(file).disk->sync(*of(file).name); }
  static int size(sqlite3_file* file, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(of(file).disk->files_[*of(file).name].content.size());
    return SQLITE_OK;
  }
  static int reserved(sqlite3_file* /*file*/, int* reserved) {
    *reserved = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file* /*file*/, int /*what*/, void* /*argument*/) {
    return SQLITE_NOTFOUND;
  }
  static int sector(sqlite3_file* /*file*/) { return kSector; }
  static int traits(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** into) {
    auto& pages = of(file).disk->shared_memory_[*of(file).name];
    const auto wanted = static_cast<std::size_t>(page);
    *into = nullptr;
    if (pages.size() <= wanted) {
      if (extend == 0) return SQLITE_OK;
      while (pages.size() <= wanted) pages.emplace_back(static_cast<std::size_t>(size));
    }
    *into = pages[wanted].data();
    return SQLITE_OK;
  }
  static int shm_lock(sqlite3_file* /*file*/, int /*at*/, int /*n*/, int /*flags*/) {
    return SQLITE_OK;
  }
  static void shm_barrier(sqlite3_file* /*file*/) {}
  static int shm_unmap(sqlite3_file* file, int remove) {
    if (remove != 0) of(file).disk->shared_memory_.erase(*of(file).name);
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int /*sync_directory*/) {
    disk(vfs).files_.erase(name);
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* result) {
    const auto found = disk(vfs).files_.find(name);
    *result = found != disk(vfs).files_.end() ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs* /*vfs*/, const char* name, int size, char* into) {
    const auto length = std::strlen(name) + 1;
    if (length > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
    std::memcpy(into, name, length);
    return SQLITE_OK;
  }
  static int random(sqlite3_vfs* vfs, int size, char* into) {
    disk(vfs).random_.fill({reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size)});
    return size;
  }

  static const sqlite3_io_methods kMethods;
};

const sqlite3_io_methods DiskCalls::kMethods{
    .iVersion = 2,
    .xClose = &close,
    .xRead = &read,
    .xWrite = &write,
    .xTruncate = &truncate,
    .xSync = &sync,
    .xFileSize = &size,
    .xLock = &nothing,
    .xUnlock = &nothing,
    .xCheckReservedLock = &reserved,
    .xFileControl = &control,
    .xSectorSize = &sector,
    .xDeviceCharacteristics = &traits,
    .xShmMap = &shm_map,
    .xShmLock = &shm_lock,
    .xShmBarrier = &shm_barrier,
    .xShmUnmap = &shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

Disk::Disk(Random& random) : random_(random) {
  static std::uint64_t made = 0;
  name_ = fmt::format("simulated-{}", ++made);
  vfs_ = *sqlite3_vfs_find(nullptr);
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(OpenFile));
  vfs_.xOpen = &DiskCalls::open;
  vfs_.xDelete = &DiskCalls::remove;
  vfs_.xAccess = &DiskCalls::access;
  vfs_.xFullPathname = &DiskCalls::full_path;
  vfs_.xRandomness = &DiskCalls::random;
  sqlite3_vfs_register(&vfs_, 0);
}

Disk::~Disk() {
  sqlite3_vfs_unregister(&vfs_);
}

void Disk::load(const Image& image) {
  files_.clear();
  for (const auto& [name, content] : image) files_[name] = {content, content, {}};
}

Disk::Image Disk::image() const {
  Image image;
  for (const auto& [name, file] : files_) image[name] = file.content;
  return image;
}

void Disk::heal() {
  full_ = false;
  sync_fails_ = false;
  if (!stopped_) countdown_ = 0;
}

void Disk::before_change() {
  if (countdown_ == 0 || --countdown_ > 0) return;
  stopped_ = true;
  at_stop_ = files_;
}

int Disk::write(const std::string& name, const void* data, int size, std::int64_t offset) {
  before_change();
  if (full_) {
    ++refused_;
    return SQLITE_FULL;
  }
  auto& file = files_[name];
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  apply(file.content, offset, bytes, static_cast<std::size_t>(size));
  file.pending.push_back({.offset = offset, .data = {bytes, bytes + size}});
  return SQLITE_OK;
}

int Disk::truncate(const std::string& name, std::int64_t size) {
  before_change();
  auto& file = files_[name];
  file.content.resize(static_cast<std::size_t>(size));
  file.pending.push_back({.offset = size, .data = {}, .truncate = true});
  return SQLITE_OK;
}

int Disk::sync(const std::string& name) {
  before_change();
  if (sync_fails_) {
    sync_fails_ = false;
    ++failed_syncs_;
    return SQLITE_IOERR_FSYNC;
  }
  if (sync_ == Sync::kLies) return SQLITE_OK;
  auto& file = files_[name];
  // Applied change by change, as they were made, costs less than a copy of the whole file.
  for (const auto& change : file.pending) {
    if (change.truncate) {
      file.durable.resize(static_cast<std::size_t>(change.offset));
    } else {
      apply(file.durable, change.offset, change.data.data(), change.data.size());
    }
  }
  file.pending.clear();
  return SQLITE_OK;
}

void Disk::tear(File& file) {
  if (!file.pending.empty()) ++unsynced_;
  for (const auto& change : file.pending) {
    if (change.truncate) {
      if (random_.below(2) == 0) file.durable.resize(static_cast<std::size_t>(change.offset));
      continue;
    }
    for (std::size_t at = 0; at < change.data.size(); at += kSector) {
      if (random_.below(2) == 0) {
        ++torn_;
        continue;
      }
      apply(file.durable, change.offset + static_cast<std::int64_t>(at), change.data.data() + at,
            std::min(std::size_t{kSector}, change.data.size() - at));
    }
  }
  file.pending.clear();
  file.content = file.durable;
}

void Disk::finish(End end) {
  if (stopped_) files_ = std::move(at_stop_);
  stopped_ = false;
  countdown_ = 0;
  sync_fails_ = false;
  at_stop_.clear();
  shared_memory_.clear();
  if (end == End::kKilled) return;
  for (auto& [name, file] : files_) tear(file);
}

}  // namespace personas::simulation
