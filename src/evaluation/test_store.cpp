#include "personas/evaluation/test_store.hpp"

#include <fmt/format.h>

#include "personas/store/row_sql.hpp"

namespace personas::evaluation {

using store::Row;
using store::Sql;
using store::Transaction;

namespace {

Error with_name_in_use(Error error, const Scenario& scenario) {
  if (error.code != ErrorCode::kConflict) return error;
  return {ErrorCode::kConflict,
          "The persona has a scenario '" + scenario.name + "' already",
          {{"/name", "is the name of another scenario"}}};
}

}  // namespace

// ---- scenarios ---------------------------------------------------------------------------------

Result<void> insert_scenario(Transaction& tx, const TenantId& tenant, const Scenario& scenario) {
  static const Sql kInsert(store::insert<Scenario>("test_scenarios"));
  TRY(const auto present, list_scenarios(tx, tenant, scenario.persona_id));
  if (static_cast<std::int64_t>(present.size()) >= kMaxScenarios) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("A persona has at most {} scenarios; delete one", kMaxScenarios));
  }
  const auto inserted = tx.execute_cells(kInsert, store::cells_of(tenant, scenario));
  if (!inserted) return fail(with_name_in_use(inserted.error(), scenario));
  return {};
}

Result<void> update_scenario(Transaction& tx, const TenantId& tenant, const Scenario& scenario) {
  static const Sql kUpdate(store::update<Scenario>("test_scenarios"));
  const auto updated = tx.execute_cells(kUpdate, store::cells_and_key(tenant, scenario));
  if (!updated) return fail(with_name_in_use(updated.error(), scenario));
  return {};
}

Result<std::optional<Scenario>> find_scenario(Transaction& tx, const TenantId& tenant,
                                              const PersonaId& persona, const ScenarioId& id) {
  static const Sql kFind(store::select<Scenario>("test_scenarios") +
                         " WHERE tenant_id = ? AND persona_id = ? AND id = ?");
  return tx.find<Scenario>(kFind, {tenant, persona, id});
}

Result<std::vector<Scenario>> list_scenarios(Transaction& tx, const TenantId& tenant,
                                             const PersonaId& persona) {
  static const Sql kList(store::select<Scenario>("test_scenarios") +
                         " WHERE tenant_id = ? AND persona_id = ? ORDER BY name");
  return tx.list<Scenario>(kList, {tenant, persona});
}

Result<bool> delete_scenario(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                             const ScenarioId& id) {
  static const Sql kDelete(
      "DELETE FROM test_scenarios WHERE tenant_id = ? AND persona_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, persona, id}));
  return deleted > 0;
}

Result<void> delete_scenarios_of(Transaction& tx, const TenantId& tenant,
                                 const PersonaId& persona) {
  static const Sql kDelete("DELETE FROM test_scenarios WHERE tenant_id = ? AND persona_id = ?");
  TRY_VOID(tx.execute(kDelete, {tenant, persona}));
  return {};
}

// ---- runs and results --------------------------------------------------------------------------

Result<void> insert_run(Transaction& tx, const TenantId& tenant, const TestRun& run) {
  static const Sql kInsert(store::insert<TestRun>("test_runs"));
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, run)));
  return {};
}

Result<std::optional<TestRun>> find_run(Transaction& tx, const TenantId& tenant,
                                        const TestRunId& id) {
  static const Sql kFind(store::select<TestRun>("test_runs") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<TestRun>(kFind, {tenant, id});
}

Result<std::vector<TestRun>> list_runs(Transaction& tx, const TenantId& tenant,
                                       const PersonaId& persona, const store::Page& page) {
  static const Sql kList(
      store::select<TestRun>("test_runs") +
      " WHERE tenant_id = ? AND persona_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
  return tx.list<TestRun>(kList, {tenant, persona, page.after.value_or("\x7f"), page.limit});
}

Result<std::optional<TestRun>> previous_run(Transaction& tx, const TenantId& tenant,
                                            const TestRun& run) {
  static const Sql kFind(store::select<TestRun>("test_runs") +
                         " WHERE tenant_id = ? AND persona_id = ? AND id < ? AND persona_version < "
                         "? AND status <> 'running' ORDER BY id DESC LIMIT 1");
  return tx.find<TestRun>(kFind, {tenant, run.persona_id, run.id, run.persona_version});
}

Result<void> insert_result(Transaction& tx, const TenantId& tenant, const TestResult& result) {
  static const Sql kInsert(store::insert<TestResult>("test_results"));
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, result)));
  return {};
}

Result<std::optional<TestResult>> find_result(Transaction& tx, const TenantId& tenant,
                                              const TestResultId& id) {
  static const Sql kFind(store::select<TestResult>("test_results") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<TestResult>(kFind, {tenant, id});
}

Result<std::vector<TestResult>> results_of(Transaction& tx, const TenantId& tenant,
                                           const TestRunId& run) {
  static const Sql kList(store::select<TestResult>("test_results") +
                         " WHERE tenant_id = ? AND run_id = ? ORDER BY scenario_name, repetition");
  return tx.list<TestResult>(kList, {tenant, run});
}

Result<TestRun> settle(Transaction& tx, const TenantId& tenant, const TestResult& result,
                       Timestamp now) {
  static const Sql kUpdate(store::update<TestResult>("test_results"));
  static const Sql kCount(
      "SELECT verdict, COUNT(*), SUM(cost_usd) FROM test_results WHERE tenant_id = ? AND run_id = "
      "? GROUP BY verdict");
  static const Sql kUpdateRun(store::update<TestRun>("test_runs"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, result)));
  TRY(auto run, find_run(tx, tenant, result.run_id));
  if (!run) return fail(ErrorCode::kNotFound, "There is no test run '" + result.run_id.str() + "'");
  run->passed = run->failed = run->errors = 0;
  run->cost_usd.reset();
  TRY_VOID(tx.query(kCount, {tenant, result.run_id}, [&](const Row& row) -> Result<bool> {
    Verdict verdict = Verdict::kError;
    codec::value_of(row.text(0), verdict);
    if (verdict == Verdict::kPassed) run->passed = row.integer(1);
    if (verdict == Verdict::kFailed) run->failed = row.integer(1);
    if (verdict == Verdict::kError) run->errors = row.integer(1);
    if (!row.is_null(2)) run->cost_usd = run->cost_usd.value_or(0) + row.real(2);
    return true;
  }));
  if (run->passed + run->failed + run->errors == run->total) {
    run->status = run->failed > 0   ? RunStatus::kFailed
                  : run->errors > 0 ? RunStatus::kError
                                    : RunStatus::kPassed;
    run->completed_at = now;
  }
  TRY_VOID(tx.execute_cells(kUpdateRun, store::cells_and_key(tenant, *run)));
  return *run;
}

}  // namespace personas::evaluation
