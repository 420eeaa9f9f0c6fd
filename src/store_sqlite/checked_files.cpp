#include "checked_files.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <tuple>

#include <fmt/format.h>

#include "page_checksum.hpp"

namespace personas::store_sqlite {

namespace {

constexpr std::size_t kReservedAt = 20;  // in the header of the database
constexpr std::string_view kMagic{"SQLite format 3", 16};

thread_local std::string damage;

int damaged(std::string_view what, std::int64_t number, const std::string& path) {
  damage =
      fmt::format("{} {} of {}", what, number, std::filesystem::path(path).filename().string());
  return SQLITE_IOERR_DATA;
}

bool is_page(int size, std::int64_t offset) {
  return size == kPageBytes && offset % kPageBytes == 0;
}

// Closed to all changes by the first fsync that fails on any file of the store.
class GuardedFile : public ShimFile {
 public:
  GuardedFile(sqlite3_file* real, std::atomic<bool>& sync_failed)
      : ShimFile(real), sync_failed_(sync_failed) {}

  int write(const void* data, int size, std::int64_t offset) override {
    return sync_failed_ ? SQLITE_IOERR_WRITE : ShimFile::write(data, size, offset);
  }
  int truncate(std::int64_t size) override {
    return sync_failed_ ? SQLITE_IOERR_TRUNCATE : ShimFile::truncate(size);
  }
  int sync(int flags) override {
    return sync_failed_ ? SQLITE_IOERR_FSYNC : checked(ShimFile::sync(flags));
  }

 protected:
  // The result of an fsync, noted.
  int checked(int code) {
    if ((code & 0xff) == SQLITE_IOERR) sync_failed_ = true;
    return code;
  }

 private:
  std::atomic<bool>& sync_failed_;
};

class DatabaseFile final : public GuardedFile {
 public:
  DatabaseFile(sqlite3_file* real, std::atomic<bool>& sync_failed, std::string path)
      : GuardedFile(real, sync_failed), path_(std::move(path)) {}

  // SQLITE_OK, or why the file is refused.
  int inspect() {
    std::array<std::uint8_t, kPageBytes> first{};
    const int code = ShimFile::read(first.data(), kPageBytes, 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
    const bool is_database = std::memcmp(first.data(), kMagic.data(), kMagic.size()) == 0;
    if (!is_database || first[kReservedAt] == kReservedBytes) return SQLITE_OK;
    // No reserved bytes; but if the page is right with them, then that byte is what is damaged.
    first[kReservedAt] = kReservedBytes;
    if (has_checksum(first.data()) && is_whole(first.data())) return damaged("page", 1, path_);
    checked_ = false;
    opened_without_ = true;
    return SQLITE_OK;
  }

  bool opened_without_checksums() const { return opened_without_; }
  void verify_log() { verifies_log_ = true; }
  bool verifies_log() const { return verifies_log_; }
  const std::string& path() const { return path_; }

  int read(void* data, int size, std::int64_t offset) override {
    const int code = ShimFile::read(data, size, offset);
    if (!checked_ || !is_page(size, offset)) return code;
    auto* page = static_cast<std::uint8_t*>(data);
    const auto number = offset / kPageBytes + 1;
    // SQLite takes what is missing at the end for zeros; in the middle that would be an answer.
    if (code == SQLITE_IOERR_SHORT_READ && reaches(offset + 1)) {
      return damaged("page", number, path_);
    }
    if (code != SQLITE_OK) return code;
    if (has_checksum(page) && !is_whole(page)) return damaged("page", number, path_);
    std::memset(page + kPageBytes - kReservedBytes, 0, kReservedBytes);
    return SQLITE_OK;
  }

  int write(const void* data, int size, std::int64_t offset) override {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    // A conversion: SQLite writes pages in their order, so the rest of them follows.
    if (offset == 0 && size == kPageBytes && bytes[kReservedAt] == kReservedBytes) checked_ = true;
    if (!checked_ || !is_page(size, offset)) return GuardedFile::write(data, size, offset);
    std::array<std::uint8_t, kPageBytes> page;
    std::memcpy(page.data(), data, kPageBytes);
    checksum_of_page(page.data()).put_little_endian(page.data() + kPageBytes - kReservedBytes);
    return GuardedFile::write(page.data(), size, offset);
  }

 private:
  static PageChecksum stored(const std::uint8_t* page) {
    return PageChecksum::little_endian(page + kPageBytes - kReservedBytes);
  }
  static bool has_checksum(const std::uint8_t* page) { return stored(page) != PageChecksum{}; }
  static bool is_whole(const std::uint8_t* page) { return stored(page) == checksum_of_page(page); }

  bool reaches(std::int64_t end) {
    sqlite3_int64 size = 0;
    return real()->pMethods->xFileSize(real(), &size) != SQLITE_OK || size >= end;
  }

  std::string path_;
  bool checked_ = true;
  bool opened_without_ = false;
  bool verifies_log_ = false;
};

class LogFile final : public GuardedFile {
 public:
  LogFile(sqlite3_file* real, std::atomic<bool>& sync_failed, std::string path,
          const DatabaseFile& database, LogMark& mark)
      : GuardedFile(real, sync_failed), path_(std::move(path)), database_(database), mark_(mark) {}

