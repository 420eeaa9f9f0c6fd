// The VFS of every store: finds damage in what is read from the database and its log, so that it
// is an error and never an answer (docs/decisions/0017-corruption.md).
//
// A page of the database carries a checksum in its 8 reserved bytes; it is written with the page
// and verified whenever the page is read. SQLite is given zeros there: pages that a foreign SQLite
// program moves out of the log, or copies from us, then say "no checksum" instead of a wrong one.
// A file without reserved bytes is of an earlier version and is read unverified, to be converted.
//
// After an fsync that failed nothing is written, synced or removed any more, whatever SQLite does
// to clean up: a second fsync that succeeds would prove nothing about the first.
#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "log_mark.hpp"
#include "vfs_shim.hpp"

namespace personas::store_sqlite {

class CheckedVfs final : public VfsShim {
 public:
  // Over the VFS of that name; empty: the default.
  explicit CheckedVfs(const std::string& below) : VfsShim("checked", below) {}

  std::unique_ptr<ShimFile> opened(const char* name, int flags, sqlite3_file* real,
                                   int& code) override;
  int removing(const char* name) override;

 private:
  LogMark& mark_of(const std::string& log);

  std::atomic<bool> sync_failed_ = false;

  std::mutex mutex_;
  std::map<std::string, LogMark> marks_;
};

// Whether the database of this connection was without checksums when it was opened.
bool opened_without_checksums(sqlite3* db);
// From now on frames read from the log are verified as well. Not for the connection that writes:
// until it commits, the checksums of frames it has written over are stale.
void verify_log_reads(sqlite3* db);

// What the last SQLITE_IOERR_DATA of this thread was about: "page 7 of personas.db".
const std::string& last_damage();

}  // namespace personas::store_sqlite
