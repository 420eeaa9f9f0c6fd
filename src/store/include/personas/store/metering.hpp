// Metering: what was used, added up as it happens, in the transaction in which it happens.
//
// One row per hour, persona, backend, model and worker, so the table grows with what is there and
// not with how much it does. What the operations of one commit add to the same row is added up in
// memory and written once (docs/decisions/0019-metering-per-commit.md).
#pragma once

#include <map>
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

// Names a row.
struct MeteringKey {
  TenantId tenant;
  Timestamp hour;  // its beginning
  std::string persona_id;
  std::string backend;
  std::string model;
  std::string worker_id;
  auto operator<=>(const MeteringKey&) const = default;
};

// What the operations of one commit add, for engines: begins empty with each transaction, is
// written before the commit, and forgotten when the transaction is rolled back. So what runs again
// is counted again from nothing. Bounded by the batch (kMaxBatch) times what one operation meters.
class MeteringSums {
 public:
  void add(const MeteringKey& key, const UsageCounters& counters);
  void clear() { sums_.clear(); }
  bool empty() const { return sums_.empty(); }
  // One statement per row, in the order of the primary key.
  Result<void> write(Transaction& tx) const;

 private:
  std::map<MeteringKey, UsageCounters> sums_;
};

struct UsageFilter {
  Timestamp since;  // begins with the hour that holds it
  Timestamp until;  // not included
  UsageGrouping by = UsageGrouping::kDay;
  std::optional<PersonaId> persona_id = {};
};

// Times: oldest first. Everything else: what cost most first. For reads: a write sees what was
// committed before its batch.
Result<UsageReport> usage(Transaction& tx, const TenantId& tenant, const UsageFilter& filter);

}  // namespace personas::store
