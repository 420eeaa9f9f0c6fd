// Every type of journal record and the struct of its data, for what derives from the whole list.
#pragma once

#include <array>
#include <string_view>

#include "personas/codec/type_info.hpp"
#include "personas/model/journal_records.hpp"

namespace personas::record {

// One row per type: its name on the wire and the struct of its data (for the API's documentation).
struct RecordType {
  std::string_view name;
  const codec::TypeInfo& (*data)();
};

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
    RecordType{kCredentialExpiring, &codec::type_info<CredentialExpiring>},
    RecordType{kMessageCreated, &codec::type_info<SignalRecord>},
    RecordType{kMessageUpdated, &codec::type_info<SignalRecord>},
    RecordType{kMemoryCreated, &codec::type_info<SignalRecord>},
    RecordType{kMemoryUpdated, &codec::type_info<SignalRecord>},
    RecordType{kMemoryDeleted, &codec::type_info<SignalRecord>},
    RecordType{kEventPublished, &codec::type_info<EventPublished>},
    RecordType{kEventUpdated, &codec::type_info<EventUpdated>},
    RecordType{kSubscriptionCreated, &codec::type_info<Named>},
    RecordType{kSubscriptionUpdated, &codec::type_info<Named>},
    RecordType{kSubscriptionDeleted, &codec::type_info<Named>},
    RecordType{kReviewRequested, &codec::type_info<ReviewRecord>},
    RecordType{kReviewAnswered, &codec::type_info<ReviewRecord>},
    RecordType{kReviewExpired, &codec::type_info<ReviewRecord>},
    RecordType{kDraftUpdated, &codec::type_info<DraftUpdated>},
    RecordType{kTestUpdated, &codec::type_info<TestUpdated>},
    RecordType{kTriggerCreated, &codec::type_info<Named>},
    RecordType{kTriggerUpdated, &codec::type_info<Named>},
    RecordType{kTriggerDeleted, &codec::type_info<Named>},
    RecordType{kTriggerFired, &codec::type_info<TriggerFired>},
    RecordType{kWebhookCreated, &codec::type_info<Named>},
    RecordType{kWebhookUpdated, &codec::type_info<Named>},
    RecordType{kWebhookDeleted, &codec::type_info<Named>},
};

}  // namespace personas::record
