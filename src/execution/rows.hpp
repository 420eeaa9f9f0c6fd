// What the stores of this module share about the row of an execution.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/model/persona.hpp"
#include "personas/store/store.hpp"

#include "execution_row.hpp"

namespace personas::execution {

inline constexpr std::string_view kDefaultBackend = "claude";

// What its next attempt runs with: the execution's own settings over its persona's, and over both
// the persona's fallback once it is in use.
struct Leg {
  ExecutionConfig config;
  std::string backend;
  std::string gate;  // see QueuedExecution
};
Leg leg_of(const ExecutionRow& row, const Persona* persona);

QueuedExecution to_queued(const ExecutionRow& row, const Persona* persona);

Result<std::optional<Persona>> persona_of(store::Transaction& tx, const ExecutionRow& row);
std::optional<PersonaId> persona_or_none(std::string_view id);
inline const Persona* address(const std::optional<Persona>& persona) {
  return persona ? &*persona : nullptr;
}

Result<std::optional<ExecutionRow>> find_row(store::Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id);
// The row, if this attempt is the live one.
Result<std::optional<ExecutionRow>> live_row(store::Transaction& tx, const TenantId& tenant,
                                             const ExecutionId& id, std::int64_t attempt);

// Fills in the execution and its persona.
Result<void> append_status(store::Transaction& tx, const ExecutionRow& row,
                           record::ExecutionStatusChanged record, Timestamp now);

// Back into the queue, due now, no longer parked; with its record.
Result<QueuedExecution> requeue(store::Transaction& tx, ExecutionRow row, const Persona* persona,
                                Timestamp now);

}  // namespace personas::execution
