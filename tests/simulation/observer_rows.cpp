// The observer's looks at whole tables: every projection against the fold, every promise against
// what is there.
#include <fmt/format.h>

#include "observer.hpp"

namespace personas::simulation {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

std::string text_or_none(const Row& row, int column) {
  return row.is_null(column) ? "none" : std::string(row.text(column));
}

}  // namespace

// What an acknowledged record says must still be said by the same record.
void Observer::look_after_start(Transaction& tx) {
  static const Sql kLeaves("SELECT position, leaf FROM journal ORDER BY position");
  std::map<std::int64_t, std::string> found;
  const auto read = tx.query(kLeaves, {}, [&](const Row& row) -> Result<bool> {
    found[row.integer(0)] = std::string(as_text(row.bytes(1)));
    return true;
  });
  if (!read) return violate("the journal cannot be read: " + read.error().message);
  for (const auto& [position, leaf] : leaves_) {
    const auto kept = found.find(position);
    if (kept != found.end() && kept->second == leaf) continue;
    if (position <= acknowledged_) {
      violate(fmt::format("record {} was acknowledged and is lost", position));
      break;
    }
    count("records lost before anybody was told");
  }
  for (const auto& [position, leaf] : found) {
    if (position <= acknowledged_ && !leaves_.contains(position)) {
      violate(
          fmt::format("record {} came after record {} was acknowledged", position, acknowledged_));
    }
  }
  leaves_.clear();
  committed_.clear();
  fold_ = {};
  look(tx);
  look_at_all(tx, Moment::kMeanwhile);
}

Result<void> Observer::check_rows(Transaction& tx, const std::set<std::string>& executions) {
  static const Sql kRow(
      "SELECT status, attempt, parked, worker_id, failure_reason FROM executions WHERE id = ?");
  for (const auto& id : executions) {
    const auto& fold = fold_.executions().at(id);
    bool found = false;
    TRY_VOID(tx.query(kRow, {id}, [&](const Row& row) -> Result<bool> {
      found = true;
      const auto in_row =
          fmt::format("{} attempt {} parked {}", row.text(0), row.integer(1), text_or_none(row, 2));
      const auto in_fold = fmt::format("{} attempt {} parked {}", fold.status, fold.attempt,
                                       fold.parked.value_or("none"));
      if (in_row != in_fold) violate(fmt::format("{}: row {}, fold {}", id, in_row, in_fold));
      const bool live = fold.status == "running" && !fold.parked;
      if (live && text_or_none(row, 3) != fold.worker.value_or("none")) {
        violate(id + ": another worker in its row than in the journal");
      }
      if (fold.final && text_or_none(row, 4) != fold.reason.value_or("none")) {
        violate(fmt::format("{}: failure reason {} in its row, {} in the journal", id,
                            text_or_none(row, 4), fold.reason.value_or("none")));
      }
      return false;
    }));
    if (!found) violate(id + " is in the journal and has no row");
  }
  return {};
}

void Observer::look_at_all(Transaction& tx, Moment moment) {
  std::set<std::string> all;
  for (const auto& [id, execution] : fold_.executions()) all.insert(id);
  check(check_rows(tx, all), "rows");
  check(check_effects(tx), "effects");
  check(check_metering(tx), "metering");
  check(check_promises(tx, moment), "promises");
  check(check_history(tx), "history");
}

Result<void> Observer::check_history(Transaction& tx) {
  TRY(const auto faults, events.faults(tx, fold_.events_in_order()));
  for (const auto& fault : faults) violate(fault);
  return {};
}

Result<void> Observer::check_effects(Transaction& tx) {
  static const Sql kReviews("SELECT id, status FROM reviews ORDER BY id");
  static const Sql kMessages("SELECT id FROM messages ORDER BY id");
  static const Sql kMemories("SELECT id FROM memories ORDER BY id");
  static const Sql kEvents("SELECT id FROM events ORDER BY id");
  std::map<std::string, std::string> reviews;
  TRY_VOID(tx.query(kReviews, {}, [&](const Row& row) -> Result<bool> {
    reviews.emplace(row.text(0), row.text(1));
    return true;
  }));
  if (reviews != fold_.reviews()) violate("the table of reviews is not the fold of the journal");
  const auto compare = [&](const Sql& sql, const std::set<std::string>& fold,
                           std::string_view what) -> Result<void> {
    std::set<std::string> rows;
    TRY_VOID(tx.query(sql, {}, [&](const Row& row) -> Result<bool> {
      rows.emplace(row.text(0));
      return true;
    }));
    if (rows != fold) violate(fmt::format("the table of {} is not the fold of the journal", what));
    return {};
  };
  TRY_VOID(compare(kMessages, fold_.messages(), "messages"));
  TRY_VOID(compare(kMemories, fold_.memories(), "memories"));
  return compare(kEvents, fold_.events(), "events");
}

Result<void> Observer::check_metering(Transaction& tx) {
  static const Sql kSums(
      "SELECT coalesce(sum(executions), 0), coalesce(sum(failed), 0), coalesce(sum(attempts), 0) "
      "FROM metering");
  static const Sql kAttempts("SELECT count(*) FROM attempts");
  const auto& counts = fold_.counts();
  TRY_VOID(tx.query(kSums, {}, [&](const Row& row) -> Result<bool> {
    const auto in_rows = fmt::format("{} executions, {} failed, {} attempts", row.integer(0),
                                     row.integer(1), row.integer(2));
    const auto in_fold = fmt::format("{} executions, {} failed, {} attempts", counts.executions,
                                     counts.failed, counts.attempts);
    if (in_rows != in_fold) violate("metering has " + in_rows + "; the fold " + in_fold);
    return false;
  }));
  TRY_VOID(tx.query(kAttempts, {}, [&](const Row& row) -> Result<bool> {
    if (row.integer(0) != counts.attempts) {
      violate(fmt::format("{} rows of attempts, {} in the fold", row.integer(0), counts.attempts));
    }
    return false;
  }));
  return {};
}

Result<void> Observer::check_promises(Transaction& tx, Moment moment) {
  static const Sql kAll(
      "SELECT id, prompt, status FROM executions WHERE event_id IS NULL ORDER BY id");
  std::map<std::string, std::string> by_key;
  std::map<std::string, std::string> status;
  TRY_VOID(tx.query(kAll, {}, [&](const Row& row) -> Result<bool> {
    const std::string key(row.text(1));
    if (!keys_.contains(key)) violate(fmt::format("nobody asked for {}", row.text(0)));
    const auto [other, alone] = by_key.try_emplace(key, row.text(0));
    if (!alone) violate(fmt::format("{} is there twice: {}, {}", key, other->second, row.text(0)));
    status.emplace(row.text(0), row.text(2));
    return true;
  }));
  for (const auto& [key, id] : executions_) {
    const auto found = by_key.find(key);
    if (found == by_key.end() || found->second != id) violate(id + " was acknowledged and is lost");
  }
  for (const auto& [id, answer] : answers_) {
    const auto found = fold_.reviews().find(id);
    if (found == fold_.reviews().end() || found->second != answer) {
      violate(fmt::format("the answer to {} was acknowledged and is lost", id));
    }
  }
  if (moment == Moment::kMeanwhile) return {};
  for (const auto& id : cancels_) {
    if (status[id] != "cancelled") {
      violate(fmt::format("{} was to be cancelled and is {}", id, status[id]));
    }
  }
  if (!alive_.empty()) violate(alive_.begin()->second + " still lives at the end");
  return {};
}

}  // namespace personas::simulation
