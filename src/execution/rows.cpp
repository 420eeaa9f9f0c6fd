#include "rows.hpp"

#include "personas/codec/json.hpp"
#include "personas/store/repositories.hpp"

namespace personas::execution {

using store::Sql;
using store::Transaction;

namespace {

ExecutionConfig merge(ExecutionConfig own, const Persona& persona) {
  const auto fill = [](auto& field, const auto& from) {
    if (!field) field = from;
  };
  fill(own.timeout_ms, std::optional(persona.timeout_ms));
  fill(own.idle_timeout_ms, persona.idle_timeout_ms);
  fill(own.max_output_bytes, persona.max_output_bytes);
  fill(own.backend, std::optional(persona.backend));
  fill(own.model, persona.model);
  fill(own.max_budget_usd, persona.max_budget_usd);
  fill(own.max_turns, persona.max_turns);
  fill(own.permission_policy, persona.permission_policy);
  fill(own.network_policy, persona.network_policy);
  return own;
}

}  // namespace

Leg leg_of(const ExecutionRow& row, const Persona* persona) {
  Leg leg;
  leg.config = row.config.value_or(ExecutionConfig{});
  if (persona != nullptr) leg.config = merge(std::move(leg.config), *persona);
  leg.backend = leg.config.backend.value_or(std::string(kDefaultBackend));
  leg.gate = leg.backend;
  if (!row.uses_fallback || persona == nullptr || !persona->fallback) return leg;
  const Fallback& fallback = *persona->fallback;
  if (fallback.backend && *fallback.backend != leg.backend) {
    leg.backend = leg.gate = *fallback.backend;
    leg.config.backend = fallback.backend;
    leg.config.model = fallback.model;  // the other one is not this backend's
  } else if (fallback.model && fallback.model != leg.config.model) {
    // The same account, but a limit of its own: what closed the one gate must not hold this.
    leg.config.model = fallback.model;
    leg.gate += ":" + *fallback.model;
  }
  return leg;
}

QueuedExecution to_queued(const ExecutionRow& row, const Persona* persona) {
  Leg leg = leg_of(row, persona);
  QueuedExecution entry{.tenant = row.tenant_id,
                        .id = row.id,
                        .persona = PersonaId(row.persona_id),
                        .priority = row.priority,
                        .queued_at = row.queued_at,
                        .not_before = row.not_before,
                        .attempt = row.attempt,
                        .backend = std::move(leg.backend),
                        .capabilities = {},
                        .labels = {},
                        .gate = std::move(leg.gate),
                        .parked = row.parked};
  if (row.concurrency_key) {
    entry.concurrency =
        ConcurrencyKey{*row.concurrency_key, row.concurrency_limit.value_or(1)};
  }
  if (persona != nullptr) {
    entry.max_concurrent = persona->max_concurrent;
    if (persona->requires_) {
      entry.capabilities = persona->requires_->capabilities;
      entry.labels = persona->requires_->labels;
    }
  }
  return entry;
}

Result<std::optional<Persona>> persona_of(Transaction& tx, const ExecutionRow& row) {
  if (row.persona_id.empty()) return std::optional<Persona>();
  return store::find_persona(tx, row.tenant_id, PersonaId(row.persona_id));
}

std::optional<PersonaId> persona_or_none(std::string_view id) {
  return id.empty() ? std::nullopt : std::optional(PersonaId(std::string(id)));
}

Result<std::optional<ExecutionRow>> find_row(Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id) {
  static const Sql kFind("SELECT " + row_columns() +
                         " FROM executions WHERE tenant_id = ? AND id = ?");
  return tx.find<ExecutionRow>(kFind, {tenant, id});
}

Result<std::optional<ExecutionRow>> live_row(Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id, std::int64_t attempt) {
  static const Sql kLive("SELECT " + row_columns() +
                         " FROM executions WHERE tenant_id = ? AND id = ? AND attempt = ? AND "
                         "status = 'running' AND parked IS NULL");
  return tx.find<ExecutionRow>(kLive, {tenant, id, attempt});
}

Result<void> append_status(Transaction& tx, const ExecutionRow& row,
                           record::ExecutionStatusChanged record, Timestamp now) {
  record.execution_id = row.id;
  record.persona_id = persona_or_none(row.persona_id);
  TRY_VOID(tx.append({.tenant = row.tenant_id,
                      .at = now,
                      .type = record::kExecutionStatus,
                      .data = codec::to_json(record),
                      .execution_id = row.id.str(),
                      .persona_id = row.persona_id}));
  return {};
}

Result<QueuedExecution> requeue(Transaction& tx, ExecutionRow row, const Persona* persona,
                                Timestamp now) {
  static const Sql kRequeue(
      "UPDATE executions SET status = 'queued', not_before = ?, parked = NULL, parked_until = "
      "NULL, parked_gate = NULL WHERE tenant_id = ? AND id = ?");
  TRY_VOID(tx.execute(kRequeue, {now, row.tenant_id, row.id}));
  row.status = ExecutionStatus::kQueued;
  row.not_before = now;
  row.parked.reset();
  TRY_VOID(
      append_status(tx, row, {.status = ExecutionStatus::kQueued, .attempt = row.attempt}, now));
  return to_queued(row, persona);
}

}  // namespace personas::execution
