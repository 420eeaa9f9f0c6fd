// The frames of the worker protocol `dac-wire` as values: JSON text over WebSocket.
//
// The JSON names and limits of the fields are in frames_described.hpp, beside the sources. Unknown
// types become Unknown, unknown fields are skipped; absent optionals are left out when written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "personas/base/error.hpp"
#include "personas/wire/orchestrator_frames.hpp"
#include "personas/wire/worker_frames.hpp"

namespace personas::wire {

inline constexpr std::size_t kMaxFrameBytes = 8 * 1024 * 1024;  // an assign carries the prompt
// Above what codec::parse_json takes by itself, so that a payload that was parsed once (depth 64)
// is never refused inside a frame.
inline constexpr std::size_t kMaxFrameDepth = 80;
// Runs one worker may hold; also the longest list in active_executions and resumeFrom.
inline constexpr std::size_t kMaxRunsPerWorker = 256;
// Integers that every JSON implementation carries exactly.
inline constexpr std::int64_t kMaxSeq = (std::int64_t{1} << 53) - 1;
inline constexpr std::size_t kMaxSessionPath = 512;

// A type this version does not know: ignored and counted.
struct Unknown {
  std::string type;
};

using WorkerFrame =
    std::variant<Hello, ActiveExecutions, Ready, Stdout, Stderr, AgentEvent, Progress,
                 ReviewRequest, AgentTurn, SessionBytes, Complete, Busy, Heartbeat, Unknown>;
using OrchestratorFrame = std::variant<Ack, SessionPart, Assign, Received, Cancel, ReviewResponse,
                                       Shutdown, Heartbeat, Unknown>;

// Refuses what is not a JSON object with a string `type`, or whose known fields have wrong types.
Result<WorkerFrame> parse_worker_frame(std::string_view text);
Result<OrchestratorFrame> parse_orchestrator_frame(std::string_view text);
std::string to_text(const WorkerFrame& frame);
std::string to_text(const OrchestratorFrame& frame);

}  // namespace personas::wire
