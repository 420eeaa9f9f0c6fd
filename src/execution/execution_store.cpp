#include "personas/execution/execution_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/output_codec.hpp"
#include "personas/execution/session_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

#include "rows.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

const std::string& attempt_columns() {
  static const std::string columns = codec::columns<Attempt>();
  return columns;
}

std::string_view source_name(Source source) {
  switch (source) {
    case Source::kApi:
      return "api";
    case Source::kEvent:
      return "event";
    case Source::kTrigger:
      return "trigger";
    case Source::kAgent:
      return "agent";
    case Source::kTest:
      return "test";
    case Source::kDesign:
      return "design";
    case Source::kPoll:
      return "poll";
    case Source::kNotification:
      return "notification";
  }
  return "api";
}

Result<ExecutionRow> require_row(Transaction& tx, const TenantId& tenant, const ExecutionId& id) {
  TRY(auto row, find_row(tx, tenant, id));
  if (!row) return fail(ErrorCode::kNotFound, "There is no execution '" + id.str() + "'");
  return std::move(*row);
}

Result<void> check_persona(const std::optional<Persona>& persona, const PersonaId& id) {
  if (!persona) {
    return fail(ErrorCode::kNotFound, "There is no persona '" + id.str() + "'",
                {{"/personaId", "is not the id of a persona"}});
  }
  if (!persona->enabled) {
    return fail(ErrorCode::kUnprocessable,
                "Persona '" + persona->name + "' is disabled; enable it to run it");
  }
  return {};
}

struct Legs {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// The last `at_least` bytes of standard output or more, whole blocks, oldest first.
Result<std::string> read_blocks(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                                Legs legs, std::size_t at_least) {
  static const Sql kBlocks(
      "SELECT codec, data, size FROM output_blocks WHERE tenant_id = ? AND execution_id = ? AND "
      "attempt >= ? AND attempt <= ? AND stream = 'stdout' ORDER BY attempt DESC, last_seq DESC");
  std::vector<std::string> blocks;
  std::size_t total = 0;
  TRY_VOID(
      tx.query(kBlocks, {tenant, id, legs.first, legs.last}, [&](const Row& block) -> Result<bool> {
        TRY(auto text, unpack_output(block.text(0), block.bytes(1), block.integer(2)));
        total += text.size();
        blocks.push_back(std::move(text));
        return total < at_least;
      }));
  std::string output;
  output.reserve(total);
  for (auto it = blocks.rbegin(); it != blocks.rend(); ++it) output += *it;
  return output;
}

Result<std::string> read_output(Transaction& tx, const ExecutionRow& row, Output wanted) {
  // One attempt is bounded by its own limit; together they are by ours.
  const std::size_t at_least =
      wanted == Output::kFull ? std::size_t{kMaxOutputAccepted} : kOutputTailBytes;
  TRY(auto output, read_blocks(tx, row.tenant_id, row.id, {row.first_leg, row.attempt}, at_least));
  if (wanted == Output::kTail && output.size() > kOutputTailBytes) {
    std::size_t start = output.size() - kOutputTailBytes;  // at a code point's border
    while (start < output.size() && (static_cast<unsigned char>(output[start]) & 0xC0) == 0x80) {
      ++start;
    }
    output.erase(0, start);
  }
  return output;
}

Result<void> add_attempts(Transaction& tx, const ExecutionRow& row, Execution& execution) {
  static const Sql kAttempts("SELECT " + attempt_columns() +
                             " FROM attempts WHERE tenant_id = ? AND execution_id = ? ORDER BY "
                             "attempt");
  TRY(execution.attempts, tx.list<Attempt>(kAttempts, {row.tenant_id, row.id}));
  if (row.status == ExecutionStatus::kRunning && !row.parked) {
    Attempt live;
    live.attempt = row.attempt;
    if (row.worker_id) live.worker_id = WorkerId(*row.worker_id);
    if (row.node_id) live.node_id = NodeId(*row.node_id);
    live.started_at = row.attempt_started_at.value_or(row.queued_at);
    execution.attempts.push_back(std::move(live));
  }
  return {};
}

}  // namespace

namespace {

std::string what_it_waits_for(const ExecutionRow& row) {
  const std::string until = row.parked_until ? to_rfc3339(*row.parked_until) : "it is over";
  if (row.parked == Parked::kQuota) {
    return fmt::format("provider quota until {} ({})", until,
                       row.parked_gate.value_or(std::string(kDefaultBackend)));
  }
  return fmt::format("review: an answer until {}, else it goes on without (personas ls reviews)",
                     until);
}

}  // namespace

