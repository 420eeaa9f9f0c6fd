// How far the log (WAL) is known to be on disk, noted beside it.
//
// SQLite ends its recovery at the first frame whose checksum is wrong and takes the rest for an
// unfinished write. After a damage in the middle that would drop acknowledged changes in silence.
// So after each fsync of the log its length is noted here, and a log that is not whole up to there
// is refused at the next open.
//
// The note itself is not synced: after a power cut it may be an older one, which claims less. Only
// taking it back is: before the log begins anew or is cut, because the frames it speaks of go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "personas/base/error.hpp"

namespace personas::store_sqlite {

struct LogExtent {
  std::uint64_t salts = 0;  // name one generation of the log
  std::int64_t bytes = 0;   // from the beginning of its file
};

class LogMark {
 public:
  // `log` is the path of the log's file; the note lies beside it on the same VFS.
  LogMark(sqlite3_vfs* vfs, const std::string& log);
  ~LogMark();
  LogMark(const LogMark&) = delete;
  LogMark& operator=(const LogMark&) = delete;

  // The log is on disk up to here. Without space for it there is just an older note.
  int advance(LogExtent extent);
  // SQLITE_OK when nothing is claimed any more, for good.
  int withdraw();

 private:
  int open();
  int put(LogExtent extent);

  sqlite3_vfs* vfs_;
  std::string path_;
  std::mutex mutex_;  // writer and checkpointer
  std::vector<std::uint8_t> memory_;
  sqlite3_file* file_ = nullptr;
  bool claims_ = true;  // until known otherwise
};

std::filesystem::path mark_path(const std::filesystem::path& log);

// kCorrupt if the log of `database` is not whole as far as its mark says. A log that is gone, or
// that another SQLite program has begun anew, is not: such a program moves all of it first.
Result<void> check_log(const std::filesystem::path& database);

}  // namespace personas::store_sqlite
