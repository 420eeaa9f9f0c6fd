// Applies what agents ask for by protocol: rows of messages, memories, events and reviews.
#pragma once

#include "personas/execution/attempt_store.hpp"

namespace personas::execution {

// Each effect once: its key is (execution, attempt, seq, index). An outcome assessment goes into
// `outcome`, the last one wins.
Result<void> apply_effects(store::Transaction& tx, const AppendRequest& request,
                           std::optional<Outcome>& outcome);

}  // namespace personas::execution
