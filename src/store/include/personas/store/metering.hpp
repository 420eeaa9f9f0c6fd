// Metering: what was used, added up as it happens, in the transaction in which it happens.
//
// One row per hour, persona, backend, model and worker, so the table grows with what is there and
// not with how much it does, and a run costs one statement.
#pragma once

#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/model/metering.hpp"
#include "personas/store/store.hpp"

namespace personas::store {

// Rows of one report; the rest is in its total all the same.
inline constexpr std::int64_t kMaxUsageRows = 1'000;

struct Metered {
  Timestamp at;
  std::string persona_id = {};  // empty where it does not apply
  std::string backend = {};
  std::string model = {};
  std::string worker_id = {};
  UsageCounters counters = {};
};

Result<void> meter(Transaction& tx, const TenantId& tenant, const Metered& metered);

struct UsageFilter {
  Timestamp since;  // begins with the hour that holds it
  Timestamp until;  // not included
  UsageGrouping by = UsageGrouping::kDay;
  std::optional<PersonaId> persona_id = {};
};

// Times: oldest first. Everything else: what cost most first.
Result<UsageReport> usage(Transaction& tx, const TenantId& tenant, const UsageFilter& filter);

}  // namespace personas::store
