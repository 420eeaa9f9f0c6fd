// The diagnosis of an attempt that failed, or ended without having done its work: stored in the
// transaction that ends it.
#pragma once

#include "personas/execution/attempt_store.hpp"

#include "execution_row.hpp"

namespace personas::execution {

// `status`: what the execution becomes; kQueued says that it is tried again, so it is mended.
// Nothing is written for a run that did its work.
Result<void> write_diagnosis(store::Transaction& tx, const AppendRequest& request,
                             const ExecutionRow& row, ExecutionStatus status,
                             std::optional<FailureReason> reason,
                             const std::optional<Persona>& persona, const ExecutionConfig& config);

}  // namespace personas::execution
