// What the end of an attempt makes of its execution.
#pragma once

#include <cstdint>

#include "personas/execution/attempt_store.hpp"

#include "execution_row.hpp"

namespace personas::execution {

// `row` is the live row with what this batch brought; request.end is set.
Result<AppendOutcome> finish(store::Transaction& tx, const AppendRequest& request, ExecutionRow row,
                             std::int64_t output_bytes);

// Of an execution that is over, or whose session is gone: nothing will continue it.
Result<void> drop_session_parts(store::Transaction& tx, const TenantId& tenant,
                                const ExecutionId& id);

}  // namespace personas::execution
