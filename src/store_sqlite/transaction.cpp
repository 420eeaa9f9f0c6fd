#include "transaction.hpp"

#include "dialect.hpp"
#include "plans.hpp"

namespace personas::store_sqlite {

namespace {

class SqliteRow final : public store::Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}

  bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) const override {
    const auto* data = sqlite3_column_text(statement_, column);
    return {reinterpret_cast<const char*>(data), size_of(column, data)};
  }
  ByteView bytes(int column) const override {
    const auto* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const std::uint8_t*>(data), size_of(column, data)};
  }

 private:
  std::size_t size_of(int column, const void* data) const {
    if (data == nullptr) return 0;
    return static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  }
  sqlite3_stmt* statement_;
};

store::Value text_or_null(std::string_view text) {
  return text.empty() ? store::Value(nullptr) : store::Value(text);
}

}  // namespace

void SqliteTransaction::begin(store::JournalPosition last) {
  position_ = last;
  sums_.clear();
  defined_ = false;
  broken_.reset();
}

Result<void> SqliteTransaction::run(store::Operation& operation) {
  changes_before_ = sqlite3_total_changes64(connection_.handle());
  changed_otherwise_ = false;
  auto outcome = operation(*this);
  if (broken_) return fail(*broken_);
  return outcome;
}

store::GroupCommit::Wrote SqliteTransaction::wrote() const {
  const bool something = broken_ || changed_otherwise_ ||
                         sqlite3_total_changes64(connection_.handle()) != changes_before_;
  return something ? store::GroupCommit::Wrote::kSomething : store::GroupCommit::Wrote::kNothing;
}

std::unexpected<Error> SqliteTransaction::failed(int code, std::string_view doing) {
  auto error = error_of(connection_.handle(), code, doing);
  health_.report(code, error, role_);
  if (!connection_.in_transaction() || is_fatal(code)) broken_ = error;
  return fail(std::move(error));
}

Result<Statement> SqliteTransaction::ready(const store::Sql& sql,
                                           std::span<const store::Value> parameters) {
  if (broken_) return fail(*broken_);
  int code = SQLITE_OK;
  auto statement = connection_.prepare(sql, code);
  if (!statement) return failed(code, fmt::format("prepare \"{}\"", sql.text()));
  code = statement.bind(parameters);
  if (code == SQLITE_RANGE) {
    return fail(ErrorCode::kInternal,
                fmt::format("wrong number of parameters for \"{}\"", sql.text()));
  }
  if (code != SQLITE_OK) return failed(code, "bind a parameter");
  return statement;
}

Result<std::int64_t> SqliteTransaction::execute(const store::Sql& sql,
                                                std::span<const store::Value> parameters) {
  TRY(auto statement, ready(sql, parameters));
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = statement.step();
  if (code != SQLITE_DONE) return failed(code, "write to the database");
  // A statement that reads leaves the count of the one before it.
  if (sqlite3_stmt_readonly(statement.handle()) != 0) return 0;
  return sqlite3_changes64(connection_.handle());
}

Result<std::int64_t> SqliteTransaction::query(const store::Sql& sql,
                                              std::span<const store::Value> parameters,
                                              const store::RowVisitor& visit) {
  TRY(auto statement, ready(sql, parameters));
  const SqliteRow row(statement.handle());
  std::int64_t visited = 0;
  while (true) {
    const int code = statement.step();
    if (code == SQLITE_DONE) return visited;
    if (code != SQLITE_ROW) return failed(code, "read from the database");
    ++visited;
    TRY(const bool go_on, visit(row));
    if (!go_on) return visited;
  }
}

Result<store::JournalPosition> SqliteTransaction::append(const store::JournalDraft& draft) {
  const auto record = store::canonical_bytes(draft);
  if (record.size() > store::kMaxRecordBytes) {
    return fail(ErrorCode::kPayloadTooLarge,
                fmt::format("a journal record of type {} has {} bytes; at most {} fit", draft.type,
                            record.size(), store::kMaxRecordBytes));
  }
  const auto leaf = store::leaf_hash(record);
  const store::JournalPosition next{position_.value + 1};
  TRY_VOID(
      execute(store::journal_insert(),
              {next.value, draft.tenant, draft.at, draft.type, text_or_null(draft.execution_id),
               text_or_null(draft.persona_id), as_bytes(record), ByteView(leaf)}));
  position_ = next;
  return next;
}

Result<void> SqliteTransaction::meter(const store::MeteringKey& key,
                                      const UsageCounters& counters) {
  if (broken_) return fail(*broken_);
  if (role_ != Role::kWriter) {
    return fail(ErrorCode::kInternal, "a read may not add to what was used");
  }
  changed_otherwise_ = true;
  sums_.add(key, counters);
  return {};
}

Result<void> SqliteTransaction::settle() {
  if (std::exchange(defined_, false) && !fix_plans(connection_)) {
    return failed(sqlite3_extended_errcode(connection_.handle()), "write the plans");
  }
  if (sums_.empty()) return {};
  TRY_VOID(sums_.write(*this));
  sums_.clear();
  return {};
}

Result<void> SqliteTransaction::define(std::string_view statement) {
  if (broken_) return fail(*broken_);
  if (role_ != Role::kWriter) {
    return fail(ErrorCode::kInternal, "a read may not define tables");
  }
  changed_otherwise_ = true;
  const int code = connection_.run_once(to_sqlite(statement));
  if (code != SQLITE_OK) return failed(code, "define a table");
  defined_ = true;
  return {};
}

}  // namespace personas::store_sqlite
