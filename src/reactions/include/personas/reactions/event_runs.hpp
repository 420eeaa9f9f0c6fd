// Starts the runs that the event bus wants: bus and execution are peers and meet here.
#pragma once

#include "personas/base/clock.hpp"
#include "personas/bus/bus.hpp"
#include "personas/execution/service.hpp"

namespace personas::reactions {

class EventRuns final : public bus::Runs {
 public:
  // `executions` must be there when the first run is started, not before.
  EventRuns(Random& random, execution::Executions& executions)
      : random_(random), executions_(executions) {}

  Result<ExecutionId> start(store::Transaction& tx, const TenantId& tenant,
                            const bus::RunWanted& run, store::AfterCommit& after) override;

 private:
  Random& random_;
  execution::Executions& executions_;
};

}  // namespace personas::reactions
