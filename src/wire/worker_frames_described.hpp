// The frames a worker sends.
// Included by frames_described.hpp only.
#pragma once

#include "frames_described.hpp"

namespace personas::codec {

template <>
struct Described<wire::RunState> {
  static constexpr std::string_view name = "WireRunState";
  static constexpr std::array values{value("running", wire::RunState::kRunning),
                                     value("finished", wire::RunState::kFinished)};
};

template <>
struct Described<wire::Hello> {
  static constexpr std::string_view name = "WireHello";
  static constexpr auto fields = std::tuple{
      field("workerId", &wire::Hello::worker_id).required().length(1, wire::limits::kName),
      field("capabilities", &wire::Hello::capabilities).length(0, wire::limits::kEntries),
      field("version", &wire::Hello::version).length(1, wire::limits::kName),
      field("token", &wire::Hello::token).length(0, wire::limits::kText),
      field("instanceId", &wire::Hello::instance_id).length(1, wire::limits::kName),
      field("sessionToken", &wire::Hello::session_token).length(0, wire::limits::kText),
      field("slots", &wire::Hello::slots).range(0, wire::kMaxSeq),
      field("labels", &wire::Hello::labels).length(0, wire::limits::kEntries),
      field("agentVersions", &wire::Hello::agent_versions).length(0, wire::limits::kEntries),
      field("sandbox", &wire::Hello::sandbox).length(0, wire::limits::kName),
      field("signedFrames", &wire::Hello::signed_frames)};
};

template <>
struct Described<wire::ActiveRun> {
  static constexpr std::string_view name = "WireActiveRun";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::ActiveRun::execution_id),
                 field("attempt", &wire::ActiveRun::attempt).required().range(1, wire::kMaxSeq),
                 field("lastSeq", &wire::ActiveRun::last_seq).required().range(0, wire::kMaxSeq),
                 field("state", &wire::ActiveRun::state).required()};
};

template <>
struct Described<wire::ActiveExecutions> {
  static constexpr std::string_view name = "WireActiveExecutions";
  static constexpr auto fields =
      std::tuple{field("executionIds", &wire::ActiveExecutions::execution_ids)
                     .length(0, wire::kMaxRunsPerWorker),
                 field("runs", &wire::ActiveExecutions::runs).length(0, wire::kMaxRunsPerWorker)};
};

template <>
struct Described<wire::Ready> {
  static constexpr std::string_view name = "WireReady";
  static constexpr auto fields =
      std::tuple{field("availableSlots", &wire::Ready::available_slots).range(0, wire::kMaxSeq),
                 field("maxSlots", &wire::Ready::max_slots).range(0, wire::kMaxSeq)};
};

// stdout and stderr
template <>
struct Described<wire::OutputChunk> {
  static constexpr std::string_view name = "WireOutputChunk";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::OutputChunk::execution_id),
                 field("chunk", &wire::OutputChunk::chunk).required(),
                 attempt_field(&wire::OutputChunk::attempt), seq_field(&wire::OutputChunk::seq),
                 field("timestamp", &wire::OutputChunk::timestamp)};
};

template <>
struct Described<wire::AgentEvent> {
  static constexpr std::string_view name = "WireAgentEvent";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::AgentEvent::execution_id),
                 field("event", &wire::AgentEvent::event),
                 field("eventType", &wire::AgentEvent::event_type).length(1, wire::limits::kName),
                 field("payload", &wire::AgentEvent::payload),
                 attempt_field(&wire::AgentEvent::attempt),
                 seq_field(&wire::AgentEvent::seq)};
};

template <>
struct Described<wire::Progress> {
  static constexpr std::string_view name = "WireProgress";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::Progress::execution_id),
                 field("stage", &wire::Progress::stage).length(0, wire::limits::kName),
                 field("message", &wire::Progress::message).length(0, wire::limits::kText),
                 attempt_field(&wire::Progress::attempt),
                 seq_field(&wire::Progress::seq),
                 field("percentEstimate", &wire::Progress::percent_estimate),
                 field("activeTool", &wire::Progress::active_tool).length(0, wire::limits::kText),
                 field("toolCallsCompleted", &wire::Progress::tool_calls_completed),
                 field("timestamp", &wire::Progress::timestamp)};
};

template <>
struct Described<wire::ReviewRequest> {
  static constexpr std::string_view name = "WireReviewRequest";
  static constexpr auto fields = std::tuple{
      id_field("executionId", &wire::ReviewRequest::execution_id),
      id_field("reviewId", &wire::ReviewRequest::review_id),
      field("payload", &wire::ReviewRequest::payload), attempt_field(&wire::ReviewRequest::attempt),
      seq_field(&wire::ReviewRequest::seq)};
};

template <>
struct Described<wire::Complete> {
  static constexpr std::string_view name = "WireComplete";
  static constexpr auto fields = std::tuple{
      id_field("executionId", &wire::Complete::execution_id),
      field("status", &wire::Complete::status).required().length(1, wire::limits::kName),
      attempt_field(&wire::Complete::attempt),
      seq_field(&wire::Complete::seq),
      field("meta", &wire::Complete::meta),
      field("exitCode", &wire::Complete::exit_code),
      field("durationMs", &wire::Complete::duration_ms),
      field("sessionId", &wire::Complete::session_id).length(0, wire::limits::kText),
      field("totalCostUsd", &wire::Complete::total_cost_usd),
      field("usage", &wire::Complete::usage),
      field("phaseTimings", &wire::Complete::phase_timings),
      field("failureReason", &wire::Complete::failure_reason).length(0, wire::limits::kName),
      field("errorMessage", &wire::Complete::error_message),
      field("models", &wire::Complete::models),
      field("turns", &wire::Complete::turns).range(0, wire::kMaxSeq),
      field("model", &wire::Complete::model).length(0, wire::limits::kText),
      field("quotaResetsAt", &wire::Complete::quota_resets_at)};
};

template <>
struct Described<wire::AgentTurn> {
  static constexpr std::string_view name = "WireTurn";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::AgentTurn::execution_id),
                 attempt_field(&wire::AgentTurn::attempt), seq_field(&wire::AgentTurn::seq),
                 field("turn", &wire::AgentTurn::turn).required()};
};

template <>
struct Described<wire::SessionBytes> {
  static constexpr std::string_view name = "WireSession";
  static constexpr auto fields = std::tuple{
      id_field("executionId", &wire::SessionBytes::execution_id),
      attempt_field(&wire::SessionBytes::attempt),
      seq_field(&wire::SessionBytes::seq),
      field("path", &wire::SessionBytes::path).required().length(1, wire::kMaxSessionPath),
      field("offset", &wire::SessionBytes::offset).required().range(0, wire::kMaxSeq),
      field("data", &wire::SessionBytes::data).required(),
      field("sessionId", &wire::SessionBytes::session_id).length(0, wire::limits::kText)};
};

template <>
struct Described<wire::Busy> {
  static constexpr std::string_view name = "WireBusy";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::Busy::execution_id),
                 field("reason", &wire::Busy::reason).length(0, wire::limits::kText),
                 attempt_field(&wire::Busy::attempt)};
};

}  // namespace personas::codec
