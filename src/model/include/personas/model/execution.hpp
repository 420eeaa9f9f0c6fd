// One run of a persona, and its attempts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
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
};

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
  ExecutionStatus status = ExecutionStatus::kQueued;
  std::string prompt;
  std::string source = "api";  // api, event, trigger, agent, cli
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
  std::optional<std::string> waiting_for;  // why it is not running, while it is queued
  std::optional<Usage> usage;
  std::optional<double> cost_usd;
  std::optional<std::string> session_id;
  std::optional<WorkerId> worker_id;
  Timestamp created_at;
};

namespace codec {

template <>
struct Described<ExecutionStatus> {
  static constexpr std::string_view name = "ExecutionStatus";
  static constexpr std::array values{
      value("queued", ExecutionStatus::kQueued), value("running", ExecutionStatus::kRunning),
      value("completed", ExecutionStatus::kCompleted), value("failed", ExecutionStatus::kFailed),
      value("cancelled", ExecutionStatus::kCancelled)};
};

template <>
struct Described<Outcome> {
  static constexpr std::string_view name = "Outcome";
  static constexpr auto fields =
      std::tuple{field("accomplished", &Outcome::accomplished).required(),
                 field("summary", &Outcome::summary).length(0, 20'000),
                 field("blockers", &Outcome::blockers).length(0, 100)};
};

template <>
struct Described<Usage> {
  static constexpr std::string_view name = "Usage";
  static constexpr auto fields = std::tuple{
      field("inputTokens", &Usage::input_tokens), field("outputTokens", &Usage::output_tokens),
      field("cacheCreationInputTokens", &Usage::cache_creation_input_tokens),
      field("cacheReadInputTokens", &Usage::cache_read_input_tokens)};
};

template <>
struct Described<Attempt> {
  static constexpr std::string_view name = "Attempt";
  static constexpr auto fields =
      std::tuple{field("attempt", &Attempt::attempt).doc("1 for the first; also the fencing token"),
                 field("workerId", &Attempt::worker_id),
                 field("nodeId", &Attempt::node_id).doc("The orchestrator that granted the lease"),
                 field("status", &Attempt::status),
                 field("failureReason", &Attempt::failure_reason),
                 field("errorMessage", &Attempt::error_message),
                 field("exitCode", &Attempt::exit_code),
                 field("startedAt", &Attempt::started_at),
                 field("completedAt", &Attempt::completed_at),
                 field("durationMs", &Attempt::duration_ms)};
};

template <>
struct Described<ExecutionConfig> {
  static constexpr std::string_view name = "ExecutionConfig";
  static constexpr auto fields = std::tuple{
      field("timeoutMs", &ExecutionConfig::timeout_ms).range(1'000, 86'400'000),
      field("idleTimeoutMs", &ExecutionConfig::idle_timeout_ms).range(1'000, 86'400'000),
      field("maxOutputBytes", &ExecutionConfig::max_output_bytes).range(1'024, 1'073'741'824),
      field("backend", &ExecutionConfig::backend).length(1, 50),
      field("model", &ExecutionConfig::model).length(0, 200),
      field("maxBudgetUsd", &ExecutionConfig::max_budget_usd).number_range(0, 100'000),
      field("maxTurns", &ExecutionConfig::max_turns).range(1, 10'000),
      field("permissionPolicy", &ExecutionConfig::permission_policy),
      field("networkPolicy", &ExecutionConfig::network_policy)};
};

template <>
struct Described<Execution> {
  static constexpr std::string_view name = "Execution";
  static constexpr auto fields = std::tuple{
      field("id", &Execution::id),
      field("personaId", &Execution::persona_id),
      field("status", &Execution::status),
      field("prompt", &Execution::prompt),
      field("source", &Execution::source).doc("api, event, trigger, agent or cli"),
      field("credentialIds", &Execution::credential_ids),
      field("inputData", &Execution::input_data),
      field("config", &Execution::config),
      field("priority", &Execution::priority),
      field("triggerId", &Execution::trigger_id),
      field("eventId", &Execution::event_id),
      field("attempt", &Execution::attempt)
          .doc("Number of the present attempt; 0 while unassigned"),
      field("attempts", &Execution::attempts),
      field("queuedAt", &Execution::queued_at),
      field("startedAt", &Execution::started_at),
      field("completedAt", &Execution::completed_at),
      field("durationMs", &Execution::duration_ms),
      field("output", &Execution::output)
          .doc("Standard output; the tail unless ?output=full. Null in lists"),
      field("outputBytes", &Execution::output_bytes),
      field("outcome", &Execution::outcome).doc("What the agent said of its own work"),
      field("failureReason", &Execution::failure_reason),
      field("errorMessage", &Execution::error_message),
      field("whatToDo", &Execution::what_to_do),
      field("waitingFor", &Execution::waiting_for).doc("Why a queued execution is not running yet"),
      field("usage", &Execution::usage),
      field("costUsd", &Execution::cost_usd),
      field("sessionId", &Execution::session_id),
      field("workerId", &Execution::worker_id),
      field("createdAt", &Execution::created_at)};
};

}  // namespace codec
}  // namespace personas