const std::string& row_columns() {
  static const std::string columns = codec::columns<ExecutionRow>();
  return columns;
}

Execution to_execution(ExecutionRow row) {
  Execution e;
  e.id = std::move(row.id);
  if (!row.persona_id.empty()) e.persona_id = PersonaId(std::move(row.persona_id));
  e.status = row.status;
  e.prompt = std::move(row.prompt);
  e.source = std::move(row.source);
  e.credential_ids = std::move(row.credential_ids);
  e.input_data = std::move(row.input_data);
  e.config = std::move(row.config);
  e.priority = row.priority;
  e.trigger_id = std::move(row.trigger_id);
  e.event_id = std::move(row.event_id);
  e.attempt = row.attempt;
  e.queued_at = row.queued_at;
  e.started_at = row.started_at;
  e.completed_at = row.completed_at;
  if (row.started_at && row.completed_at) {
    e.duration_ms = to_millis(*row.completed_at - *row.started_at);
  }
  e.output_bytes = row.output_bytes;
  e.outcome = std::move(row.outcome);
  e.failure_reason = row.failure_reason;
  e.error_message = std::move(row.error_message);
  if (row.failure_reason) e.what_to_do = std::string(info(*row.failure_reason).what_to_do);
  e.usage = row.usage;
  e.cost_usd = row.cost_usd;
  e.session_id = std::move(row.session_id);
  if (row.worker_id) e.worker_id = WorkerId(std::move(*row.worker_id));
  e.created_at = row.created_at;
  if (row.parked) e.waiting_for = what_it_waits_for(row);
  e.parked = row.parked;
  e.parked_until = row.parked_until;
  e.turns = row.turns;
  e.persona_version = row.persona_version;
  return e;
}

Result<Enqueued> enqueue(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                         const ExecuteRequest& request, Source source, Timestamp now) {
  std::optional<Persona> persona;
  if (request.persona_id) {
    TRY(persona, store::find_persona(tx, tenant, *request.persona_id));
    TRY_VOID(check_persona(persona, *request.persona_id));
  }

  ExecutionRow row;
  row.tenant_id = tenant;
  row.id = id;
  if (request.persona_id) row.persona_id = request.persona_id->str();
  row.priority = request.priority.value_or(0);
  row.queued_at = row.not_before = row.created_at = now;
  row.prompt = request.prompt;
  row.source = std::string(source_name(source));
  row.credential_ids = request.credential_ids;
  row.input_data = request.input_data;
  row.config = request.config;
  if (request.timeout_ms) {
    if (!row.config) row.config.emplace();
    row.config->timeout_ms = request.timeout_ms;
  }
  row.trigger_id = request.trigger_id;
  row.event_id = request.event_id;
  if (request.concurrency) {
    row.concurrency_key = request.concurrency->key;
    row.concurrency_limit = request.concurrency->limit;
  }

  static const Sql kInsert("INSERT INTO executions (" + row_columns() + ") VALUES (" +
                           codec::placeholders<ExecutionRow>() + ")");
  TRY_VOID(tx.execute_cells(kInsert, codec::to_cells(row)));
  const record::ExecutionQueued record{id, request.persona_id, row.source, row.priority};
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = now,
                      .type = record::kExecutionQueued,
                      .data = codec::to_json(record),
                      .execution_id = id.str(),
                      .persona_id = row.persona_id}));
  auto queued = to_queued(row, address(persona));
  return Enqueued{to_execution(std::move(row)), std::move(queued)};
}

namespace {

// At once, for good: no worker has it.
Result<void> cancel_row(Transaction& tx, const ExecutionRow& row, const std::string& reason,
                        Timestamp now) {
  static const Sql kCancel(
      "UPDATE executions SET status = 'cancelled', cancel_requested = 1, completed_at = ?, "
      "failure_reason = 'cancelled', error_message = ?, parked = NULL, parked_until = NULL, "
      "parked_gate = NULL WHERE tenant_id = ? AND id = ?");
  TRY_VOID(tx.execute(kCancel, {now, reason, row.tenant_id, row.id}));
  TRY_VOID(drop_session(tx, row.tenant_id, row.id));
  return append_status(tx, row,
                       {.status = ExecutionStatus::kCancelled,
                        .attempt = row.attempt,
                        .failure_reason = FailureReason::kCancelled},
                       now);
}

}  // namespace

