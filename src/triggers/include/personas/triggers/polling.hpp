// A due slot of a polling trigger becomes a look, and a look that sees a change becomes one event:
// what is written at its begin and at its end. Re-runnable.
//
// A URL is looked at between two transactions. The first puts the trigger's next moment to the end
// of a lease and leaves its slot; the second, on condition of that lease, writes what was seen, the
// event if it is a change, and the next slot, all at once. So a crash between them leaves the slot
// due again and the cursor where it was: no change is lost, and none is told twice. A command is an
// execution: the first transaction enqueues it and goes on to the next slot, and the reader of the
// journal that sees its end does the second.
#pragma once

#include <optional>
#include <string>

#include "personas/triggers/firing.hpp"
#include "personas/triggers/poll.hpp"
#include "personas/triggers/trigger_store.hpp"

namespace personas::triggers {

// A look that has not been written down by then is taken again. Longer than a look may take.
inline constexpr Duration kLookLease = seconds(45);
// The end of a command that nobody has told us of so long after it: something went wrong between.
inline constexpr Duration kEndTold = minutes(5);

// Of the URL of a trigger whose slot is due.
struct Look {
  TenantId tenant;
  Trigger trigger;  // as it is under the lease
  Plan plan;
  Timestamp slot;
  PollState state;
  FiringIds ids;
  EventId pause_event;  // if it comes to that
};

struct Begun {
  std::optional<Look> look = {};  // to be taken, and handed to finish_look()
  FiredCounts counts = {};
};
// `command` is the id of the execution, if the trigger has one. Nothing, if the trigger is not any
// more as it was seen.
Result<Begun> begin_look(store::Transaction& tx, const FiringPorts& ports, const DueWork& work,
                         const ExecutionId& command, Timestamp now, AfterCommit& after);

// Looks of a process that is gone are due at once, and not only when their leases are over. Of one
// that is still there they are taken twice, and count once.
Result<void> release_leases(store::Transaction& tx);

// Nothing, if the lease is not this look's any more.
Result<FiredCounts> finish_look(store::Transaction& tx, const FiringPorts& ports, const Look& look,
                                const Result<Looked>& looked, Timestamp now, AfterCommit& after);

struct CommandEnd {
  TenantId tenant;
  TriggerId trigger;
  ExecutionId execution;
  Result<Looked> looked;
  FiringIds ids;
  EventId pause_event;
};
// Nothing, if the trigger waits for another one, or for none.
Result<FiredCounts> finish_command(store::Transaction& tx, const FiringPorts& ports,
                                   const CommandEnd& end, Timestamp now, AfterCommit& after);

}  // namespace personas::triggers
