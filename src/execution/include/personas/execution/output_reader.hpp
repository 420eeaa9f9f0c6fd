// Reads what an attempt wrote, block by block, for those who need all of it but not at once.
#pragma once

#include <functional>
#include <string_view>

#include "personas/base/id.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// Standard output from its beginning; one block is at most kMaxBlockBytes.
Result<void> visit_stdout(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                          std::int64_t attempt,
                          const std::function<void(std::string_view text)>& visit);

}  // namespace personas::execution
