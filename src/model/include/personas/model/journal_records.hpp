// The closed list of journal record types, and their data: ids, facts, sizes, digests, never output
// or secrets. Streams and bridges read them: a type that has landed only gains optional members.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/codec/json.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/trigger.hpp"

namespace personas::record {

// personas, groups, tools, triggers, webhooks (by their description): created, updated, deleted
struct Named {
  std::string id;
  std::string name;
};

struct ExecutionQueued {
  ExecutionId execution_id;
  std::optional<PersonaId> persona_id;
  std::string source;
  std::int64_t priority = 0;
};

// Every change of status, back to `queued` for a retry included.
struct ExecutionStatusChanged {
  ExecutionId execution_id = {};
  std::optional<PersonaId> persona_id = {};
  ExecutionStatus status = ExecutionStatus::kQueued;
  std::int64_t attempt = 0;
  std::optional<std::string> worker_id = {};
  std::optional<std::string> node_id = {};
  std::optional<FailureReason> failure_reason = {};
  std::optional<bool> accomplished = {};
  std::optional<Parked> parked = {};  // it rests without a worker until then
  std::optional<Timestamp> parked_until = {};
};

// A block of output in the table output_blocks, found by (execution, attempt, lastSeq).
struct ExecutionOutput {
  ExecutionId execution_id;
  std::int64_t attempt = 0;
  std::int64_t first_seq = 0;
  std::int64_t last_seq = 0;
  std::string stream;
  std::int64_t bytes = 0;
};

// A turn in the table `turns` is new or has changed; read it there.
struct ExecutionTurn {
  ExecutionId execution_id;
  std::int64_t attempt = 0;
  std::int64_t turn = 0;
};

// The provider refuses this backend's account until then; without `until` it takes work again.
struct ProviderQuota {
  std::string backend;
  std::optional<Timestamp> until;
  std::string reason;
};

struct ExecutionProgress {
  ExecutionId execution_id;
  std::int64_t attempt = 0;
  std::string stage;
  std::string message;
  std::optional<double> percent_estimate;
  std::optional<std::string> active_tool;
  std::optional<std::int64_t> tool_calls_completed;
};

// message.created, message.updated, memory.created, memory.updated, memory.deleted
struct SignalRecord {
  std::string id;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
};

struct EventPublished {
  EventId event_id;
  std::string event_type;
  std::string source_type;
  std::optional<PersonaId> target_persona_id;
  InstanceId origin;
};

// What became of an event after it was published: tried again, replayed, its window ended.
struct EventUpdated {
  EventId event_id;
  std::string event_type;
  std::string status;
  std::optional<std::string> error_message;
  std::int64_t retry_count = 0;
};

struct ReviewRecord {
  ReviewId review_id;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  std::string title;
  std::string severity;
  std::string status;
};

// A draft of a persona has been read, applied, or is being written.
struct DraftUpdated {
  DraftId draft_id;
  ExecutionId execution_id;
  std::optional<PersonaId> persona_id;
  std::string status;
};

// A test run has begun, or one of its results has changed.
struct TestUpdated {
  TestRunId test_run_id;
  PersonaId persona_id;
  std::string status;
  std::string scenario;  // empty: the run as a whole
  std::string verdict;
  std::optional<ExecutionId> execution_id;
};

// A credential or a provider's token ends soon, or has ended: once for each term of notice.
struct CredentialExpiring {
  std::string kind;  // credential, provider_token
  std::string id;    // of a token: its provider
  std::string name;
  Timestamp expires_at;
  bool assumed = false;  // nobody said so; such tokens live so long
  bool ended = false;
};

inline constexpr std::string_view kPersonaCreated = "persona.created";
inline constexpr std::string_view kPersonaUpdated = "persona.updated";
inline constexpr std::string_view kPersonaDeleted = "persona.deleted";
inline constexpr std::string_view kToolCreated = "tool.created";
inline constexpr std::string_view kToolUpdated = "tool.updated";
inline constexpr std::string_view kToolDeleted = "tool.deleted";
inline constexpr std::string_view kGroupCreated = "group.created";
inline constexpr std::string_view kGroupUpdated = "group.updated";
inline constexpr std::string_view kGroupDeleted = "group.deleted";
inline constexpr std::string_view kExecutionQueued = "execution.queued";
inline constexpr std::string_view kExecutionStatus = "execution.status";
inline constexpr std::string_view kExecutionOutput = "execution.output";
inline constexpr std::string_view kExecutionProgress = "execution.progress";
inline constexpr std::string_view kExecutionTurn = "execution.turn";
inline constexpr std::string_view kProviderQuota = "provider.quota";
inline constexpr std::string_view kCredentialCreated = "credential.created";
inline constexpr std::string_view kCredentialUpdated = "credential.updated";
inline constexpr std::string_view kCredentialDeleted = "credential.deleted";
inline constexpr std::string_view kCredentialExpiring = "credential.expiring";
inline constexpr std::string_view kMessageCreated = "message.created";
inline constexpr std::string_view kMessageUpdated = "message.updated";
inline constexpr std::string_view kMemoryCreated = "memory.created";
inline constexpr std::string_view kMemoryUpdated = "memory.updated";
inline constexpr std::string_view kMemoryDeleted = "memory.deleted";
inline constexpr std::string_view kEventPublished = "event.published";
inline constexpr std::string_view kEventUpdated = "event.updated";
inline constexpr std::string_view kSubscriptionCreated = "subscription.created";
inline constexpr std::string_view kSubscriptionUpdated = "subscription.updated";
inline constexpr std::string_view kSubscriptionDeleted = "subscription.deleted";
inline constexpr std::string_view kReviewRequested = "review.requested";
inline constexpr std::string_view kReviewAnswered = "review.answered";
inline constexpr std::string_view kReviewExpired = "review.expired";
inline constexpr std::string_view kDraftUpdated = "draft.updated";
inline constexpr std::string_view kTestUpdated = "test.updated";
inline constexpr std::string_view kTriggerCreated = "trigger.created";
inline constexpr std::string_view kTriggerUpdated = "trigger.updated";
inline constexpr std::string_view kTriggerDeleted = "trigger.deleted";
inline constexpr std::string_view kTriggerFired = "trigger.fired";
inline constexpr std::string_view kWebhookCreated = "webhook.created";
inline constexpr std::string_view kWebhookUpdated = "webhook.updated";
inline constexpr std::string_view kWebhookDeleted = "webhook.deleted";

}  // namespace personas::record

#include "personas/model/journal_records_described.hpp"
