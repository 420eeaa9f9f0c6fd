// The store on one SQLite file (docs/decisions/0003-store.md).
//
// WAL with synchronous=FULL, read back at the start. One writer thread commits in groups; readers
// run beside it on their own connections; a third kind of thread moves the WAL into the database.
// One process at a time: positions of the journal are counted in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "personas/base/error.hpp"
#include "personas/store/store.hpp"

namespace personas::store_sqlite {

// Waiting operations; more are refused with kUnavailable. A quarter of a second of work at full
// speed: who waits longer than that is better told.
inline constexpr std::size_t kMaxQueuedWrites = 8'192;
inline constexpr std::size_t kMaxQueuedReads = 8'192;
inline constexpr int kMaxReaders = 16;  // each holds a page cache

// Called from a thread of the engine for each read that met damage. That read fails with kCorrupt;
// what does not need the damaged page goes on.
using DamageHandler = std::function<void(const Error&)>;

struct SqliteOptions {
  std::filesystem::path path;
  int readers = 2;
  int cache_kib = 24 * 1024;  // page caches of all connections together
  std::string vfs = {};       // SQLite's VFS below ours; empty: the default. Tests: a faulty disk.
  DamageHandler on_damage = {};
};

// Called once, from a thread of the engine, when the disk can no longer be trusted (a failed
// fsync, damage where the writer is). The process must stop: after a failed fsync nobody knows what
// is on disk, and a second one that succeeds proves nothing. Every later operation is refused.
using FatalHandler = std::function<void(const Error&)>;

// kLocked if another process has the file open; kMisconfigured if the file system refuses what
// durability needs; kCorrupt if the file is damaged or is not a database.
Result<std::unique_ptr<store::Store>> open_sqlite(SqliteOptions options, FatalHandler on_fatal);

}  // namespace personas::store_sqlite
