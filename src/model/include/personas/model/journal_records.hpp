// The closed list of journal record types, and the data each carries: ids and facts, sizes and
// digests, never output or secrets. They are what SSE streams show and what every bridge reads, so
// a record type that has landed only ever gains optional members.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/codec/json.hpp"
#include "personas/model/execution.hpp"

namespace personas::record {

// personas, groups, tools, webhooks (by their description): created, updated, deleted
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

// One row per type: its name on the wire and the struct of its data (for the API's documentation).
struct RecordType {
  std::string_view name;
  const codec::TypeInfo& (*data)();
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
inline constexpr std::string_view kMessageCreated = "message.created";
inline constexpr std::string_view kMessageUpdated = "message.updated";
inline constexpr std::string_view kMemoryCreated = "memory.created";
inline constexpr std::string_view kMemoryUpdated = "memory.updated";
inline constexpr std::string_view kMemoryDeleted = "memory.deleted";
inline constexpr std::string_view kEventPublished = "event.published";
inline constexpr std::string_view kReviewRequested = "review.requested";
inline constexpr std::string_view kReviewAnswered = "review.answered";
inline constexpr std::string_view kReviewExpired = "review.expired";
inline constexpr std::string_view kDraftUpdated = "draft.updated";
inline constexpr std::string_view kTestUpdated = "test.updated";
inline constexpr std::string_view kWebhookCreated = "webhook.created";
inline constexpr std::string_view kWebhookUpdated = "webhook.updated";
inline constexpr std::string_view kWebhookDeleted = "webhook.deleted";

inline constexpr std::array kRecordTypes{
    RecordType{kPersonaCreated, &codec::type_info<Named>},
    RecordType{kPersonaUpdated, &codec::type_info<Named>},
    RecordType{kPersonaDeleted, &codec::type_info<Named>},
    RecordType{kToolCreated, &codec::type_info<Named>},
    RecordType{kToolUpdated, &codec::type_info<Named>},
    RecordType{kToolDeleted, &codec::type_info<Named>},
    RecordType{kGroupCreated, &codec::type_info<Named>},
    RecordType{kGroupUpdated, &codec::type_info<Named>},
    RecordType{kGroupDeleted, &codec::type_info<Named>},
    RecordType{kExecutionQueued, &codec::type_info<ExecutionQueued>},
    RecordType{kExecutionStatus, &codec::type_info<ExecutionStatusChanged>},
    RecordType{kExecutionOutput, &codec::type_info<ExecutionOutput>},
    RecordType{kExecutionProgress, &codec::type_info<ExecutionProgress>},
    RecordType{kExecutionTurn, &codec::type_info<ExecutionTurn>},
    RecordType{kProviderQuota, &codec::type_info<ProviderQuota>},
    RecordType{kCredentialCreated, &codec::type_info<Named>},
    RecordType{kCredentialUpdated, &codec::type_info<Named>},
    RecordType{kCredentialDeleted, &codec::type_info<Named>},
    RecordType{kMessageCreated, &codec::type_info<SignalRecord>},
    RecordType{kMessageUpdated, &codec::type_info<SignalRecord>},
    RecordType{kMemoryCreated, &codec::type_info<SignalRecord>},
    RecordType{kMemoryUpdated, &codec::type_info<SignalRecord>},
    RecordType{kMemoryDeleted, &codec::type_info<SignalRecord>},
    RecordType{kEventPublished, &codec::type_info<EventPublished>},
    RecordType{kReviewRequested, &codec::type_info<ReviewRecord>},
    RecordType{kReviewAnswered, &codec::type_info<ReviewRecord>},
    RecordType{kReviewExpired, &codec::type_info<ReviewRecord>},
    RecordType{kDraftUpdated, &codec::type_info<DraftUpdated>},
    RecordType{kTestUpdated, &codec::type_info<TestUpdated>},
    RecordType{kWebhookCreated, &codec::type_info<Named>},
    RecordType{kWebhookUpdated, &codec::type_info<Named>},
    RecordType{kWebhookDeleted, &codec::type_info<Named>},
};

}  // namespace personas::record

#include "personas/model/journal_records_described.hpp"
