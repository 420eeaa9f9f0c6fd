// The SQL of executions: what other modules may ask within their own transaction. Re-runnable, no
// effects outside the transaction. After the commit the caller tells the ExecutionService.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// Executions of the tenant with this key: so many run at the same time, the others wait in order.
struct ConcurrencyKey {
  std::string key;
  std::int64_t limit = 1;
};

// Body of POST /api/execute and of everything else that starts a run.
struct ExecuteRequest {
  std::string prompt;
  std::optional<PersonaId> persona_id;
  std::vector<CredentialId> credential_ids;
  std::optional<ExecutionConfig> config;
  std::optional<std::int64_t> timeout_ms;
  std::optional<codec::RawJson> input_data;
  std::optional<std::int64_t> priority;
  std::optional<TriggerId> trigger_id;
  std::optional<std::string> idempotency_key;      // as the header of that name
  std::optional<EventId> event_id = {};            // that it was started by; not part of a body
  std::optional<ConcurrencyKey> concurrency = {};  // not part of a body
};

// What the dispatcher needs to know of a queued execution. Plain data, small.
struct QueuedExecution {
  TenantId tenant;
  ExecutionId id;
  PersonaId persona;  // empty: runs without one
  std::int64_t priority = 0;
  Timestamp queued_at;
  Timestamp not_before;
  std::int64_t attempt = 0;         // attempts made so far
  std::int64_t max_concurrent = 0;  // of the persona; 0: no limit
  std::string backend;
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> labels;
  // The provider's account it works with: the backend, or backend:model for a fallback to another
  // model. Nothing behind a closed gate is claimed.
  std::string gate = {};
  std::optional<Parked> parked = {};
  std::optional<ConcurrencyKey> concurrency = {};
};

struct Enqueued {
  Execution execution;
  QueuedExecution queued;
};

// kTest: its events go nowhere and its memories are not kept. kDesign: it writes a persona. kPoll:
// it looks for a trigger, and what it prints is nobody's word. kNotification: the command of a
// sink; nobody is told when it fails, or that would not end.
enum class Source : std::uint8_t {
  kApi,
  kEvent,
  kTrigger,
  kAgent,
  kTest,
  kDesign,
  kPoll,
  kNotification
};
// Of an execution whose row has this source nothing goes on: no event, no chain.
constexpr bool is_rehearsal(std::string_view source) {
  return source == "test" || source == "design" || source == "poll" || source == "notification";
}

// Inserts the row and its journal record. kNotFound for an unknown persona, kUnprocessable for a
// disabled one, kUnavailable when the tenant's queue is full.
Result<Enqueued> enqueue(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                         const ExecuteRequest& request, Source source, Timestamp now);

// Marks it cancelled if it is queued, or asks for cancellation if it runs. An execution that is
// already final is left alone (first committed wins) and returned as it is.
struct CancelResult {
  Execution execution;
  // kParked: it was cancelled at once, and no worker has to be told.
  enum class Was : std::uint8_t { kQueued, kRunning, kParked, kFinal } was = Was::kFinal;
};
Result<CancelResult> request_cancel(store::Transaction& tx, const TenantId& tenant,
                                    const ExecutionId& id, const std::string& reason,
                                    Timestamp now);

enum class Output : std::uint8_t { kNone, kTail, kFull };
inline constexpr std::size_t kOutputTailBytes = 64 * 1024;

Result<Execution> load(store::Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                       Output output);

struct ListFilter {
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionStatus> status;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  std::optional<ExecutionId> before;  // page: ids below this one, newest first
  std::int64_t limit = 50;
};
Result<std::vector<Execution>> list(store::Transaction& tx, const TenantId& tenant,
                                    const ListFilter& filter);

// How many hold no worker until an answer or their provider lets them go on.
Result<std::int64_t> count_parked(store::Transaction& tx, const TenantId& tenant);

// Standard output and error of an attempt from a given byte or sequence number on.
struct OutputPiece {
  std::int64_t attempt = 0;
  std::int64_t first_seq = 0;
  std::int64_t last_seq = 0;
  std::string stream;  // stdout, stderr
  std::string text;
};
// The one block that a journal record `execution.output` refers to; nullopt after retention.
Result<std::optional<OutputPiece>> load_output(store::Transaction& tx, const TenantId& tenant,
                                               const ExecutionId& id, std::int64_t attempt,
                                               std::int64_t last_seq);

}  // namespace personas::execution

namespace personas::codec {
template <>
struct Described<execution::ExecuteRequest> {
  using R = execution::ExecuteRequest;
  static constexpr std::string_view name = "ExecuteRequest";
  static constexpr auto fields = std::tuple{
      field("prompt", &R::prompt).required().length(1, 1'000'000).doc("The task"),
      field("personaId", &R::persona_id)
          .doc("Without one the prompt runs as it is, under the tenant's default limits"),
      field("credentialIds", &R::credential_ids).length(0, 100),
      field("config", &R::config),
      field("timeoutMs", &R::timeout_ms).range(1'000, 86'400'000),
      field("inputData", &R::input_data).doc("Any JSON; the agent gets it as data"),
      field("priority", &R::priority).range(-100, 100).doc("Higher runs first within a persona"),
      field("triggerId", &R::trigger_id),
      field("idempotencyKey", &R::idempotency_key).length(1, 200)};
};
}  // namespace personas::codec
