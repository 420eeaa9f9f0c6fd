// One row of the table `executions`, and its way to the Execution that the API shows.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/codec/rows.hpp"
#include "personas/model/execution.hpp"

namespace personas::execution {

struct ExecutionRow {
  TenantId tenant_id;
  ExecutionId id;
  std::string persona_id;  // empty: none (part of indexes, so not null)
  ExecutionStatus status = ExecutionStatus::kQueued;
  std::int64_t priority = 0;
  Timestamp queued_at;
  Timestamp not_before;
  std::int64_t attempt = 0;
  std::int64_t last_seq = 0;
  bool cancel_requested = false;
  std::optional<std::string> worker_id;
  std::optional<std::string> worker_instance;
  std::optional<std::string> node_id;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> attempt_started_at;
  std::optional<Timestamp> completed_at;
  std::int64_t output_bytes = 0;
  std::optional<FailureReason> failure_reason;
  std::optional<std::string> error_message;
  std::optional<std::int64_t> exit_code;
  std::optional<std::string> session_id;
  std::optional<Outcome> outcome;
  std::optional<Usage> usage;
  std::optional<double> cost_usd;
  std::string prompt;
  std::string source;
  std::vector<CredentialId> credential_ids;
  std::optional<codec::RawJson> input_data;
  std::optional<ExecutionConfig> config;
  std::optional<TriggerId> trigger_id;
  std::optional<EventId> event_id;
  Timestamp created_at;
  std::optional<Parked> parked;
  std::optional<Timestamp> parked_until;
  std::int64_t parks = 0;  // how often it was parked; bounded
  bool uses_fallback = false;
  std::int64_t turns = 0;  // of ended attempts
  // The backend whose session `session_id` is; another one cannot continue it.
  std::optional<std::string> session_backend;
  bool asked = false;                           // it has reviews
  std::optional<std::string> parked_gate;       // parked for quota: the account it waits for
  std::int64_t first_leg = 1;                   // the attempt with which its conversation began
  std::optional<std::int64_t> persona_version;  // of the present attempt
  std::optional<std::string> concurrency_key;
  std::optional<std::int64_t> concurrency_limit;
};

Execution to_execution(ExecutionRow row);

// Every column in the order of the description, for SELECT, INSERT and RETURNING.
const std::string& row_columns();

}  // namespace personas::execution

namespace personas::codec {
template <>
struct Described<execution::ExecutionRow> {
  using R = execution::ExecutionRow;
  static constexpr std::string_view name = "ExecutionRow";
  // In the order of the table's columns, so that columns() serves INSERT and SELECT alike.
  static constexpr auto fields = std::tuple{field("tenantId", &R::tenant_id),
                                            field("id", &R::id),
                                            field("personaId", &R::persona_id),
                                            field("status", &R::status),
                                            field("priority", &R::priority),
                                            field("queuedAt", &R::queued_at),
                                            field("notBefore", &R::not_before),
                                            field("attempt", &R::attempt),
                                            field("lastSeq", &R::last_seq),
                                            field("cancelRequested", &R::cancel_requested),
                                            field("workerId", &R::worker_id),
                                            field("workerInstance", &R::worker_instance),
                                            field("nodeId", &R::node_id),
                                            field("startedAt", &R::started_at),
                                            field("attemptStartedAt", &R::attempt_started_at),
                                            field("completedAt", &R::completed_at),
                                            field("outputBytes", &R::output_bytes),
                                            field("failureReason", &R::failure_reason),
                                            field("errorMessage", &R::error_message),
                                            field("exitCode", &R::exit_code),
                                            field("sessionId", &R::session_id),
                                            field("outcome", &R::outcome),
                                            field("usage", &R::usage),
                                            field("costUsd", &R::cost_usd),
                                            field("prompt", &R::prompt),
                                            field("source", &R::source),
                                            field("credentialIds", &R::credential_ids),
                                            field("inputData", &R::input_data),
                                            field("config", &R::config),
                                            field("triggerId", &R::trigger_id),
                                            field("eventId", &R::event_id),
                                            field("createdAt", &R::created_at),
                                            field("parked", &R::parked),
                                            field("parkedUntil", &R::parked_until),
                                            field("parks", &R::parks),
                                            field("usesFallback", &R::uses_fallback),
                                            field("turns", &R::turns),
                                            field("sessionBackend", &R::session_backend),
                                            field("asked", &R::asked),
                                            field("parkedGate", &R::parked_gate),
                                            field("firstLeg", &R::first_leg),
                                            field("personaVersion", &R::persona_version),
                                            field("concurrencyKey", &R::concurrency_key),
                                            field("concurrencyLimit", &R::concurrency_limit)};
};
}  // namespace personas::codec
