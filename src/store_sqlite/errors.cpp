#include "errors.hpp"

#include "checked_files.hpp"

namespace personas::store_sqlite {

namespace {

ErrorCode code_of_constraint(int code) {
  switch (code) {
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_DATATYPE:
      return ErrorCode::kInternal;  // a statement of ours is wrong
    default:
      return ErrorCode::kConflict;
  }
}

ErrorCode code_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return code_of_constraint(code);
    case SQLITE_FULL:
      return ErrorCode::kStorageFull;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
      return ErrorCode::kUnavailable;
    case SQLITE_TOOBIG:
      return ErrorCode::kPayloadTooLarge;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_DATA) return ErrorCode::kCorrupt;
      return code == SQLITE_IOERR_NOMEM ? ErrorCode::kUnavailable : ErrorCode::kIo;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return ErrorCode::kIo;
    case SQLITE_INTERRUPT:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kInternal;
  }
}

std::string_view advice_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kStorageFull:
      return "; free space on the disk of the database and try again";
    case ErrorCode::kUnavailable:
      return "; try again";
    case ErrorCode::kCorrupt:
      return "; restore the database from a backup";
    case ErrorCode::kIo:
      return "; check the disk and the permissions of the database's directory";
    default:
      return "";
  }
}

}  // namespace

Error error_of(sqlite3* db, int code, std::string_view doing) {
  const auto mapped = code_of(code);
  const std::string reason = code == SQLITE_IOERR_DATA ? last_damage() + " is damaged"
                             : db != nullptr           ? sqlite3_errmsg(db)
                                                       : sqlite3_errstr(code);
  return {mapped,
          fmt::format("could not {}: {} (SQLite {}){}", doing, reason, code, advice_for(mapped)),
          {}};
}

bool is_fatal(int code) {
  switch (code & 0xff) {
    case SQLITE_IOERR:
      return code != SQLITE_IOERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return true;
    default:
      return false;
  }
}

void Health::report(int code, const Error& error, Role role) {
  if (role == Role::kReader && error.code == ErrorCode::kCorrupt) {
    damaged_reads_.fetch_add(1, std::memory_order_relaxed);
    if (on_damage_) on_damage_(error);
    return;
  }
  if (!is_fatal(code) || failed_.exchange(true, std::memory_order_acq_rel)) return;
  if (on_fatal_) on_fatal_(error);
}

Error refused_after_failure() {
  return {ErrorCode::kUnavailable,
          "the disk of the database failed and the server is stopping; try again after its restart",
          {}};
}

}  // namespace personas::store_sqlite
