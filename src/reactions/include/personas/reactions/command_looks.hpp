// Commands that look for polling triggers: executions on a worker, and what they printed.
//
// They run as the trigger's persona (its worker, its connectors, its limits), with the backend
// `command` and without a word: what they print is data, and no protocol message in it is heard.
#pragma once

#include <functional>

#include "personas/base/clock.hpp"
#include "personas/execution/service.hpp"
#include "personas/model/execution.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/triggers/polling.hpp"

namespace personas::reactions {

inline constexpr std::int64_t kCommandTimeoutMs = 300'000;

// As triggers::FiringPorts::start_command wants it; in the transaction of the look's begin.
Result<void> start_command(store::Transaction& tx, execution::Executions& executions,
                           const TenantId& tenant, const triggers::CommandLook& look,
                           store::AfterCommit& after);

// The end of such an execution, as its watch tells it.
struct EndedCommand {
  TenantId tenant;
  TriggerId trigger;
  const Execution& execution;
};
Result<reactor::Reaction> look_at_command(store::Transaction& tx, const EndedCommand& ended,
                                          const triggers::FiringPorts& ports, Timestamp now,
                                          Random& random);

}  // namespace personas::reactions
