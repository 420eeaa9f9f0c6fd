// What came of the firings before, as those who fire next see it.
#pragma once

#include <cstdint>
#include <vector>

#include "personas/triggers/firing.hpp"

namespace personas::triggers {

struct Before {
  std::vector<ExecutionId> active;  // runs that have not ended
  std::int64_t failures = 0;        // in a row
};

// Writes down the outcomes that have become known.
Result<Before> settle(store::Transaction& tx, const TenantId& tenant, const Trigger& trigger);

// Still what it was when it was read, apart from what firing changes.
bool is_as_seen(const std::optional<Trigger>& now, const Trigger& seen);
// So many failures in a row pause it.
bool too_many(const Plan& plan, std::int64_t failures);

Result<void> record_firing(store::Transaction& tx, const TenantId& tenant, const Trigger& trigger,
                           const TriggerFiring& firing);

}  // namespace personas::triggers
