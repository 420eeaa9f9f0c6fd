// How an event comes onto the bus, as whoever publishes one sees it: requests, agents, triggers,
// webhooks. The bus itself is their peer and not seen by them; apps/personas binds it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/model/signals.hpp"
#include "personas/store/store.hpp"

namespace personas::store {

// What must follow the commit and cannot be part of it, such as waking the dispatcher. Lost in a
// crash, so it only ever says sooner what a start finds out by itself.
using AfterCommit = std::vector<std::function<void()>>;

struct NewEvent {
  // Its id, origin and times are set by whoever publishes it. One that is pending is matched; any
  // other status is kept as it is, and the event goes to nobody.
  Event event;
  // The sender's own name for this fact (a delivery's id, a trigger's slot). A second event of the
  // tenant with the same source type and key is the first one again. Empty: none.
  std::string dedupe_key = {};
  // Of a row that an agent's frame caused; empty: none (see store/repositories.hpp).
  std::string effect_key = {};
  // The run that published it, if one did: the bus refuses chains of runs and events without an
  // end.
  std::optional<ExecutionId> caused_by = {};
  std::optional<EventId> follows = {};  // the same, of an event that led to it without a run
  // kTargetAsWell: the target persona runs without a subscription too, as of a trigger that names
  // it.
  enum class Goes : std::uint8_t { kToSubscribers, kToTargetAsWell } goes = Goes::kToSubscribers;
  std::optional<TriggerId> trigger = {};
  std::optional<EventId> replay_of = {};
};

struct Published {
  EventId id;  // of the first, if it is a repetition
  EventStatus status = EventStatus::kPending;
  enum class Was : std::uint8_t { kNew, kRepeated } was = Was::kNew;
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Stores the event, finds who subscribes to it and enqueues their runs, all in `tx`. Re-runnable
  // like every write. Errors are those of the store alone: an event that nobody takes is skipped,
  // and one whose runs are refused says so in its status.
  virtual Result<Published> publish(Transaction& tx, const TenantId& tenant, const NewEvent& event,
                                    AfterCommit& after) = 0;
};

// Keeps events and starts nothing: where there is no bus, as in tests of what lies below it.
class RecordedEvents final : public EventSink {
 public:
  Result<Published> publish(Transaction& tx, const TenantId& tenant, const NewEvent& event,
                            AfterCommit& after) override;
};

}  // namespace personas::store
