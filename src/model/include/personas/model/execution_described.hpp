// Descriptions of execution.hpp: names, rules and documentation of its fields.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/model/execution.hpp"

namespace personas::codec {

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
struct Described<ModelUsage> {
  static constexpr std::string_view name = "ModelUsage";
  static constexpr auto fields =
      std::tuple{field("model", &ModelUsage::model).length(0, 200),
                 field("usage", &ModelUsage::usage), field("costUsd", &ModelUsage::cost_usd)};
};

template <>
struct Described<Parked> {
  static constexpr std::string_view name = "Parked";
  static constexpr std::array values{value("review", Parked::kReview),
                                     value("quota", Parked::kQuota)};
};

template <>
struct Described<Attempt> {
  static constexpr std::string_view name = "Attempt";
  static constexpr auto fields = std::tuple{
      field("attempt", &Attempt::attempt).doc("1 for the first; also the fencing token"),
      field("workerId", &Attempt::worker_id),
      field("nodeId", &Attempt::node_id).doc("The orchestrator that granted the lease"),
      field("status", &Attempt::status),
      field("failureReason", &Attempt::failure_reason),
      field("errorMessage", &Attempt::error_message),
      field("exitCode", &Attempt::exit_code),
      field("startedAt", &Attempt::started_at),
      field("completedAt", &Attempt::completed_at),
      field("durationMs", &Attempt::duration_ms),
      field("backend", &Attempt::backend),
      field("model", &Attempt::model),
      field("isolation", &Attempt::isolation).doc("How the agent was confined: namespaces or none"),
      field("turns", &Attempt::turns),
      field("usage", &Attempt::usage),
      field("costUsd", &Attempt::cost_usd),
      field("counts", &Attempt::counts)
          .doc("False when it ended because the execution was parked: the retry policy "
               "does not count it")};
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
      field("maxBudgetUsd", &ExecutionConfig::max_budget_usd)
          .number_range(0, 100'000)
          .doc("Of the whole execution: an attempt has what the earlier ones left"),
      field("maxTurns", &ExecutionConfig::max_turns).range(1, 10'000).doc("Of one attempt"),
      field("permissionPolicy", &ExecutionConfig::permission_policy),
      field("networkPolicy", &ExecutionConfig::network_policy)};
};

template <>
struct Described<Execution> {
  static constexpr std::string_view name = "Execution";
  static constexpr auto fields = std::tuple{
      field("id", &Execution::id),
      field("personaId", &Execution::persona_id),
      field("personaVersion", &Execution::persona_version)
          .doc("Version of the persona that its last attempt ran; null before the first"),
      field("status", &Execution::status),
      field("prompt", &Execution::prompt),
      field("source", &Execution::source)
          .doc("api, event, trigger, agent, test, design, poll or notification"),
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
          .doc(
              "Standard output of the present conversation: of all attempts that continued it; the "
              "tail unless ?output=full. Null in lists"),
      field("outputBytes", &Execution::output_bytes),
      field("outcome", &Execution::outcome).doc("What the agent said of its own work"),
      field("failureReason", &Execution::failure_reason),
      field("errorMessage", &Execution::error_message),
      field("whatToDo", &Execution::what_to_do),
      field("waitingFor", &Execution::waiting_for)
          .doc("Why a queued or parked execution does not go on yet"),
      field("parked", &Execution::parked)
          .doc("It holds no worker and goes on by itself: after an answer, or when the provider's "
               "limit resets"),
      field("parkedUntil", &Execution::parked_until),
      field("turns", &Execution::turns).doc("Turns of the agent in all attempts"),
      field("usage", &Execution::usage).doc("The sum over the attempts"),
      field("costUsd", &Execution::cost_usd).doc("The sum over the attempts"),
      field("sessionId", &Execution::session_id),
      field("workerId", &Execution::worker_id),
      field("createdAt", &Execution::created_at)};
};

}  // namespace personas::codec
