// What a worker says. Described in frames_described.hpp; the variant is in frames.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"

namespace personas::wire {

struct Hello {
  std::string worker_id;
  std::vector<std::string> capabilities;
  std::optional<std::string> version;  // absent: a seed worker
  std::optional<std::string> token;    // if not in the Authorization header
  std::optional<std::string> instance_id;
  std::optional<std::string> session_token;
  std::optional<std::int64_t> slots;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> agent_versions;
  std::optional<std::string> sandbox;
  std::optional<bool> signed_frames;
};

enum class RunState : std::uint8_t { kRunning, kFinished };

struct ActiveRun {
  std::string execution_id;
  std::int64_t attempt = 0;
  std::int64_t last_seq = 0;
  RunState state = RunState::kRunning;
};

struct ActiveExecutions {
  std::vector<std::string> execution_ids;
  std::optional<std::vector<ActiveRun>> runs;
};

struct Ready {
  std::optional<std::int64_t> available_slots;
  std::optional<std::int64_t> max_slots;
};

// stdout and stderr
struct OutputChunk {
  std::string execution_id;
  std::string chunk;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
  std::optional<codec::RawJson> timestamp;
};

struct AgentEvent {
  std::string execution_id;
  std::optional<codec::RawJson> event;    // the form of the first workers
  std::optional<std::string> event_type;  // a protocol key
  std::optional<codec::RawJson> payload;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
};

struct Progress {
  std::string execution_id;
  std::string stage;
  std::string message;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
  std::optional<double> percent_estimate;
  std::optional<std::string> active_tool;
  std::optional<std::int64_t> tool_calls_completed;
  std::optional<codec::RawJson> timestamp;
};

struct ReviewRequest {
  std::string execution_id;
  std::string review_id;
  std::optional<codec::RawJson> payload;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
};

struct Complete {
  std::string execution_id;
  std::string status;  // completed, failed, cancelled
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
  std::optional<codec::RawJson> meta;
  std::optional<std::int64_t> exit_code;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> session_id;
  std::optional<double> total_cost_usd;
  std::optional<codec::RawJson> usage;
  std::optional<codec::RawJson> phase_timings;
  std::optional<std::string> failure_reason;
  std::optional<std::string> error_message;
  std::optional<codec::RawJson> models;  // a list of model/execution.hpp's ModelUsage
  std::optional<std::int64_t> turns;
  std::optional<std::string> model;
  std::optional<Timestamp> quota_resets_at;  // with provider_quota
};

// A turn of the agent that is new or has changed; it replaces the one of the same number. Only to
// an orchestrator that announced kTurnsFeature.
struct AgentTurn {
  std::string execution_id;
  codec::RawJson turn;  // model/turn.hpp
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
};

// Bytes of a file of the agent's own session, as they are: what was at `offset` and behind it is
// replaced. Only to an orchestrator that announced kSessionFeature.
struct SessionBytes {
  std::string execution_id;
  std::string path;  // below HOME; sandbox/session_files.hpp
  std::int64_t offset = 0;
  std::string data;                       // base64
  std::optional<std::string> session_id;  // by which the backend continues it
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> seq;
};

struct Busy {
  std::string execution_id;
  std::string reason;
  std::optional<std::int64_t> attempt;
};

struct Heartbeat {
  std::optional<codec::RawJson> timestamp;
  std::optional<codec::RawJson> metrics;
};

struct Stdout : OutputChunk {};
struct Stderr : OutputChunk {};

}  // namespace personas::wire
