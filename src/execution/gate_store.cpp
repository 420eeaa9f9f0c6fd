#include "personas/execution/gate_store.hpp"

#include <algorithm>

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"

namespace personas::execution {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

Gate gate_of(const Row& row) {
  return {.tenant = TenantId(std::string(row.text(0))),
          .account = std::string(row.text(1)),
          .until = Timestamp{row.integer(2)},
          .closed_at = Timestamp{row.integer(3)},
          .closings = row.integer(4),
          .reason = std::string(row.text(5))};
}

Result<std::vector<Gate>> gates(Transaction& tx, const Sql& sql,
                                std::initializer_list<store::Value> parameters) {
  std::vector<Gate> all;
  TRY_VOID(tx.query(sql, parameters, [&](const Row& row) -> Result<bool> {
    all.push_back(gate_of(row));
    return true;
  }));
  return all;
}

Result<void> write(Transaction& tx, const Gate& gate) {
  static const Sql kWrite(
      "INSERT INTO provider_gates (tenant_id, backend, until, closed_at, closings, reason) VALUES "
      "(?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, backend) DO UPDATE SET until = excluded.until, "
      "closed_at = excluded.closed_at, closings = excluded.closings, reason = excluded.reason");
  TRY_VOID(tx.execute(
      kWrite, {gate.tenant, gate.account, gate.until, gate.closed_at, gate.closings, gate.reason}));
  return {};
}

Result<void> record_gate(Transaction& tx, const Gate& gate, std::optional<Timestamp> until,
                         Timestamp now) {
  const record::ProviderQuota fact{gate.account, until, gate.reason};
  TRY_VOID(tx.append({.tenant = gate.tenant,
                      .at = now,
                      .type = record::kProviderQuota,
                      .data = codec::to_json(fact),
                      .execution_id = {},
                      .persona_id = {}}));
  return {};
}

// 5 minutes, 10, 20, 40, 60, 60, …
Duration wait_after(std::int64_t closings) {
  constexpr std::int64_t kDoublings = 10;  // past the longest wait, and far from overflow
  const auto doublings = std::min(closings - 1, kDoublings);
  return std::min(kFirstQuotaWait * (std::int64_t{1} << doublings), kLongestQuotaWait);
}

std::optional<Timestamp> believed(const Refusal& refusal, Timestamp now) {
  if (!refusal.resets_at || *refusal.resets_at <= now) return std::nullopt;
  return std::min(*refusal.resets_at, now + kLongestNamedWait);
}

}  // namespace

Result<Gate> close_gate(Transaction& tx, const Refusal& refusal, Timestamp now) {
  static const Sql kFind(
      "SELECT tenant_id, backend, until, closed_at, closings, reason FROM provider_gates WHERE "
      "tenant_id = ? AND backend = ?");
  TRY(auto found, gates(tx, kFind, {refusal.tenant, refusal.account}));
  const auto named = believed(refusal, now);
  if (!found.empty() && refusal.attempt_started < found.front().closed_at) {
    Gate& gate = found.front();
    if (gate.closings == 0) return std::move(gate);  // opened meanwhile: the news is old
    if (gate.until > now) {  // one refusal of many at the same time: it is not counted again
      if (!named || *named <= gate.until) return std::move(gate);
      gate.until = *named;
      TRY_VOID(write(tx, gate));
      TRY_VOID(record_gate(tx, gate, gate.until, now));
      return std::move(gate);
    }
  }
  const std::int64_t closings = found.empty() ? 1 : found.front().closings + 1;
  Gate gate{.tenant = refusal.tenant,
            .account = refusal.account,
            .until = named.value_or(now + wait_after(closings)),
            .closed_at = now,
            .closings = closings,
            .reason = refusal.reason};
  TRY_VOID(write(tx, gate));
  TRY_VOID(record_gate(tx, gate, gate.until, now));
  return gate;
}

Result<void> prove_gate(Transaction& tx, const TenantId& tenant, std::string_view account,
                        Timestamp now) {
  static const Sql kProve(
      "UPDATE provider_gates SET closings = 0 WHERE tenant_id = ? AND backend = ? AND until <= ?");
  TRY_VOID(tx.execute(kProve, {tenant, account, now}));
  return {};
}

Result<std::int64_t> open_gate(Transaction& tx, const TenantId& tenant, std::string_view backend,
                               Timestamp now) {
  // Accounts of the backend's models sort between "backend:" and "backend;".
  static const Sql kFind(
      "SELECT tenant_id, backend, until, closed_at, closings, reason FROM provider_gates WHERE "
      "tenant_id = ? AND (backend = ? OR (backend >= ? AND backend < ?)) ORDER BY backend");
  static const Sql kPull(
      "UPDATE executions SET not_before = ?, parked_until = ? WHERE tenant_id = ? AND parked IS "
      "NOT "
      "NULL AND parked = 'quota' AND not_before > ? AND (parked_gate = ? OR (parked_gate >= ? AND "
      "parked_gate < ?))");
  const std::string first = std::string(backend) + ":";
  const std::string last = std::string(backend) + ";";
  TRY(auto found, gates(tx, kFind, {tenant, backend, first, last}));
  for (auto& gate : found) {
    const bool was_closed = gate.until > now;
    gate.until = gate.closed_at = now;
    gate.closings = 0;
    TRY_VOID(write(tx, gate));
    if (was_closed) {
      TRY_VOID(record_gate(tx, gate, std::nullopt, now));
    }
  }
  if (found.empty()) {  // attempts under way may still be refused for what has just changed
    TRY_VOID(write(tx, {.tenant = tenant,
                        .account = std::string(backend),
                        .until = now,
                        .closed_at = now,
                        .closings = 0,
                        .reason = {}}));
  }
  return tx.execute(kPull, {now, now, tenant, now, backend, first, last});
}

Result<std::vector<Gate>> all_gates(Transaction& tx) {
  static const Sql kAll(
      "SELECT tenant_id, backend, until, closed_at, closings, reason FROM provider_gates ORDER BY "
      "tenant_id, backend");
  return gates(tx, kAll, {});
}

Result<std::vector<Gate>> closed_gates(Transaction& tx, const TenantId& tenant, Timestamp now) {
  static const Sql kClosed(
      "SELECT tenant_id, backend, until, closed_at, closings, reason FROM provider_gates WHERE "
      "tenant_id = ? AND until > ? ORDER BY backend");
  return gates(tx, kClosed, {tenant, now});
}

}  // namespace personas::execution
