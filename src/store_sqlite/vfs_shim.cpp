#include "vfs_shim.hpp"

#include <atomic>
#include <new>

#include <fmt/format.h>

namespace personas::store_sqlite {

namespace {

// The object SQLite allocates for an open file; the real file's follows it in memory.
struct File {
  sqlite3_file base;
  std::unique_ptr<ShimFile> shim;
};

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}

ShimFile& ask(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file)->shim;
}

int on_close(sqlite3_file* file) {
  reinterpret_cast<File*>(file)->shim.reset();
  return real_of(file)->pMethods->xClose(real_of(file));
}

// To what stands before the file.
template <auto Method>
struct Ask;
template <class... Args, int (ShimFile::*Method)(Args...)>
struct Ask<Method> {
  static int call(sqlite3_file* file, Args... args) { return (ask(file).*Method)(args...); }
};
int on_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  return ask(file).read(data, size, offset);
}
int on_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  return ask(file).write(data, size, offset);
}
int on_truncate(sqlite3_file* file, sqlite3_int64 size) {
  return ask(file).truncate(size);
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

// With shared memory for the WAL if the real file has it, without memory mapping.
template <int kVersion>
const sqlite3_io_methods kMethods{kVersion,
                                  &on_close,
                                  &on_read,
                                  &on_write,
                                  &on_truncate,
                                  &Ask<&ShimFile::sync>::call,
                                  &Forward<&sqlite3_io_methods::xFileSize>::call,
                                  &Ask<&ShimFile::lock>::call,
                                  &Forward<&sqlite3_io_methods::xUnlock>::call,
                                  &Forward<&sqlite3_io_methods::xCheckReservedLock>::call,
                                  &Forward<&sqlite3_io_methods::xFileControl>::call,
                                  &Forward<&sqlite3_io_methods::xSectorSize>::call,
                                  &Forward<&sqlite3_io_methods::xDeviceCharacteristics>::call,
                                  &Forward<&sqlite3_io_methods::xShmMap>::call,
                                  &Ask<&ShimFile::shm_lock>::call,
                                  &on_shm_barrier,
                                  &Forward<&sqlite3_io_methods::xShmUnmap>::call,
                                  nullptr,
                                  nullptr};

VfsShim& self_of(sqlite3_vfs* vfs) {
  return *static_cast<VfsShim*>(vfs->pAppData);
}

int on_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto& self = self_of(vfs);
  auto& opened = *new (file) File{};
  if (const int code = self.opening(name, flags); code != SQLITE_OK) return code;
  int code = self.below()->xOpen(self.below(), name, real_of(file), flags, out_flags);
  if (code != SQLITE_OK) return code;
  opened.shim = self.opened(name, flags, real_of(file), code);
  if (opened.shim == nullptr) {
    real_of(file)->pMethods->xClose(real_of(file));
    return code;
  }
  const auto& real = *real_of(file)->pMethods;
  const bool has_shared_memory = real.iVersion >= 2 && real.xShmMap != nullptr;
  opened.base.pMethods = has_shared_memory ? &kMethods<2> : &kMethods<1>;
  return SQLITE_OK;
}

int on_delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  auto& self = self_of(vfs);
  if (const int code = self.removing(name); code != SQLITE_OK) return code;
  return self.below()->xDelete(self.below(), name, sync_directory);
}

}  // namespace

VfsShim::VfsShim(const char* prefix, const std::string& below)
    : below_(sqlite3_vfs_find(below.empty() ? nullptr : below.c_str())) {
  static std::atomic<int> count = 0;
  name_ = fmt::format("{}-{}", prefix, ++count);
  vfs_ = *below_;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + below_->szOsFile;
  vfs_.xOpen = &on_open;
  vfs_.xDelete = &on_delete;
  sqlite3_vfs_register(&vfs_, 0);
}

VfsShim::~VfsShim() {
  sqlite3_vfs_unregister(&vfs_);
}

ShimFile* VfsShim::shim_of(sqlite3_file* file) {
  const bool ours =
      file != nullptr && (file->pMethods == &kMethods<1> || file->pMethods == &kMethods<2>);
  return ours ? &ask(file) : nullptr;
}

}  // namespace personas::store_sqlite
