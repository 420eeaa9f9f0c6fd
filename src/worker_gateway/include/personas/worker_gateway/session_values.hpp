// What goes into a GatewaySession and what comes out of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::worker_gateway {

enum class WorkerKind : std::uint8_t { kSeed, kFull };
enum class Final : std::uint8_t { kNo, kYes };

// What a valid worker token stands for.
struct WorkerGrant {
  std::string token_id;
  std::optional<TenantId> tenant;  // none: the pool all tenants share
};
// Called once per connection, on the hub's strand; must not block.
using TokenVerifier = std::function<std::optional<WorkerGrant>(std::string_view token)>;

enum class Signing : std::uint8_t { kOnRequest, kRequired };
enum class LegacySignatures : std::uint8_t { kRefuse, kAccept };

struct SessionOptions {
  wire::Timing timing;
  Signing signing = Signing::kOnRequest;
  LegacySignatures legacy_signatures = LegacySignatures::kRefuse;
  // Shifts the first ping, so that ten thousand workers that came together do not pong together.
  std::uint64_t ping_phase = 0;
};

// ---- outputs ------------------------------------------------------------------------------------

struct Send {
  std::string text;
};
struct Ping {};
struct Close {
  wire::CloseCode code;
  std::string reason;
};

// The hub answers with accept() or refuse(), now or later.
struct HelloReceived {
  wire::Hello hello;  // without its token
  WorkerKind kind;
  WorkerGrant grant;
};
// Once per connection, full workers only, before the first ReadyReceived. `missing` are leased runs
// the worker does not have: they are lost, and no longer leased here. What is listed but not
// leased has been cancelled. The hub answers with the desired state of each run that is left
// (cancel, review_response).
struct ActiveRuns {
  std::vector<wire::ActiveRun> listed;
  std::vector<wire::RunKey> missing;
};
struct ReadyReceived {
  std::int64_t available_slots;
  std::int64_t max_slots;
};
// Stdout, Stderr, AgentEvent, Progress, ReviewRequest, AgentTurn or SessionBytes.
struct RunFrame {
  wire::RunKey run;
  std::int64_t seq;
  wire::WorkerFrame frame;
};
struct CompleteReceived {
  wire::RunKey run;
  std::int64_t seq;
  wire::Complete complete;
};
// The worker does not run it; no longer leased here.
struct BusyReceived {
  wire::RunKey run;
  std::string reason;
};
struct HeartbeatReceived {
  Instant received_at;
  std::optional<codec::RawJson> metrics;
};

using Output = std::variant<Send, Ping, Close, HelloReceived, ActiveRuns, ReadyReceived, RunFrame,
                            CompleteReceived, BusyReceived, HeartbeatReceived>;

// ---- commands -----------------------------------------------------------------------------------

struct LeasedRun {
  wire::RunKey run;
  std::int64_t committed_seq = 0;  // on disk
  std::int64_t accepted_seq = 0;   // taken from an earlier connection, perhaps not yet on disk
  Final completion = Final::kNo;   // kYes: its completion is on disk
};

struct AckParams {
  std::string session_token;
  std::string nonce;            // fresh random text; the salt of the frame keys
  std::vector<LeasedRun> runs;  // ignored for a seed worker: its runs ended with its socket
};

enum class AssignOutcome : std::uint8_t {
  kSent,
  kNotReady,  // closed, not accepted yet, or a seed worker that has not said ready again
  kFull,      // kMaxRunsPerWorker
};

}  // namespace personas::worker_gateway
