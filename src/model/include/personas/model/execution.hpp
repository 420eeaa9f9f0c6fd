// One run of a persona, and its attempts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/failure.hpp"

namespace personas {

// The five of the contract. Finer states are fields beside it (waitingFor, attempt, outcome).
enum class ExecutionStatus : std::uint8_t { kQueued, kRunning, kCompleted, kFailed, kCancelled };

constexpr bool is_final(ExecutionStatus status) {
  return status != ExecutionStatus::kQueued && status != ExecutionStatus::kRunning;
}

// What the agent itself said of its work (protocol outcome_assessment).
struct Outcome {
  bool accomplished = false;
  std::string summary;
  std::vector<std::string> blockers;
};

// Token counts as the backend reports them.
struct Usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cache_creation_input_tokens = 0;
  std::int64_t cache_read_input_tokens = 0;

  Usage& operator+=(const Usage& other) {
    input_tokens += other.input_tokens;
    output_tokens += other.output_tokens;
    cache_creation_input_tokens += other.cache_creation_input_tokens;
    cache_read_input_tokens += other.cache_read_input_tokens;
    return *this;
  }
  bool operator==(const Usage&) const = default;
};

// The share of one model in an attempt: sub-agents and small helpers use others than the main one.
struct ModelUsage {
  std::string model;
  Usage usage;
  double cost_usd = 0;
};

// Why an execution rests without a worker, its attempt ended in good order. It goes on by itself:
// when its reviews are answered or expire, or when the provider's limit resets.
enum class Parked : std::uint8_t { kReview, kQuota };

// One try at an execution on one worker. The live attempt is part of the execution's row; an
// ended one gets a row of its own.
struct Attempt {
  std::int64_t attempt = 0;  // 1, 2, …; the fencing token
  std::optional<WorkerId> worker_id;
  std::optional<NodeId> node_id;  // the orchestrator that granted the lease
  ExecutionStatus status = ExecutionStatus::kRunning;
  std::optional<FailureReason> failure_reason;
  std::optional<std::string> error_message;
  std::optional<std::int64_t> exit_code;
  Timestamp started_at;
  std::optional<Timestamp> completed_at;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> backend;
  std::optional<std::string> model;      // as the backend named it
  std::optional<std::string> isolation;  // namespaces, none: what was really used
  std::int64_t turns = 0;
  std::optional<Usage> usage;
  std::optional<double> cost_usd;
  // False: it ended because the execution was parked, and does not count for the retry policy.
  bool counts = true;
};

// Limits and choices of one execution, over those of its persona.
struct ExecutionConfig {
  std::optional<std::int64_t> timeout_ms;
  std::optional<std::int64_t> idle_timeout_ms;
  std::optional<std::int64_t> max_output_bytes;
  std::optional<std::string> backend;
  std::optional<std::string> model;
  std::optional<double> max_budget_usd;
  std::optional<std::int64_t> max_turns;
  std::optional<codec::RawJson> permission_policy;
  std::optional<codec::RawJson> network_policy;
};

// As the API shows it. Rows are split differently: see store/README.md.
struct Execution {
  ExecutionId id;
  std::optional<PersonaId> persona_id;
  std::optional<std::int64_t> persona_version;  // that it ran last
  ExecutionStatus status = ExecutionStatus::kQueued;
  std::string prompt;
  std::string source = "api";  // see execution::Source
  std::vector<CredentialId> credential_ids;
  std::optional<codec::RawJson> input_data;
  std::optional<ExecutionConfig> config;
  std::int64_t priority = 0;
  std::optional<TriggerId> trigger_id;
  std::optional<EventId> event_id;
  std::int64_t attempt = 0;  // 0 until it was first assigned
  std::vector<Attempt> attempts;
  Timestamp queued_at;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> completed_at;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> output;
  std::int64_t output_bytes = 0;
  std::optional<Outcome> outcome;
  std::optional<FailureReason> failure_reason;
  std::optional<std::string> error_message;
  std::optional<std::string> what_to_do;   // cure for failure_reason
  std::optional<std::string> waiting_for;  // why it is not running, while it is queued or parked
  std::optional<Parked> parked;
  std::optional<Timestamp> parked_until;  // then it goes on, answered or not
  std::int64_t turns = 0;                 // of all attempts
  std::optional<Usage> usage;
  std::optional<double> cost_usd;
  std::optional<std::string> session_id;
  std::optional<WorkerId> worker_id;
  Timestamp created_at;
};

}  // namespace personas

#include "personas/model/execution_described.hpp"
