// Runs executions: owns the dispatcher core and drives it with the store, the clock and the
// workers.
//
// Lives on one executor, the core strand; the thread-safe methods below may be called from any
// thread and hop over. Nothing here is the truth: the store is. The core's queue is a windowed
// cache of it, and a claim that the transaction refuses is normal.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/signals.hpp"

namespace personas::execution {

struct WorkerStatus {
  std::string worker_id;
  std::string state;  // idle, busy
  std::string kind;   // full, seed
  std::string version;
  std::int64_t slots = 0;
  std::int64_t used_slots = 0;
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> labels;
  std::string sandbox;
  std::vector<std::string> executions;
  Timestamp connected_at;
  std::map<std::string, std::string> agent_versions;  // by backend
};

struct QueueStatus {
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t finished_since_start = 0;
};

// What operations need from the running system. Thread-safe.
class Executions {
 public:
  virtual ~Executions() = default;

  // Asked before enqueuing: kUnavailable when the queue is full.
  virtual Result<void> admit(const TenantId& tenant) const = 0;

  // News from transactions that have committed.
  virtual void enqueued(QueuedExecution execution) = 0;
  virtual void cancel_requested(const TenantId& tenant, const ExecutionId& id) = 0;
  virtual void review_answered(const TenantId& tenant, const Review& review) = 0;
  virtual void persona_changed(const TenantId& tenant, const PersonaId& id,
                               std::int64_t max_concurrent) = 0;
  // The provider's account may work again (a new token, or somebody says so): opens its gates in
  // the store and in the core, and lets go on what was parked behind them.
  virtual void provider_changed(const TenantId& tenant, const std::string& backend) = 0;

  // Why each of these queued executions is not running; empty for ones that are not queued.
  virtual Task<std::vector<std::string>> why_waiting(TenantId tenant,
                                                     std::vector<ExecutionId> ids) = 0;
  virtual Task<std::vector<WorkerStatus>> workers() = 0;
  virtual Task<QueueStatus> queue() = 0;
};

}  // namespace personas::execution
