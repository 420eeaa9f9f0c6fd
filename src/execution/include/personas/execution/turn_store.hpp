// What the agent of an execution did, turn by turn: rows that are replaced as a turn grows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/execution/attempt_store.hpp"
#include "personas/model/turn.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// Part of append(): each turn once, as it is at the end of the batch, and a record that it changed.
Result<void> store_turns(store::Transaction& tx, const AppendRequest& request);

struct TurnPage {
  std::int64_t after_attempt = 0;
  std::int64_t after_turn = 0;
  std::int64_t limit = 100;
};
// Of all attempts, in their order.
Result<std::vector<Turn>> list_turns(store::Transaction& tx, const TenantId& tenant,
                                     const ExecutionId& id, const TurnPage& page);

// The JSON of the turn a record `execution.turn` refers to, as it is now.
Result<std::optional<std::string>> load_turn(store::Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id, std::int64_t attempt,
                                             std::int64_t turn);

}  // namespace personas::execution
