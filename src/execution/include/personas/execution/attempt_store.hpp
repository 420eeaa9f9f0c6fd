// The transactions of a running attempt: append, finish, give back (claim.hpp begins one). Each is
// conditional on (execution, attempt), the fencing token: what comes from a stale attempt changes
// no row and is told so (docs/decisions/0005-dispatch.md). How an end becomes the next leg of the
// same conversation: docs/decisions/0013-legs-and-parking.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "personas/base/bytes.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/dispatcher.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/execution/gate_store.hpp"
#include "personas/model/effects.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/turn.hpp"
#include "personas/store/event_sink.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// Wall limit of a run that names none: that of a persona with default settings.
inline constexpr std::int64_t kDefaultTimeoutMs = 300'000;
// What the agent may write when nothing else is said; a flood ends with `output_limit`.
inline constexpr std::int64_t kDefaultMaxOutputBytes = 64 * 1024 * 1024;
// Workers count the agent's bytes, we count masked text and stderr too: ours is the looser limit,
// against workers that keep none.
inline constexpr std::int64_t kMaxOutputAccepted = 1'100 * 1024 * 1024;
AttemptLimits limits_of(const ExecutionConfig& config);

// How often one execution may wait for an answer or for its provider, or go on for an answer that
// came while it ran. More is an agent that asks in circles; it fails with parked_too_often.
inline constexpr std::int64_t kMaxParks = 100;

// ---- append ------------------------------------------------------------------------------------

// One frame of a run, decoded, masked and parsed: what it adds.
struct FrameEntry {
  std::int64_t seq = 0;
  struct Text {
    std::string stream;  // stdout, stderr
    std::string text;
  };
  struct Progress {
    std::string stage;
    std::string message;
    std::optional<double> percent_estimate;
    std::optional<std::string> active_tool;
    std::optional<std::int64_t> tool_calls_completed;
  };
  // A piece of the agent's own session, to go on with it elsewhere: bytes of a file in its HOME.
  struct SessionPart {
    std::string path;         // below the backend's session root
    std::int64_t offset = 0;  // where `data` goes; what was from there on is replaced
    std::string data;         // as it is, until it is sealed
    std::optional<std::string> session_id;
    // Once it is sealed (session_store.hpp).
    std::int64_t size = 0;
    Bytes nonce;
    Bytes ciphertext;
  };
  std::optional<Text> text;
  std::optional<Progress> progress;
  std::optional<Turn> turn;
  std::optional<SessionPart> session;
  std::vector<Effect> effects;
};

// How an attempt ended, as its worker or the dispatcher says.
struct AttemptEnd {
  ExecutionStatus status = ExecutionStatus::kFailed;
  std::optional<FailureReason> reason;
  std::string message;
  std::optional<std::int64_t> exit_code;
  std::optional<std::string> session_id;
  std::optional<double> cost_usd;
  std::optional<Usage> usage;
  std::vector<ModelUsage> models;  // the same by model, where the backend tells
  std::int64_t turns = 0;
  std::optional<std::string> model;
  std::optional<std::string> isolation;
  // Nothing was heard of it for so long before it was given up: that is back-off already.
  Duration silence{};
  // With provider_quota: when the provider's limit resets, if it said.
  std::optional<Timestamp> quota_resets_at;
};

struct AppendRequest {
  TenantId tenant;
  ExecutionId id;
  PersonaId persona;
  std::int64_t attempt = 0;
  std::string backend;  // that the attempt runs with
  // The account whose gate was closed before, if an end that is good shall prove it open again.
  std::string proves_gate;
  std::int64_t expected_seq = 0;   // last committed before this batch
  std::vector<FrameEntry> frames;  // in order, seq not falling
  std::optional<AttemptEnd> end;
  std::int64_t end_seq = 0;
  InstanceId origin;
  Timestamp now;
  std::uint64_t jitter = 0;  // drawn outside, so that a replay repeats it
  store::EventSink* events = nullptr;  // where its events go; needed if there are any
};

struct AppendOutcome {
  // False: the attempt is not the live one any more (fenced), or `expected_seq` does not match.
  bool accepted = false;
  // With an end: the status that was committed. kQueued means that it goes on or is tried again,
  // kRunning that it is parked.
  std::optional<ExecutionStatus> status = {};
  std::optional<QueuedExecution> retry = {};
  std::optional<Gate> gate = {};                // as the provider's refusal left it
  std::optional<Timestamp> review_expiry = {};  // of new questions, the first
  store::AfterCommit after = {};                // what its events ask for
};

Result<AppendOutcome> append(store::Transaction& tx, const AppendRequest& request);

// The worker refused it: back to the queue, not counted as an attempt. False: fenced.
Result<std::optional<QueuedExecution>> give_back(store::Transaction& tx, const TenantId& tenant,
                                                 const ExecutionId& id, std::int64_t attempt,
                                                 Timestamp now);

// The agent's own session, as soon as its id is known; it can be continued by the same backend.
Result<void> remember_session(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                              std::string_view session_id, std::string_view backend);

// Everything the attempt wrote to standard output so far.
Result<std::string> load_stdout(store::Transaction& tx, const TenantId& tenant,
                                const ExecutionId& id, std::int64_t attempt);

// ---- the window and the start ------------------------------------------------------------------

struct Window {
  std::vector<QueuedExecution> entries;
  bool more = false;
  std::optional<Timestamp> next_not_before;
};
Result<Window> load_window(store::Transaction& tx, const LaneKey& lane, Timestamp now);

struct QueuedLane {
  LaneKey lane;
  std::int64_t queued = 0;
  std::int64_t limit = 0;
};
Result<std::vector<QueuedLane>> queued_lanes(store::Transaction& tx);

struct RunningExecution {
  QueuedExecution entry;
  std::int64_t attempt = 0;
  std::int64_t last_seq = 0;
  WorkerId worker;
  std::string worker_instance;
  AttemptLimits limits;
  Timestamp started;
  bool cancel_requested = false;
  std::vector<CredentialId> credential_ids;
};
Result<std::vector<RunningExecution>> running_executions(store::Transaction& tx);

}  // namespace personas::execution
