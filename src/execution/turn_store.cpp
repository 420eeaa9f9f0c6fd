#include "personas/execution/turn_store.hpp"

#include <map>

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

// Our own words, written under rules that may have been others.
constexpr codec::ReadOptions kOurOwn{.unknown = codec::UnknownFields::kIgnore,
                                     .read_only = codec::ReadOptions::ReadOnly::kAccept,
                                     .rules = codec::ReadOptions::Rules::kTrust};

}  // namespace

Result<void> store_turns(Transaction& tx, const AppendRequest& request) {
  static const Sql kPut(
      "INSERT INTO turns (tenant_id, execution_id, attempt, turn, content) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (tenant_id, execution_id, attempt, turn) DO UPDATE SET content = "
      "excluded.content");
  std::map<std::int64_t, const Turn*> latest;
  for (const auto& frame : request.frames) {
    if (frame.turn) latest[frame.turn->turn] = &*frame.turn;
  }
  for (const auto& [number, turn] : latest) {
    TRY_VOID(tx.execute(
        kPut, {request.tenant, request.id, request.attempt, number, codec::to_json(*turn)}));
    const record::ExecutionTurn record{request.id, request.attempt, number};
    TRY_VOID(tx.append({.tenant = request.tenant,
                        .at = request.now,
                        .type = record::kExecutionTurn,
                        .data = codec::to_json(record),
                        .execution_id = request.id.str(),
                        .persona_id = request.persona.str()}));
  }
  return {};
}

Result<std::vector<Turn>> list_turns(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                                     const TurnPage& page) {
  static const Sql kList(
      "SELECT content FROM turns WHERE tenant_id = ? AND execution_id = ? AND (attempt > ? OR "
      "(attempt = ? AND turn > ?)) ORDER BY attempt, turn LIMIT ?");
  std::vector<Turn> turns;
  TRY_VOID(tx.query(
      kList, {tenant, id, page.after_attempt, page.after_attempt, page.after_turn, page.limit},
      [&](const Row& row) -> Result<bool> {
        TRY(auto turn, codec::parse<Turn>(row.text(0), kOurOwn));
        turns.push_back(std::move(turn));
        return true;
      }));
  return turns;
}

Result<std::optional<std::string>> load_turn(Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id, std::int64_t attempt,
                                             std::int64_t turn) {
  static const Sql kOne(
      "SELECT content FROM turns WHERE tenant_id = ? AND execution_id = ? AND attempt = ? AND turn "
      "= ?");
  std::optional<std::string> content;
  TRY_VOID(tx.query(kOne, {tenant, id, attempt, turn}, [&](const Row& row) -> Result<bool> {
    content = std::string(row.text(0));
    return false;
  }));
  return content;
}

}  // namespace personas::execution
