#include "personas/execution/execution_store.hpp"

#include <algorithm>

#include "personas/codec/json.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/execution/output_codec.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

#include "execution_row.hpp"

namespace personas::execution {
namespace {

using store::Row;
using store::Sql;
using store::Transaction;

constexpr std::string_view kDefaultBackend = "claude";

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
  }
  return "api";
}

Result<std::optional<ExecutionRow>> find_row(Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id) {
  static const Sql kFind("SELECT " + row_columns() +
                         " FROM executions WHERE tenant_id = ? AND id = ?");
  return tx.find<ExecutionRow>(kFind, {tenant, id});
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

// The last `at_least` bytes of standard output or more, whole blocks, oldest first.
Result<std::string> read_blocks(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                                std::int64_t attempt, std::size_t at_least) {
  static const Sql kBlocks(
      "SELECT codec, data, size FROM output_blocks WHERE tenant_id = ? AND execution_id = ? AND "
      "attempt = ? AND stream = 'stdout' ORDER BY last_seq DESC");
  std::vector<std::string> blocks;
  std::size_t total = 0;
  TRY_VOID(tx.query(kBlocks, {tenant, id, attempt}, [&](const Row& block) -> Result<bool> {
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
  const std::size_t at_least = wanted == Output::kFull ? SIZE_MAX : kOutputTailBytes;
  TRY(auto output, read_blocks(tx, row.tenant_id, row.id, row.attempt, at_least));
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
  if (row.status == ExecutionStatus::kRunning) {
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
  e.parked = row.parked;
  e.parked_until = row.parked_until;
  e.turns = row.turns;
  return e;
}

Result<Enqueued> enqueue(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                         const ExecuteRequest& request, Source source, Timestamp now) {
  QueuedExecution queued{.tenant = tenant,
                         .id = id,
                         .persona = request.persona_id.value_or(PersonaId()),
                         .priority = request.priority.value_or(0),
                         .queued_at = now,
                         .not_before = now,
                         .backend = std::string(kDefaultBackend),
                         .capabilities = {},
                         .labels = {}};
  if (request.persona_id) {
    TRY(const auto persona, store::find_persona(tx, tenant, *request.persona_id));
    TRY_VOID(check_persona(persona, *request.persona_id));
    queued.max_concurrent = persona->max_concurrent;
    queued.backend = persona->backend;
    if (persona->requires_) {
      queued.capabilities = persona->requires_->capabilities;
      queued.labels = persona->requires_->labels;
    }
  }
  if (request.config && request.config->backend) queued.backend = *request.config->backend;

  ExecutionRow row;
  row.tenant_id = tenant;
  row.id = id;
  row.persona_id = queued.persona.str();
  row.priority = queued.priority;
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
  return Enqueued{to_execution(std::move(row)), std::move(queued)};
}

Result<CancelResult> request_cancel(Transaction& tx, const TenantId& tenant, const ExecutionId& id,
                                    const std::string& reason, Timestamp now) {
  static const Sql kCancelQueued(
      "UPDATE executions SET status = 'cancelled', cancel_requested = 1, completed_at = ?, "
      "failure_reason = 'cancelled', error_message = ? WHERE tenant_id = ? AND id = ? AND status = "
      "'queued'");
  static const Sql kAskRunning(
      "UPDATE executions SET cancel_requested = 1 WHERE tenant_id = ? AND id = ? AND status = "
      "'running'");
  TRY(auto row, require_row(tx, tenant, id));
  CancelResult result;
  if (row.status == ExecutionStatus::kQueued) {
    TRY_VOID(tx.execute(kCancelQueued, {now, reason, tenant, id}));
    const record::ExecutionStatusChanged record{
        .execution_id = id,
        .persona_id =
            row.persona_id.empty() ? std::nullopt : std::optional(PersonaId(row.persona_id)),
        .status = ExecutionStatus::kCancelled,
        .attempt = row.attempt,
        .worker_id = {},
        .node_id = {},
        .failure_reason = FailureReason::kCancelled,
        .accomplished = {}};
    TRY_VOID(tx.append({.tenant = tenant,
                        .at = now,
                        .type = record::kExecutionStatus,
                        .data = codec::to_json(record),
                        .execution_id = id.str(),
                        .persona_id = row.persona_id}));
    result.was = CancelResult::Was::kQueued;
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
  return read_blocks(tx, tenant, id, attempt, SIZE_MAX);
}

}  // namespace personas::execution
