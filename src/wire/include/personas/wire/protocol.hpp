// What both ends of the worker protocol agree on beside the frames: run keys, close codes, timing.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string_view>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"

namespace personas::wire {

inline constexpr std::string_view kProtocolVersion = "1";
// A worker with this capability parses the agents' text protocols itself.
inline constexpr std::string_view kProtocolsCapability = "protocols";
// Features the orchestrator announces in its ack: it takes `turn`, `session` frames. The second is
// also the capability of a worker that takes `session_part` frames.
inline constexpr std::string_view kTurnsFeature = "turns";
inline constexpr std::string_view kSessionFeature = "session";
// One session or session_part frame carries at most this much of a file.
inline constexpr std::size_t kMaxSessionPiece = 64 * 1024;
// Of all session files of an execution. What is larger is not kept: the next attempt starts anew.
inline constexpr std::int64_t kMaxSessionBytes = 32 * 1024 * 1024;
inline constexpr std::size_t kMaxSessionFiles = 64;
// Reason of the cancel for a run that is not leased to its worker any more: the worker kills and
// forgets it, and sends nothing of it.
inline constexpr std::string_view kNotLeasedReason = "not_leased";

// One attempt at one execution. The attempt is the fencing token.
struct RunKey {
  ExecutionId execution;
  std::int64_t attempt = 0;
  auto operator<=>(const RunKey&) const = default;
};

enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kPolicyViolation = 1008,  // a malformed frame; the reason says what
  kTooBig = 1009,
  kUnauthorized = 4401,
  kTimedOut = 4408,  // no hello, or no life
  kConflict = 4409,  // a sequence gap, or a workerId that another connection holds
};

struct Timing {
  Duration heartbeat = seconds(4);
  Duration ping = seconds(4);
  Duration dead_after = seconds(11);  // two lost heartbeats, and most of a third
  Duration lease = seconds(18);
  Duration handshake = seconds(10);  // from the socket to hello, and from accept to the run list
};

// The worker's side kills this long before the orchestrator may give the run away: room for the
// kill itself and for clocks that do not run equally fast.
inline constexpr Duration kKillMargin = seconds(2);

static_assert(Timing{}.dead_after > 2 * Timing{}.heartbeat, "one lost heartbeat is not death");
static_assert(Timing{}.lease - kKillMargin > Timing{}.dead_after,
              "a broken connection is noticed while there is time to dial again");

}  // namespace personas::wire

template <>
struct std::hash<personas::wire::RunKey> {
  std::size_t operator()(const personas::wire::RunKey& key) const noexcept {
    return std::hash<personas::ExecutionId>{}(key.execution) * 31 +
           static_cast<std::size_t>(key.attempt);
  }
};
