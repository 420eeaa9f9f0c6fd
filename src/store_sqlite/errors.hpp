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

// Whether the disk can still be trusted. Shared by the threads of one store.
class Health {
 public:
  explicit Health(FatalHandler on_fatal) : on_fatal_(std::move(on_fatal)) {}

  bool failed() const { return failed_.load(std::memory_order_acquire); }
  // Reports the first fatal error and keeps the store closed from then on.
  void report(int code, const Error& error);

 private:
  FatalHandler on_fatal_;
  std::atomic<bool> failed_ = false;
};

// What operations are told after a fatal error.
Error refused_after_failure();

}  // namespace personas::store_sqlite
