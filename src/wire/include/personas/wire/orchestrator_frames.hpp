// What the orchestrator says. Described in frames_described.hpp; the variant is in frames.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "personas/codec/described.hpp"

namespace personas::wire {

using Environment = std::map<std::string, std::string>;

struct ResumePoint {
  std::string execution_id;
  std::int64_t attempt = 0;
  std::int64_t seq = 0;  // last committed
};

struct Ack {
  std::string worker_id;
  std::string token;
  std::optional<std::string> session_token;
  std::optional<std::string> protocol_version;
  std::optional<std::int64_t> heartbeat_ms;
  std::optional<std::int64_t> lease_ms;
  std::optional<std::string> nonce;
  std::optional<bool> signed_frames;  // every later frame of both sides is signed
  std::optional<std::vector<ResumePoint>> resume_from;
  // Names in protocol.hpp. A worker sends frames of a feature only if it is listed.
  std::optional<std::vector<std::string>> features;
};

struct AssignConfig {
  std::optional<std::int64_t> timeout_ms;
  std::optional<std::int64_t> idle_timeout_ms;
  std::optional<std::int64_t> max_output_bytes;
  std::optional<codec::RawJson> network_policy;
  std::optional<double> max_budget_usd;
  std::optional<std::int64_t> max_turns;
  std::optional<std::string> model;
  std::optional<std::string> backend;
  std::optional<codec::RawJson> sandbox;
};

struct Assign {
  std::string execution_id;
  std::string prompt;
  Environment env;
  AssignConfig config;
  std::optional<std::string> persona_id;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> lease_ms;
  std::optional<codec::RawJson> permission_policy;
  std::optional<std::vector<std::string>> secrets;  // names in env whose values must be masked
  std::optional<std::string> resume_session_id;
  std::optional<codec::RawJson> workspace;
  // How many session_part frames of this attempt came before it on this connection.
  std::optional<std::int64_t> session_parts;
};

// Bytes of a file of the agent's session, put into its HOME before it starts. Only to workers with
// kSessionFeature among their capabilities; the `assign` they belong to follows.
struct SessionPart {
  std::string execution_id;
  std::int64_t attempt = 0;
  std::string path;
  std::int64_t offset = 0;
  std::string data;  // base64
};

struct Received {
  std::string execution_id;
  std::int64_t attempt = 0;
  std::int64_t seq = 0;
  std::optional<bool> final_;
};

struct Cancel {
  std::string execution_id;
  std::optional<std::int64_t> attempt;
  std::optional<std::string> reason;
};

struct ReviewResponse {
  std::string execution_id;
  std::string review_id;
  std::string decision;  // approved, rejected, expired
  std::string message;
  std::optional<std::int64_t> attempt;
};

struct Shutdown {
  std::string reason;
  std::optional<std::int64_t> grace_period_ms;
};

}  // namespace personas::wire
