// SQLite's result codes as our errors, and which of them end the process.
#pragma once

#include <atomic>
#include <string_view>

#include <sqlite3.h>

#include "personas/base/error.hpp"
#include "personas/store_sqlite/open.hpp"

namespace personas::store_sqlite {

// `code` is an extended result code. `doing` completes "could not …".
Error error_of(sqlite3* db, int code, std::string_view doing);

// A failed read, write or fsync, or a damaged file.
bool is_fatal(int code);

// What a connection is for.
enum class Role : std::uint8_t { kWriter, kReader, kCheckpointer };

// Whether the disk can still be trusted. Shared by the threads of one store.
class Health {
 public:
  explicit Health(FatalHandler on_fatal, DamageHandler on_damage = {})
      : on_fatal_(std::move(on_fatal)), on_damage_(std::move(on_damage)) {}

  bool failed() const { return failed_.load(std::memory_order_acquire); }
  std::uint64_t damaged_reads() const { return damaged_reads_.load(std::memory_order_relaxed); }
  // Reports the first fatal error and keeps the store closed from then on. Damage that a reader
  // meets costs that read alone: one bad page must not stop what does not need it.
  void report(int code, const Error& error, Role role);

 private:
  FatalHandler on_fatal_;
  DamageHandler on_damage_;
  std::atomic<std::uint64_t> damaged_reads_ = 0;
  std::atomic<bool> failed_ = false;
};

// What operations are told after a fatal error.
Error refused_after_failure();

}  // namespace personas::store_sqlite
