// What goes into a WorkerSession and what comes out of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/sandbox/sandbox.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"
#include "personas/worker_agent/spool.hpp"

namespace personas::worker_agent {

inline constexpr Duration kMinBackOff = milliseconds(250);
inline constexpr Duration kMaxBackOff = seconds(15);  // below the lease: short outages cost no run
inline constexpr std::size_t kMaxSlots = 64;          // agents are heavy; bounds the spools too
inline constexpr std::size_t kMaxEndedRuns = 4096;    // remembered against a repeated assign
inline constexpr std::size_t kMaxHeartbeatsInFlight = 16;
inline constexpr std::size_t kMaxAnsweredReviews = 256;  // per run, remembered against repetition
inline constexpr Duration kDefaultGrace = seconds(30);   // of a shutdown frame that names none
// After the last run ended, how long stop() waits for its completion to be confirmed.
inline constexpr Duration kFlushTime = seconds(5);

enum class Signing : std::uint8_t { kIfAsked, kAlways };
enum class SendToken : std::uint8_t { kInHeader, kInHello };

struct WorkerOptions {
  std::string worker_id;
  std::string instance_id;  // random per process
  std::string version;
  Secret token;
  SendToken send_token = SendToken::kInHeader;
  Signing signing = Signing::kIfAsked;
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> agent_versions;
  std::optional<std::string> sandbox;
  std::size_t slots = 1;  // at most kMaxSlots
  SpoolLimits spool;
  wire::Timing timing;  // until an ack says otherwise
};

// ---- outputs ------------------------------------------------------------------------------------

enum class KillReason : std::uint8_t {
  kCancelled,
  kLeaseEnded,
  kSuperseded,
  kNotLeased,
  kShutdown,
  kSpoolOverflow,
};

// Bytes of a file of the agent's session.
using sandbox::SessionPiece;

struct Dial {};
struct SendText {
  std::string text;
};
// The driver does not report the end of this connection: it is known.
struct CloseConnection {
  wire::CloseCode code;
  std::string reason;
};
struct StartRun {
  wire::RunKey run;
  wire::Assign assign;
  std::vector<SessionPiece> session;  // put into its HOME before it starts
  Instant kill_at;
};
struct RenewLease {
  wire::RunKey run;
  Instant kill_at;
};
struct KillRun {
  wire::RunKey run;
  KillReason reason;
  std::string text;
};
struct PauseReading {
  wire::RunKey run;
};
struct ResumeReading {
  wire::RunKey run;
};
struct ReviewAnswered {
  wire::RunKey run;
  std::string review_id;
  std::string decision;
  std::string message;
};
struct Stopped {};  // no run is left, the connection is closed; nothing more comes

using Output = std::variant<Dial, SendText, CloseConnection, StartRun, RenewLease, KillRun,
                            PauseReading, ResumeReading, ReviewAnswered, Stopped>;

struct SessionCounters {
  std::uint64_t dials = 0;
  std::uint64_t unknown_types = 0;
  std::uint64_t ignored = 0;  // frames for runs not held, repeated assigns, …
  std::uint64_t busy = 0;
  std::uint64_t oversized_events = 0;
  std::uint64_t leases_ended = 0;
};

}  // namespace personas::worker_agent
