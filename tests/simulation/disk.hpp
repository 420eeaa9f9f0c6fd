// A disk in memory, as a VFS of SQLite: what a process writes is seen by it at once, but only a
// sync makes it last. A power cut keeps any subset of the sectors that were not synced.
//
// The end of a process can fall between any two of its disk operations: stop_at() remembers what
// the disk held there. The process goes on until its event is over, which nobody outside can see,
// because callers are told later; then finish() gives the disk the state that counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// lint-allow(sqlite-header): a disk for SQLite is a VFS of SQLite.
#include <sqlite3.h>

#include "personas/base/clock.hpp"

namespace personas::simulation {

class Disk {
 public:
  enum class Sync : std::uint8_t { kHonest, kLies };

  explicit Disk(Random& random);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  const std::string& vfs() const { return name_; }

  // Content that is there from the start, or afterwards as a whole.
  using Image = std::map<std::string, std::vector<std::uint8_t>>;
  void load(const Image& image);
  Image image() const;

  // ---- faults
  void set_full(bool full) { full_ = full; }
  bool full() const { return full_; }
  void fail_next_sync() { sync_fails_ = true; }
  void set_sync(Sync sync) { sync_ = sync; }
  // The n-th write, truncate or sync from now is the first that does not happen any more.
  void stop_at(std::uint64_t n) { countdown_ = n; }
  bool stopped() const { return stopped_; }
  void heal();

  enum class End : std::uint8_t { kKilled, kPowerCut };
  // No process has files open any more. What has not happened is undone; what was not synced is
  // torn by a power cut.
  void finish(End end);

  std::uint64_t refused() const { return refused_; }  // writes for want of space
  std::uint64_t failed_syncs() const { return failed_syncs_; }
  std::uint64_t torn() const { return torn_; }          // sectors that a power cut took
  std::uint64_t unsynced() const { return unsynced_; }  // power cuts that met unsynced writes

 private:
  friend struct DiskCalls;
  struct Change {
    std::int64_t offset = 0;
    std::vector<std::uint8_t> data;
    bool truncate = false;
  };
  struct File {
    std::vector<std::uint8_t> content;  // as processes see it
    std::vector<std::uint8_t> durable;
    std::vector<Change> pending;
  };
  using Files = std::map<std::string, File>;

  void before_change();
  int write(const std::string& name, const void* data, int size, std::int64_t offset);
  int truncate(const std::string& name, std::int64_t size);
  int sync(const std::string& name);
  void tear(File& file);

  Random& random_;
  std::string name_;
  sqlite3_vfs vfs_{};
  Files files_;
  Files at_stop_;
  std::map<std::string, std::vector<std::vector<char>>> shared_memory_;
  std::uint64_t countdown_ = 0;  // 0: none
  bool stopped_ = false;
  bool full_ = false;
  bool sync_fails_ = false;
  Sync sync_ = Sync::kHonest;
  std::uint64_t refused_ = 0;
  std::uint64_t failed_syncs_ = 0;
  std::uint64_t torn_ = 0;
  std::uint64_t unsynced_ = 0;
};

}  // namespace personas::simulation
