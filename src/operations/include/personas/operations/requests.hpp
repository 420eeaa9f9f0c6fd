// Query parameters, bodies and answers of operations that are not values of the model.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/signals.hpp"
#include "personas/operations/credential_requests.hpp"
#include "personas/operations/provider_reports.hpp"
#include "personas/operations/signal_reports.hpp"

namespace personas::operations {

inline constexpr std::int64_t kDefaultPage = 50;
inline constexpr std::int64_t kMaxPage = 500;  // bounds the memory of one answer

// ---- query parameters ----

struct PageQuery {
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct ExecutionsQuery {
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionStatus> status;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct PersonaExecutionsQuery {
  std::optional<ExecutionStatus> status;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct EventsQuery {
  std::optional<std::string> event_type;
  std::optional<std::string> source_id;
  std::optional<Timestamp> since;
  std::optional<Timestamp> until;
  std::optional<EventStatus> status;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct MessagesQuery {
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
  bool unread = false;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

enum class OutputWanted : std::uint8_t { kTail, kFull, kNone };
struct ExecutionQuery {
  OutputWanted output = OutputWanted::kTail;
};

struct ExecuteQuery {
  std::optional<std::string> wait;  // a duration
};

struct StreamQuery {
  std::optional<std::string> cursor;
};

struct JournalQueryParameters {
  std::optional<std::string> cursor;
  std::optional<std::string> types;
  std::optional<PersonaId> persona_id;
  std::optional<ExecutionId> execution_id;
};

// ---- bodies ----

struct LinkToolBody {
  ToolId tool_id;
};

enum class Decision : std::uint8_t { kApproved, kRejected };
struct RespondBody {
  Decision decision = Decision::kApproved;
  std::string message;
};

// ---- answers ----

struct ToolLink {
  PersonaId persona_id;
  ToolId tool_id;
};

struct ExecuteReply {
  ExecutionId execution_id;
  ExecutionStatus status = ExecutionStatus::kQueued;
};

struct Dependency {
  std::string status;  // ok, failed
  std::string detail;
};

struct HealthReport {
  std::string status;  // ok, failed
  std::string version;
  std::map<std::string, Dependency> dependencies;
};

struct WorkerReport {
  std::string worker_id;
  std::string state;
  std::string kind;
  std::string version;
  std::int64_t slots = 0;
  std::int64_t used_slots = 0;
  std::vector<std::string> capabilities;
  std::map<std::string, std::string> labels;
  std::string sandbox;
  std::vector<std::string> executions;
  Timestamp connected_at;
  std::map<std::string, std::string> agent_versions;
};

struct QueueReport {
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t finished_since_start = 0;
  std::int64_t parked = 0;
};

struct StoreReport {
  std::string engine;
  std::int64_t commits = 0;
  std::int64_t operations = 0;
  std::int64_t queued = 0;
  std::int64_t last_commit_micros = 0;
  std::int64_t file_bytes = 0;
  std::int64_t wal_bytes = 0;
};

struct ComponentReport {
  std::string state;
};

struct StatusReport {
  std::string status;
  std::string version;
  std::int64_t uptime_ms = 0;
  std::string instance;
  std::string node;
  std::vector<WorkerReport> workers;
  QueueReport queue;
  BusReport bus;
  SchedulerReport scheduler;
  DeliveriesReport webhooks;
  ComponentReport vault;
  TokenState token;  // of claude
  std::map<std::string, TokenState> tokens;
  std::vector<ProviderReport> provider;
  StoreReport store;
};

// An error as the API shows it (RFC 9457), with the `error` string of the first generation.
struct ProblemField {
  std::string path;   // JSON pointer, or "query.limit", "header.Idempotency-Key"
  std::string field;  // the same with dots: "retry.maxAttempts"
  std::string message;
};
struct Problem {
  std::string type;
  std::string title;
  std::int64_t status = 0;
  std::string detail;
  std::string error;
  std::string code;
  std::vector<ProblemField> fields;
  std::string request_id;
};

}  // namespace personas::operations
