// Applies what agents ask for by protocol: rows of messages, memories, events and reviews.
#pragma once

#include "personas/execution/attempt_store.hpp"

namespace personas::execution {

struct Applied {
  std::optional<Timestamp> review_expiry;  // set if there were questions: when the first expires
};

// Each effect once: its key is (execution, attempt, seq, index). An outcome assessment goes into
// `outcome`, the last one wins.
Result<Applied> apply_effects(store::Transaction& tx, const AppendRequest& request,
                              std::optional<Outcome>& outcome);

}  // namespace personas::execution
