// A slot becomes an event: what is written in the transaction that does it. Re-runnable.
//
// The row of the firing comes first and has a unique key of tenant, trigger and slot. Whoever finds
// it there publishes nothing; so a slot is one event, over restarts and with several schedulers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/model/trigger.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/triggers/config.hpp"

namespace personas::triggers {

using store::AfterCommit;

// Firings without an outcome that are looked at when the trigger fires: the oldest first.
inline constexpr std::size_t kMaxOpen = 20;

// A command that looks for a polling trigger, as an execution of its persona on a worker.
struct CommandLook {
  const Trigger& trigger;
  std::string command;
  ExecutionId id;
  Timestamp now;
};

// What firing needs of its neighbours.
struct FiringPorts {
  store::EventSink& sink;
  InstanceId origin;
  // Asks a run to stop.
  std::function<Result<void>(store::Transaction&, const TenantId&, const ExecutionId&,
                             const std::string& reason, Timestamp now, AfterCommit&)>
      cancel;
  // Enqueues it, and sees to it that its end comes back (polling.hpp). kNotFound, kUnprocessable
  // and kUnavailable are refusals, which leave no trace.
  std::function<Result<void>(store::Transaction&, const TenantId&, const CommandLook&,
                             AfterCommit&)>
      start_command = {};
};

struct FiringIds {
  FiringId firing;
  EventId event;
  static FiringIds make(Timestamp now, Random& random) {
    return {FiringId::make(now, random), EventId::make(now, random)};
  }
};

// One slot, whose firing has its id and event. Returns it as it is now, or nullopt if the slot has
// fired before.
struct Slot {
  Timestamp at;
  FiringKind kind = FiringKind::kSchedule;
  FiringIds ids;
  // What led to it, where chains are cut that have no end.
  std::optional<ExecutionId> caused_by = {};
  std::optional<EventId> follows = {};
  std::string key = {};  // of its event, in place of the moment
};
Result<std::optional<TriggerFiring>> publish_slot(store::Transaction& tx, store::EventSink& sink,
                                                  const InstanceId& origin, const TenantId& tenant,
                                                  const Trigger& trigger, const Plan& plan,
                                                  const Slot& slot, Timestamp now,
                                                  AfterCommit& after);

// The same for what happens at its own time: a slot that is taken is the next microsecond's. The
// trigger counts it.
Result<std::optional<TriggerFiring>> publish_now(store::Transaction& tx, store::EventSink& sink,
                                                 const InstanceId& origin, const TenantId& tenant,
                                                 Trigger trigger, const Plan& plan, Slot slot,
                                                 Timestamp now, AfterCommit& after);

// A due trigger as a read snapshot showed it, and what is to be done about it.
struct DueWork {
  TenantId tenant;
  Trigger seen;
  Plan plan;
  schedule::DuePlan due;
  std::vector<FiringIds> ids;  // one for each of due.fire
  EventId pause_event;         // if it comes to that
};

struct FiredCounts {
  std::int64_t published = 0;
  std::int64_t skipped = 0;
  std::int64_t paused = 0;
};

// Nothing, if the trigger is not any more as it was seen.
Result<FiredCounts> fire_due(store::Transaction& tx, const FiringPorts& ports, const DueWork& work,
                             Timestamp now, AfterCommit& after);

// Disables it for a reason that its owner should know, with an event `trigger.paused`. Nothing, if
// the trigger is not any more as it was seen.
Result<void> pause_by_itself(store::Transaction& tx, store::EventSink& sink,
                             const InstanceId& origin, const TenantId& tenant, Trigger seen,
                             const std::string& reason, const EventId& event, Timestamp now,
                             AfterCommit& after);

}  // namespace personas::triggers
