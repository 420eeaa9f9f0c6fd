// Rows of events beyond what store/repositories.hpp reads, and of what became of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/model/signals.hpp"
#include "personas/model/subscription.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store/store.hpp"

namespace personas::bus {

// The event that this source has published under this key already.
Result<std::optional<Event>> find_repeated(store::Transaction& tx, const TenantId& tenant,
                                           std::string_view source_type, std::string_view key);
Result<std::optional<Event>> find_by_effect(store::Transaction& tx, const TenantId& tenant,
                                            std::string_view effect_key);
// Status, message, tries and their times.
Result<void> update_state(store::Transaction& tx, const TenantId& tenant, const Event& event);

// Where in a chain something is: how deep, and the event or run that it began with.
struct Cause {
  std::int64_t depth = 0;
  std::string root;
};
// Of the event that this run was started by; a run of which none is known is a beginning.
Result<Cause> cause_of_run(store::Transaction& tx, const TenantId& tenant, const ExecutionId& run);
Result<Cause> cause_of_event(store::Transaction& tx, const TenantId& tenant, const EventId& event);

// Inserted, or brought up to date by (event, subscription).
Result<void> put_match(store::Transaction& tx, const TenantId& tenant, const EventMatch& match);
Result<std::vector<EventMatch>> matches_of(store::Transaction& tx, const TenantId& tenant,
                                           const EventId& event);

struct DueEvent {
  TenantId tenant;
  EventId id;
};
// The first of those whose next try is due, and when the one after them is.
struct DueEvents {
  std::vector<DueEvent> events;
  std::optional<Timestamp> next;
};
Result<DueEvents> due_events(store::Transaction& tx, Timestamp now, std::int64_t limit);

}  // namespace personas::bus
