// Scenarios, test runs and their results as rows. Functions over a Transaction, re-runnable.
#pragma once

#include <optional>
#include <vector>

#include "personas/evaluation/scenario.hpp"
#include "personas/store/repositories.hpp"

namespace personas::evaluation {

// kConflict for a name that the persona has already, kUnprocessable past kMaxScenarios.
Result<void> insert_scenario(store::Transaction& tx, const TenantId& tenant,
                             const Scenario& scenario);
Result<void> update_scenario(store::Transaction& tx, const TenantId& tenant,
                             const Scenario& scenario);
Result<std::optional<Scenario>> find_scenario(store::Transaction& tx, const TenantId& tenant,
                                              const PersonaId& persona, const ScenarioId& id);
Result<std::vector<Scenario>> list_scenarios(store::Transaction& tx, const TenantId& tenant,
                                             const PersonaId& persona);
Result<bool> delete_scenario(store::Transaction& tx, const TenantId& tenant,
                             const PersonaId& persona, const ScenarioId& id);
// With their persona. Runs and results stay: they are history.
Result<void> delete_scenarios_of(store::Transaction& tx, const TenantId& tenant,
                                 const PersonaId& persona);

Result<void> insert_run(store::Transaction& tx, const TenantId& tenant, const TestRun& run);
Result<std::optional<TestRun>> find_run(store::Transaction& tx, const TenantId& tenant,
                                        const TestRunId& id);
// Newest first.
Result<std::vector<TestRun>> list_runs(store::Transaction& tx, const TenantId& tenant,
                                       const PersonaId& persona, const store::Page& page);
// The last finished run of a version before this run's.
Result<std::optional<TestRun>> previous_run(store::Transaction& tx, const TenantId& tenant,
                                            const TestRun& run);

Result<void> insert_result(store::Transaction& tx, const TenantId& tenant,
                           const TestResult& result);
Result<std::optional<TestResult>> find_result(store::Transaction& tx, const TenantId& tenant,
                                              const TestResultId& id);
// By scenario, then by repetition.
Result<std::vector<TestResult>> results_of(store::Transaction& tx, const TenantId& tenant,
                                           const TestRunId& run);
// Writes the result, and the run's counts and status as they are with it.
Result<TestRun> settle(store::Transaction& tx, const TenantId& tenant, const TestResult& result,
                       Timestamp now);

}  // namespace personas::evaluation