Result<CancelResult> request_cancel(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                                    const std::string& reason, Timestamp now) {
  static const Sql kAskRunning(
      "UPDATE executions SET cancel_requested = 1 WHERE tenant_id = ? AND id = ?");
  TRY(const auto row, require_row(tx, tenant, id));
  CancelResult result;
  if (row.status == ExecutionStatus::kQueued) {
    TRY_VOID(cancel_row(tx, row, reason, now));
    result.was = CancelResult::Was::kQueued;
  } else if (row.status == ExecutionStatus::kRunning && row.parked) {
    TRY_VOID(cancel_row(tx, row, reason, now));
    result.was = CancelResult::Was::kParked;
  } else if (row.status == ExecutionStatus::kRunning) {
    TRY_VOID(tx.execute(kAskRunning, {tenant, id}));
    result.was = CancelResult::Was::kRunning;
  }
  TRY(result.execution, load(tx, tenant, id, Output::kNone));
  return result;
}

Result<Execution> load(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                       Output output) {
  TRY(auto row, require_row(tx, tenant, id));
  Execution execution = to_execution(row);
  TRY_VOID(add_attempts(tx, row, execution));
  if (output != Output::kNone) {
    TRY(execution.output, read_output(tx, row, output));
  }
  return execution;
}

Result<std::vector<Execution>> list(Transaction& tx, const TenantId& tenant,
                                    const ListFilter& filter) {
  // Ids sort by time, so the page is an id range; an absent bound is a value that lets all pass.
  const std::string before = filter.before ? filter.before->str() : "\x7f";
  const std::int64_t since = filter.since ? filter.since->micros : 0;
  const std::int64_t until = filter.until ? filter.until->micros : INT64_MAX;
  const std::string status = filter.status ? std::string(codec::name_of(*filter.status)) : "";
  static const Sql kAll("SELECT " + row_columns() +
                        " FROM executions WHERE tenant_id = ? AND id < ? AND (? = '' OR status = "
                        "?) AND created_at >= ? AND created_at < ? ORDER BY id DESC LIMIT ?");
  static const Sql kOfPersona(
      "SELECT " + row_columns() +
      " FROM executions WHERE tenant_id = ? AND persona_id = ? AND id < ? AND (? = '' OR status = "
      "?) AND created_at >= ? AND created_at < ? ORDER BY id DESC LIMIT ?");
  Result<std::vector<ExecutionRow>> rows =
      filter.persona_id
          ? tx.list<ExecutionRow>(kOfPersona, {tenant, *filter.persona_id, before, status, status,
                                               since, until, filter.limit})
          : tx.list<ExecutionRow>(kAll,
                                  {tenant, before, status, status, since, until, filter.limit});
  if (!rows) return fail(std::move(rows).error());
  std::vector<Execution> executions;
  executions.reserve(rows->size());
  for (auto& row : *rows) executions.push_back(to_execution(std::move(row)));
  return executions;
}

Result<std::int64_t> count_parked(Transaction& tx, const TenantId& tenant) {
  static const Sql kCount(
      "SELECT COUNT(*) FROM executions WHERE tenant_id = ? AND parked IS NOT NULL");
  std::int64_t count = 0;
  TRY_VOID(tx.query(kCount, {tenant}, [&](const Row& row) -> Result<bool> {
    count = row.integer(0);
    return false;
  }));
  return count;
}

Result<std::optional<OutputPiece>> load_output(Transaction& tx, const TenantId& tenant,
                                               const ExecutionId& id, std::int64_t attempt,
                                               std::int64_t last_seq) {
  static const Sql kBlock(
      "SELECT first_seq, stream, codec, data, size FROM output_blocks WHERE tenant_id = ? AND "
      "execution_id = ? AND attempt = ? AND last_seq = ?");
  std::optional<OutputPiece> piece;
  TRY_VOID(tx.query(kBlock, {tenant, id, attempt, last_seq}, [&](const Row& row) -> Result<bool> {
    TRY(auto text, unpack_output(row.text(2), row.bytes(3), row.integer(4)));
    piece = OutputPiece{.attempt = attempt,
                        .first_seq = row.integer(0),
                        .last_seq = last_seq,
                        .stream = std::string(row.text(1)),
                        .text = std::move(text)};
    return false;
  }));
  return piece;
}

Result<std::string> load_stdout(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                                std::int64_t attempt) {
  return read_blocks(tx, tenant, id, {attempt, attempt}, SIZE_MAX);
}

}  // namespace personas::execution
