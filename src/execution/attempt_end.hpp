// What the end of an attempt makes of its execution.
#pragma once

#include <cstdint>

#include "personas/execution/attempt_store.hpp"

#include "execution_row.hpp"

namespace personas::execution {

// `row` is the live row with what this batch brought; request.end is set.
Result<AppendOutcome> finish(store::Transaction& tx, const AppendRequest& request, ExecutionRow row,
                             std::int64_t output_bytes);

}  // namespace personas::execution