  int read(void* data, int size, std::int64_t offset) override {
    const int code = ShimFile::read(data, size, offset);
    const auto before = offset - kLogHeaderBytes - kFrameHeaderBytes;
    const bool is_framed = size == kPageBytes && before % kFrameBytes == 0;
    if (code != SQLITE_OK || !is_framed || !database_.verifies_log()) return code;
    return verify(static_cast<const std::uint8_t*>(data), offset - kFrameHeaderBytes);
  }

  int write(const void* data, int size, std::int64_t offset) override {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    if (offset == 0) {  // the log begins anew
      if (const int code = checked(mark_.withdraw()); code != SQLITE_OK) return code;
      committed_ = 0;
      salts_ = 0;
    }
    const bool is_header = size == kFrameHeaderBytes;
    std::uint32_t pages_after_commit = 0;
    if (is_header) std::memcpy(&pages_after_commit, bytes + 4, 4);
    if (is_header && pages_after_commit != 0) {
      std::memcpy(&salts_, bytes + 8, 8);
      committed_ = offset + kFrameBytes;
    }
    const int code = GuardedFile::write(data, size, offset);
    if (code != SQLITE_OK) committed_ = 0;  // what it was a part of is not committed
    return code;
  }

  int truncate(std::int64_t size) override {
    if (const int code = checked(mark_.withdraw()); code != SQLITE_OK) return code;
    committed_ = 0;
    return GuardedFile::truncate(size);
  }

  int sync(int flags) override {
    const int code = GuardedFile::sync(flags);
    if (code != SQLITE_OK || committed_ == 0) return code;
    // The commit is on disk and cannot be taken back: only "unknown" is a true answer.
    return mark_.advance({salts_, committed_}) == SQLITE_OK ? SQLITE_OK : SQLITE_IOERR_FSYNC;
  }

 private:
  // The checksum of a frame goes on from that of the frame before, or of the log's header.
  int verify(const std::uint8_t* page, std::int64_t frame_at) {
    std::array<std::uint8_t, kFrameHeaderBytes> header;
    std::array<std::uint8_t, 8> before;
    const auto before_at =
        frame_at == kLogHeaderBytes ? kLogHeaderBytes - 8 : frame_at - kFrameBytes + 16;
    int code = ShimFile::read(header.data(), kFrameHeaderBytes, frame_at);
    if (code == SQLITE_OK) code = ShimFile::read(before.data(), 8, before_at);
    if (code != SQLITE_OK) return code;
    const auto sum = PageChecksum::big_endian(before.data())
                         .over({header.data(), 8})
                         .over({page, std::size_t{kPageBytes}});
    if (sum == PageChecksum::big_endian(header.data() + 16)) return SQLITE_OK;
    return damaged("frame", frame_at / kFrameBytes + 1, path_);
  }

  std::string path_;
  const DatabaseFile& database_;
  LogMark& mark_;
  std::uint64_t salts_ = 0;
  std::int64_t committed_ = 0;  // end of the last frame that commits, written through this file
};

DatabaseFile* database_of(sqlite3* db) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return dynamic_cast<DatabaseFile*>(VfsShim::shim_of(file));
}

}  // namespace

std::unique_ptr<ShimFile> CheckedVfs::opened(const char* name, int flags, sqlite3_file* real,
                                             int& code) {
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) {
    auto file = std::make_unique<DatabaseFile>(real, sync_failed_, name);
    code = file->inspect();
    if (code != SQLITE_OK) return nullptr;
    return file;
  }
  if ((flags & SQLITE_OPEN_WAL) != 0) {
    const auto& database = static_cast<DatabaseFile&>(*shim_of(sqlite3_database_file_object(name)));
    return std::make_unique<LogFile>(real, sync_failed_, name, database, mark_of(name));
  }
  return std::make_unique<GuardedFile>(real, sync_failed_);
}

int CheckedVfs::removing(const char* name) {
  if (sync_failed_) return SQLITE_IOERR_DELETE;
  if (!std::string_view(name).ends_with("-wal")) return SQLITE_OK;
  return mark_of(name).withdraw();
}

LogMark& CheckedVfs::mark_of(const std::string& log) {
  const std::lock_guard lock(mutex_);
  return marks_
      .emplace(std::piecewise_construct, std::forward_as_tuple(log),
               std::forward_as_tuple(below(), log))
      .first->second;
}

bool opened_without_checksums(sqlite3* db) {
  const auto* file = database_of(db);
  return file != nullptr && file->opened_without_checksums();
}

void verify_log_reads(sqlite3* db) {
  if (auto* file = database_of(db)) file->verify_log();
}

const std::string& last_damage() {
  return damage;
}

}  // namespace personas::store_sqlite
