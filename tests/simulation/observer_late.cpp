// What an orchestrator asks of the database after it has been replaced.
//
// One process has the database: the lock of its file sees to that, so nothing that comes late has
// an effect. But the lock is the engine's, and the promise is the operation's: the word of an
// attempt that is over is refused by the transaction itself, whoever brings it. So each late
// operation is tried on the database as it is by now, judged by what it would have left, and taken
// back.
#include <fmt/format.h>

#include "personas/codec/json.hpp"

#include "observer.hpp"

namespace personas::simulation {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

struct Live {
  std::int64_t attempt = 0;
  std::int64_t last_seq = 0;
};
using LiveAttempts = std::map<std::string, Live>;

Result<LiveAttempts> live_attempts(Transaction& tx) {
  static const Sql kLive(
      "SELECT id, attempt, last_seq FROM executions WHERE status = 'running' AND parked IS NULL");
  LiveAttempts live;
  TRY_VOID(tx.query(kLive, {}, [&](const Row& row) -> Result<bool> {
    live[std::string(row.text(0))] = {row.integer(1), row.integer(2)};
    return true;
  }));
  return live;
}

Result<std::int64_t> last_record(Transaction& tx) {
  static const Sql kLast("SELECT coalesce(max(position), 0) FROM journal");
  std::int64_t last = 0;
  TRY_VOID(tx.query(kLast, {}, [&](const Row& row) -> Result<bool> {
    last = row.integer(0);
    return false;
  }));
  return last;
}

// Why a record must not have been written, or nothing. Only a worker's word can be stale; what is
// asked of a queued execution is not about an attempt.
std::string objection(std::string_view type, std::string_view record, const LiveAttempts& live) {
  const auto json = codec::parse_json(record);
  if (!json) return "a record that cannot be read";
  const auto& data = json->as_object().at("data").as_object();
  const bool word = type == "execution.output" || type == "execution.progress" ||
                    type == "execution.turn" ||
                    (type == "execution.status" && data.at("status").as_string() == "completed");
  if (!word) return {};
  const std::string execution(data.at("executionId").as_string());
  const auto attempt = data.at("attempt").as_int64();
  const auto found = live.find(execution);
  if (found == live.end() || found->second.attempt != attempt) {
    return fmt::format("{} of {}, which is over,", type, attempt_name(execution, attempt));
  }
  if (type == "execution.output" && data.at("firstSeq").as_int64() <= found->second.last_seq) {
    return fmt::format("output of {} that is there already", attempt_name(execution, attempt));
  }
  return {};
}

}  // namespace

Result<void> Observer::try_late(Transaction& tx, store::Operation& operation) {
  static const Sql kNew("SELECT type, record FROM journal WHERE position > ? ORDER BY position");
  TRY(const auto live, live_attempts(tx));
  TRY(const auto last, last_record(tx));
  const auto outcome = operation(tx);
  count("late operations tried");
  bool left_something = false;
  if (outcome) {
    TRY_VOID(tx.query(kNew, {last}, [&](const Row& row) -> Result<bool> {
      left_something = true;
      const auto why = objection(row.text(0), as_text(row.bytes(1)), live);
      if (!why.empty()) violate(why + " was taken from an orchestrator that has been replaced");
      return true;
    }));
  }
  trace(fmt::format("late operation: {}", outcome ? "done" : outcome.error().message));
  if (left_something) count("late operations that the lock keeps out");
  return fail(ErrorCode::kUnavailable, "another process has this database");
}

}  // namespace personas::simulation
