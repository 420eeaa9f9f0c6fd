// The port's Transaction on one connection, for one operation after the other.
#pragma once

#include <cstdint>
#include <optional>

#include "personas/store/group_commit.hpp"
#include "personas/store/metering.hpp"
#include "personas/store/store.hpp"

#include "connection.hpp"

namespace personas::store_sqlite {

class SqliteTransaction final : public store::Transaction {
 public:
  SqliteTransaction(Connection& connection, Health& health, Role role)
      : connection_(connection), health_(health), role_(role) {}

  using Transaction::execute;
  using Transaction::query;
  Result<std::int64_t> execute(const store::Sql& sql,
                               std::span<const store::Value> parameters) override;
  Result<std::int64_t> query(const store::Sql& sql, std::span<const store::Value> parameters,
                             const store::RowVisitor& visit) override;
  Result<store::JournalPosition> append(const store::JournalDraft& draft) override;
  Result<void> meter(const store::MeteringKey& key, const UsageCounters& counters) override;
  Result<void> define(std::string_view statement) override;

  // Journal positions are counted here, and metering is added up; a rolled-back transaction gives
  // its positions back and forgets its sums.
  void begin(store::JournalPosition last);
  store::JournalPosition last_position() const { return position_; }

  // Runs `operation`, seeing to it that nobody mistakes a dead transaction for a living one.
  Result<void> run(store::Operation& operation);
  // Writes what was added up, and the plans of what was defined. After the last operation, before
  // the commit.
  Result<void> settle();
  // Whether the last operation changed anything.
  store::GroupCommit::Wrote wrote() const;

 private:
  Result<Statement> ready(const store::Sql& sql, std::span<const store::Value> parameters);
  std::unexpected<Error> failed(int code, std::string_view doing);

  Connection& connection_;
  Health& health_;
  Role role_;
  store::JournalPosition position_;
  std::int64_t changes_before_ = 0;  // of the connection, when the operation began
  // Definitions and sums are not among the connection's changes.
  bool changed_otherwise_ = false;
  store::MeteringSums sums_;
  bool defined_ = false;  // something, since begin()
  // SQLite ends a transaction by itself after some errors (a full disk). What follows would then
  // commit on its own, so the first error stays until the next begin().
  std::optional<Error> broken_;
};

}  // namespace personas::store_sqlite
