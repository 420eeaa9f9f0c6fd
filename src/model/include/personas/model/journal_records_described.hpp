// Descriptions of journal_records.hpp.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "personas/codec/described.hpp"
#include "personas/model/journal_records.hpp"

namespace personas::codec {

template <>
struct Described<record::Named> {
  static constexpr std::string_view name = "NamedRecord";
  static constexpr auto fields =
      std::tuple{field("id", &record::Named::id), field("name", &record::Named::name)};
};

template <>
struct Described<record::ExecutionQueued> {
  using R = record::ExecutionQueued;
  static constexpr std::string_view name = "ExecutionQueuedRecord";
  static constexpr auto fields =
      std::tuple{field("executionId", &R::execution_id), field("personaId", &R::persona_id),
                 field("source", &R::source), field("priority", &R::priority)};
};

template <>
struct Described<record::ExecutionStatusChanged> {
  using R = record::ExecutionStatusChanged;
  static constexpr std::string_view name = "ExecutionStatusRecord";
  static constexpr auto fields = std::tuple{field("executionId", &R::execution_id),
                                            field("personaId", &R::persona_id),
                                            field("status", &R::status),
                                            field("attempt", &R::attempt),
                                            field("workerId", &R::worker_id),
                                            field("nodeId", &R::node_id),
                                            field("failureReason", &R::failure_reason),
                                            field("accomplished", &R::accomplished),
                                            field("parked", &R::parked),
                                            field("parkedUntil", &R::parked_until)};
};

template <>
struct Described<record::ExecutionTurn> {
  using R = record::ExecutionTurn;
  static constexpr std::string_view name = "ExecutionTurnRecord";
  static constexpr auto fields = std::tuple{field("executionId", &R::execution_id),
                                            field("attempt", &R::attempt), field("turn", &R::turn)};
};

template <>
struct Described<record::ProviderQuota> {
  using R = record::ProviderQuota;
  static constexpr std::string_view name = "ProviderQuotaRecord";
  static constexpr auto fields = std::tuple{field("backend", &R::backend),
                                            field("until", &R::until), field("reason", &R::reason)};
};

template <>
struct Described<record::CredentialExpiring> {
  using R = record::CredentialExpiring;
  static constexpr std::string_view name = "CredentialExpiringRecord";
  static constexpr auto fields =
      std::tuple{field("kind", &R::kind).doc("credential or provider_token"),
                 field("id", &R::id).doc("Of a token: its provider"),
                 field("name", &R::name),
                 field("expiresAt", &R::expires_at),
                 field("assumed", &R::assumed).doc("Nobody said when; such tokens live so long"),
                 field("ended", &R::ended)};
};

template <>
struct Described<record::ExecutionOutput> {
  using R = record::ExecutionOutput;
  static constexpr std::string_view name = "ExecutionOutputRecord";
  static constexpr auto fields = std::tuple{field("executionId", &R::execution_id),
                                            field("attempt", &R::attempt),
                                            field("firstSeq", &R::first_seq),
                                            field("lastSeq", &R::last_seq),
                                            field("stream", &R::stream),
                                            field("bytes", &R::bytes)};
};

template <>
struct Described<record::ExecutionProgress> {
  using R = record::ExecutionProgress;
  static constexpr std::string_view name = "ExecutionProgressRecord";
  static constexpr auto fields = std::tuple{field("executionId", &R::execution_id),
                                            field("attempt", &R::attempt),
                                            field("stage", &R::stage),
                                            field("message", &R::message),
                                            field("percentEstimate", &R::percent_estimate),
                                            field("activeTool", &R::active_tool),
                                            field("toolCallsCompleted", &R::tool_calls_completed)};
};

template <>
struct Described<record::SignalRecord> {
  using R = record::SignalRecord;
  static constexpr std::string_view name = "SignalRecord";
  static constexpr auto fields = std::tuple{field("id", &R::id), field("personaId", &R::persona_id),
                                            field("executionId", &R::execution_id)};
};

template <>
struct Described<record::EventPublished> {
  using R = record::EventPublished;
  static constexpr std::string_view name = "EventPublishedRecord";
  static constexpr auto fields =
      std::tuple{field("eventId", &R::event_id), field("eventType", &R::event_type),
                 field("sourceType", &R::source_type),
                 field("targetPersonaId", &R::target_persona_id), field("origin", &R::origin)};
};

template <>
struct Described<record::EventUpdated> {
  using R = record::EventUpdated;
  static constexpr std::string_view name = "EventUpdatedRecord";
  static constexpr auto fields =
      std::tuple{field("eventId", &R::event_id), field("eventType", &R::event_type),
                 field("status", &R::status), field("errorMessage", &R::error_message),
                 field("retryCount", &R::retry_count)};
};

template <>
struct Described<record::ReviewRecord> {
  using R = record::ReviewRecord;
  static constexpr std::string_view name = "ReviewRecord";
  static constexpr auto fields =
      std::tuple{field("reviewId", &R::review_id),       field("personaId", &R::persona_id),
                 field("executionId", &R::execution_id), field("title", &R::title),
                 field("severity", &R::severity),        field("status", &R::status)};
};

template <>
struct Described<record::DraftUpdated> {
  using R = record::DraftUpdated;
  static constexpr std::string_view name = "DraftUpdatedRecord";
  static constexpr auto fields =
      std::tuple{field("draftId", &R::draft_id), field("executionId", &R::execution_id),
                 field("personaId", &R::persona_id), field("status", &R::status)};
};

template <>
struct Described<record::TriggerFired> {
  using R = record::TriggerFired;
  static constexpr std::string_view name = "TriggerFiredRecord";
  static constexpr auto fields = std::tuple{field("triggerId", &R::trigger_id),
                                            field("personaId", &R::persona_id),
                                            field("slot", &R::slot),
                                            field("kind", &R::kind),
                                            field("status", &R::status),
                                            field("eventId", &R::event_id)};
};

template <>
struct Described<record::TestUpdated> {
  using R = record::TestUpdated;
  static constexpr std::string_view name = "TestUpdatedRecord";
  static constexpr auto fields =
      std::tuple{field("testRunId", &R::test_run_id), field("personaId", &R::persona_id),
                 field("status", &R::status),         field("scenario", &R::scenario),
                 field("verdict", &R::verdict),       field("executionId", &R::execution_id)};
};

}  // namespace personas::codec
