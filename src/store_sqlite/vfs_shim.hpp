// A VFS over another one. What is not overridden goes straight to the real file.
//
// A derived class says what stands before each file. SQLite allocates the open file; the real one
// follows it in that memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sqlite3.h>

namespace personas::store_sqlite {

// What stands before one open file; used by one thread at a time.
class ShimFile {
 public:
  explicit ShimFile(sqlite3_file* real) : real_(real) {}
  virtual ~ShimFile() = default;
  ShimFile(const ShimFile&) = delete;
  ShimFile& operator=(const ShimFile&) = delete;

  virtual int read(void* data, int size, std::int64_t offset) {
    return real_->pMethods->xRead(real_, data, size, offset);
  }
  virtual int write(const void* data, int size, std::int64_t offset) {
    return real_->pMethods->xWrite(real_, data, size, offset);
  }
  virtual int truncate(std::int64_t size) { return real_->pMethods->xTruncate(real_, size); }
  virtual int sync(int flags) { return real_->pMethods->xSync(real_, flags); }
  virtual int lock(int level) { return real_->pMethods->xLock(real_, level); }
  virtual int shm_lock(int offset, int count, int flags) {
    return real_->pMethods->xShmLock(real_, offset, count, flags);
  }

 protected:
  sqlite3_file* real() const { return real_; }

 private:
  sqlite3_file* real_;
};

class VfsShim {
 public:
  // Over the VFS of that name; empty: the default. Registers itself under a name of its own.
  VfsShim(const char* prefix, const std::string& below);
  virtual ~VfsShim();  // after every file on it is closed
  VfsShim(const VfsShim&) = delete;
  VfsShim& operator=(const VfsShim&) = delete;

  const std::string& name() const { return name_; }
  sqlite3_vfs* below() const { return below_; }
  // What stands before `file`; null if it was not opened on a VfsShim.
  static ShimFile* shim_of(sqlite3_file* file);

  // Asked before the file is opened; SQLITE_OK to go on. `name` is null for a temporary file.
  virtual int opening(const char* /*name*/, int /*flags*/) { return SQLITE_OK; }
  // After it is open: what stands before it, or null and a reason in `code` to refuse it.
  virtual std::unique_ptr<ShimFile> opened(const char* name, int flags, sqlite3_file* real,
                                           int& code) = 0;
  virtual int removing(const char* /*name*/) { return SQLITE_OK; }

 private:
  std::string name_;
  sqlite3_vfs* below_;
  sqlite3_vfs vfs_{};
};

}  // namespace personas::store_sqlite
