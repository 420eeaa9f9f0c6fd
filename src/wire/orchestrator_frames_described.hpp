// The frames the orchestrator sends.
// Included by frames_described.hpp only.
#pragma once

#include "frames_described.hpp"

namespace personas::codec {

template <>
struct Described<wire::ResumePoint> {
  static constexpr std::string_view name = "WireResumePoint";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::ResumePoint::execution_id),
                 field("attempt", &wire::ResumePoint::attempt).required().range(1, wire::kMaxSeq),
                 field("seq", &wire::ResumePoint::seq).required().range(0, wire::kMaxSeq)};
};

template <>
struct Described<wire::Ack> {
  static constexpr std::string_view name = "WireAck";
  static constexpr auto fields =
      std::tuple{field("workerId", &wire::Ack::worker_id).required(),
                 field("token", &wire::Ack::token),
                 field("sessionToken", &wire::Ack::session_token),
                 field("protocolVersion", &wire::Ack::protocol_version),
                 field("heartbeatMs", &wire::Ack::heartbeat_ms).range(1, 3'600'000),
                 field("leaseMs", &wire::Ack::lease_ms).range(1, 86'400'000),
                 field("nonce", &wire::Ack::nonce),
                 field("signedFrames", &wire::Ack::signed_frames),
                 field("resumeFrom", &wire::Ack::resume_from).length(0, wire::kMaxRunsPerWorker),
                 field("features", &wire::Ack::features).length(0, wire::limits::kEntries)};
};

template <>
struct Described<wire::AssignConfig> {
  static constexpr std::string_view name = "WireAssignConfig";
  static constexpr auto fields =
      std::tuple{field("timeoutMs", &wire::AssignConfig::timeout_ms),
                 field("idleTimeoutMs", &wire::AssignConfig::idle_timeout_ms),
                 field("maxOutputBytes", &wire::AssignConfig::max_output_bytes),
                 field("networkPolicy", &wire::AssignConfig::network_policy),
                 field("maxBudgetUsd", &wire::AssignConfig::max_budget_usd),
                 field("maxTurns", &wire::AssignConfig::max_turns),
                 field("model", &wire::AssignConfig::model),
                 field("backend", &wire::AssignConfig::backend),
                 field("sandbox", &wire::AssignConfig::sandbox)};
};

template <>
struct Described<wire::Assign> {
  static constexpr std::string_view name = "WireAssign";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::Assign::execution_id),
                 field("prompt", &wire::Assign::prompt).required(),
                 field("env", &wire::Assign::env),
                 field("config", &wire::Assign::config),
                 field("personaId", &wire::Assign::persona_id),
                 attempt_field(&wire::Assign::attempt),
                 field("leaseMs", &wire::Assign::lease_ms).range(1, 86'400'000),
                 field("permissionPolicy", &wire::Assign::permission_policy),
                 field("secrets", &wire::Assign::secrets),
                 field("resumeSessionId", &wire::Assign::resume_session_id),
                 field("workspace", &wire::Assign::workspace),
                 field("sessionParts", &wire::Assign::session_parts).range(0, wire::kMaxSeq)};
};

template <>
struct Described<wire::SessionPart> {
  static constexpr std::string_view name = "WireSessionPart";
  static constexpr auto fields = std::tuple{
      id_field("executionId", &wire::SessionPart::execution_id),
      field("attempt", &wire::SessionPart::attempt).required().range(1, wire::kMaxSeq),
      field("path", &wire::SessionPart::path).required().length(1, wire::kMaxSessionPath),
      field("offset", &wire::SessionPart::offset).required().range(0, wire::kMaxSeq),
      field("data", &wire::SessionPart::data).required()};
};

template <>
struct Described<wire::Received> {
  static constexpr std::string_view name = "WireReceived";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::Received::execution_id),
                 field("attempt", &wire::Received::attempt).required().range(1, wire::kMaxSeq),
                 field("seq", &wire::Received::seq).required().range(0, wire::kMaxSeq),
                 field("final", &wire::Received::final_)};
};

template <>
struct Described<wire::Cancel> {
  static constexpr std::string_view name = "WireCancel";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::Cancel::execution_id),
                 attempt_field(&wire::Cancel::attempt), field("reason", &wire::Cancel::reason)};
};

template <>
struct Described<wire::ReviewResponse> {
  static constexpr std::string_view name = "WireReviewResponse";
  static constexpr auto fields =
      std::tuple{id_field("executionId", &wire::ReviewResponse::execution_id),
                 id_field("reviewId", &wire::ReviewResponse::review_id),
                 field("decision", &wire::ReviewResponse::decision).required(),
                 field("message", &wire::ReviewResponse::message),
                 attempt_field(&wire::ReviewResponse::attempt)};
};

template <>
struct Described<wire::Shutdown> {
  static constexpr std::string_view name = "WireShutdown";
  static constexpr auto fields =
      std::tuple{field("reason", &wire::Shutdown::reason),
                 field("gracePeriodMs", &wire::Shutdown::grace_period_ms).range(0, 86'400'000)};
};

}  // namespace personas::codec
