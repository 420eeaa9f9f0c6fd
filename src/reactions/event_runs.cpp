#include "personas/reactions/event_runs.hpp"

#include "personas/execution/execution_store.hpp"

namespace personas::reactions {

Result<ExecutionId> EventRuns::start(store::Transaction& tx, const TenantId& tenant,
                                     const bus::RunWanted& run, store::AfterCommit& after) {
  TRY_VOID(executions_.admit(tenant));
  execution::ExecuteRequest request;
  request.persona_id = run.persona;
  request.input_data = run.input;
  request.priority = run.priority;
  request.trigger_id = run.trigger;
  request.event_id = run.event;
  if (!run.concurrency_key.empty()) {
    request.concurrency = execution::ConcurrencyKey{run.concurrency_key, run.max_concurrent};
  }
  const auto source = run.trigger ? execution::Source::kTrigger : execution::Source::kEvent;
  auto id = ExecutionId::make(run.now, random_);
  TRY(auto enqueued, execution::enqueue(tx, tenant, id, request, source, run.now));
  after.push_back([&executions = executions_, queued = std::move(enqueued.queued)] {
    executions.enqueued(queued);
  });
  return id;
}

}  // namespace personas::reactions
