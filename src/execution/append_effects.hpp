// Applies what agents ask for by protocol: rows of messages, memories, events and reviews.
#pragma once

#include <string_view>

#include "personas/execution/attempt_store.hpp"

namespace personas::execution {

struct Applied {
  std::optional<Timestamp> review_expiry;  // set if there were questions: when the first expires
  store::AfterCommit after;
};

// Each effect once: its key is (execution, attempt, seq, index). An outcome assessment goes into
// `outcome`, the last one wins. `source` is the execution's: what a test or a design run asks for
// reaches nobody (its events are stored as skipped; nothing is remembered, no human is asked).
Result<Applied> apply_effects(store::Transaction& tx, const AppendRequest& request,
                              std::string_view source, std::optional<Outcome>& outcome);

}  // namespace personas::execution
