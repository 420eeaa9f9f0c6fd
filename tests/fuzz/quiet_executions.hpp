// The dispatcher's port with nobody behind it: takes what it is told, and has no workers.
#pragma once

#include <string>
#include <vector>

#include "personas/execution/service.hpp"

namespace personas::fuzz {

class QuietExecutions final : public execution::Executions {
 public:
  Result<void> admit(const TenantId&) const override { return {}; }
  void enqueued(execution::QueuedExecution) override {}
  void cancel_requested(const TenantId&, const ExecutionId&) override {}
  void review_answered(const TenantId&, const Review&) override {}
  void persona_changed(const TenantId&, const PersonaId&, std::int64_t) override {}
  void provider_changed(const TenantId&, const std::string&) override {}
  Task<std::vector<std::string>> why_waiting(TenantId, std::vector<ExecutionId> ids) override {
    co_return std::vector<std::string>(ids.size(), "no worker is connected");
  }
  Task<std::vector<execution::WorkerStatus>> workers() override {
    co_return std::vector<execution::WorkerStatus>{};
  }
  Task<execution::QueueStatus> queue() override { co_return execution::QueueStatus{}; }
};

}  // namespace personas::fuzz
