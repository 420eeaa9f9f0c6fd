// Scenarios of personas, and test runs.
#include <algorithm>

#include <fmt/format.h>

#include "personas/evaluation/check.hpp"
#include "personas/evaluation/test_store.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/draft_requests.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/reactor/watches.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using evaluation::Scenario;
using evaluation::TestResult;
using evaluation::TestRun;
using identity::Scope;
using store::Transaction;

// ---- scenarios ---------------------------------------------------------------------------------

Result<void> check_rules(const Scenario& scenario) {
  auto problems = evaluation::problems_of(scenario.expectations, "/expectations");
  if (problems.empty()) return {};
  std::string message = "The expectations are wrong: ";
  for (std::size_t i = 0; i < problems.size(); ++i) {
    message += fmt::format("{}{} {}", i == 0 ? "" : "; ", problems[i].path, problems[i].message);
  }
  return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(problems));
}

Result<Scenario> require_scenario(const Call& call, Transaction& tx, const PersonaId& persona,
                                  const ScenarioId& id) {
  return require(evaluation::find_scenario(tx, call.tenant(), persona, id), "scenario", id.str());
}

Result<Reply> list_scenarios(Call& call, Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto scenarios, evaluation::list_scenarios(tx, call.tenant(), persona.id));
  return list_reply(scenarios);
}

Result<Reply> create_scenario(Call& call, Transaction& tx) {
  Scenario scenario = call.body<Scenario>();
  TRY_VOID(check_rules(scenario));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  scenario.id = ScenarioId::make(call.now, call.services.random);
  scenario.persona_id = persona.id;
  scenario.created_at = scenario.updated_at = call.now;
  TRY_VOID(evaluation::insert_scenario(tx, call.tenant(), scenario));
  return json_reply(201, scenario);
}

Result<Reply> replace_scenario(Call& call, Transaction& tx) {
  Scenario scenario = call.body<Scenario>();
  TRY_VOID(check_rules(scenario));
  TRY(const auto existing,
      require_scenario(call, tx, call.id<PersonaId>(0), call.id<ScenarioId>(1)));
  scenario.id = existing.id;
  scenario.persona_id = existing.persona_id;
  scenario.created_at = existing.created_at;
  scenario.updated_at = call.now;
  TRY_VOID(evaluation::update_scenario(tx, call.tenant(), scenario));
  return json_reply(200, scenario);
}

Result<Reply> delete_scenario(Call& call, Transaction& tx) {
  const auto id = call.id<ScenarioId>(1);
  TRY(const bool deleted,
      evaluation::delete_scenario(tx, call.tenant(), call.id<PersonaId>(0), id));
  if (!deleted) return not_found("scenario", id.str());
  return empty_reply();
}

// ---- runs --------------------------------------------------------------------------------------

Result<std::vector<Scenario>> chosen(const Call& call, Transaction& tx, const PersonaId& persona) {
  const auto& body = call.body<TestBody>();
  std::vector<Scenario> scenarios;
  for (const auto& id : body.scenario_ids) {
    TRY(auto one, require_scenario(call, tx, persona, id));
    scenarios.push_back(std::move(one));
  }
  if (body.scenario_ids.empty()) {
    TRY(scenarios, evaluation::list_scenarios(tx, call.tenant(), persona));
  }
  if (scenarios.empty()) {
    return fail(ErrorCode::kUnprocessable,
                "The persona has no scenarios; create one with POST /api/personas/" +
                    persona.str() + "/scenarios");
  }
  const auto total = static_cast<std::int64_t>(scenarios.size()) * body.repeat;
  if (total > evaluation::kMaxResults) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("{} executions are more than the {} of one run; repeat less often, or "
                            "name fewer scenarios",
                            total, evaluation::kMaxResults));
  }
  return scenarios;
}

Result<void> start_one(Call& call, Transaction& tx, const TestRun& run, const Scenario& scenario,
                       std::int64_t repetition) {
  TestResult result;
  result.id = TestResultId::make(call.now, call.services.random);
  result.run_id = run.id;
  result.scenario_id = scenario.id;
  result.scenario_name = scenario.name;
  result.repetition = repetition;
  result.scenario = codec::RawJson{codec::to_json(scenario)};
  result.execution_id = ExecutionId::make(call.now, call.services.random);
  result.created_at = call.now;
  execution::ExecuteRequest request;
  request.prompt = scenario.prompt;
  request.persona_id = run.persona_id;
  request.input_data = scenario.input;
  request.timeout_ms = scenario.timeout_ms;
  if (run.backend || run.model) {
    request.config.emplace();
    request.config->backend = run.backend;
    request.config->model = run.model;
  }
  TRY(auto enqueued, execution::enqueue(tx, call.tenant(), result.execution_id, request,
                                        execution::Source::kTest, call.now));
  TRY_VOID(evaluation::insert_result(tx, call.tenant(), result));
  TRY_VOID(reactor::watch(tx, call.tenant(),
                          {result.execution_id, reactor::Purpose::kTest, result.id.str()}));
  call.after_commit.push_back([&services = call.services, queued = std::move(enqueued.queued)] {
    services.executions.enqueued(queued);
  });
  return {};
}

Result<Reply> start_tests(Call& call, Transaction& tx) {
  const auto& body = call.body<TestBody>();
  TRY_VOID(call.services.executions.admit(call.tenant()));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto scenarios, chosen(call, tx, persona.id));
  TestRun run;
  run.id = TestRunId::make(call.now, call.services.random);
  run.persona_id = persona.id;
  run.persona_version = persona.version;
  run.backend = body.backend;
  run.model = body.model;
  run.repeat = body.repeat;
  run.total = static_cast<std::int64_t>(scenarios.size()) * body.repeat;
  run.created_at = call.now;
  TRY_VOID(evaluation::insert_run(tx, call.tenant(), run));
  for (const auto& scenario : scenarios) {
    for (std::int64_t repetition = 1; repetition <= body.repeat; ++repetition) {
      TRY_VOID(start_one(call, tx, run, scenario, repetition));
    }
  }
  TRY_VOID(
      record_fact(call, tx, record::kTestUpdated,
                  record::TestUpdated{
                      run.id, run.persona_id, std::string(codec::name_of(run.status)), {}, {}, {}},
                  {.persona = run.persona_id.str()}));
  return json_reply(202, run);
}

Result<Reply> list_tests(Call& call, Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(auto rows, evaluation::list_runs(tx, call.tenant(), persona.id, page));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> get_test(Call& call, Transaction& tx) {
  const auto id = call.id<TestRunId>(0);
  TRY(auto run, require(evaluation::find_run(tx, call.tenant(), id), "test run", id.str()));
  evaluation::TestReport report;
  static_cast<TestRun&>(report) = std::move(run);
  TRY(report.results, evaluation::results_of(tx, call.tenant(), id));
  std::vector<TestResult> before;
  TRY(const auto previous, evaluation::previous_run(tx, call.tenant(), report));
  if (previous) {
    report.previous_run_id = previous->id;
    report.previous_version = previous->persona_version;
    TRY(before, evaluation::results_of(tx, call.tenant(), previous->id));
  }
  report.comparison = evaluation::compare(report.results, before);
  return json_reply(200, report);
}

void add_runs(Table& table) {
  table.push_back(
      {.id = "startTests",
       .method = "POST",
       .path = "/api/personas/{id}/tests",
       .summary = "Run scenarios against a persona; their executions reach nobody",
       .tag = "Tests",
       .scope = Scope::kRun,
       .body = input<TestBody>(),
       .output = one<TestRun>(),
       .status = 202,
       .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable, ErrorCode::kUnavailable},
       .handler = Write{&start_tests}});
  table.push_back({.id = "listTests",
                   .method = "GET",
                   .path = "/api/personas/{id}/tests",
                   .summary = "List the test runs of a persona, newest first",
                   .tag = "Tests",
                   .query = input<PageQuery>(),
                   .output = page<TestRun>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_tests});
  table.push_back({.id = "getTest",
                   .method = "GET",
                   .path = "/api/tests/{id}",
                   .summary = "Get a test run with its results, compared with the version before",
                   .tag = "Tests",
                   .output = one<evaluation::TestReport>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_test});
}

}  // namespace

void add_tests(Table& table) {
  table.push_back({.id = "listScenarios",
                   .method = "GET",
                   .path = "/api/personas/{id}/scenarios",
                   .summary = "List the test scenarios of a persona",
                   .tag = "Tests",
                   .output = operations::list<Scenario>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_scenarios});
  table.push_back(
      {.id = "createScenario",
       .method = "POST",
       .path = "/api/personas/{id}/scenarios",
       .summary = "Add a test scenario to a persona",
       .tag = "Tests",
       .scope = Scope::kWrite,
       .body = input<Scenario>(),
       .example = R"({"name": "greets", "prompt": "Say hello.",)"
                  R"("expectations": [{"outputContains": "hello"}]})",
       .output = one<Scenario>(),
       .status = 201,
       .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnprocessable},
       .handler = Write{&create_scenario}});
  table.push_back({.id = "replaceScenario",
                   .method = "PUT",
                   .path = "/api/personas/{id}/scenarios/{scenarioId}",
                   .summary = "Replace a test scenario; what is absent takes its default",
                   .tag = "Tests",
                   .scope = Scope::kWrite,
                   .body = input<Scenario>(),
                   .output = one<Scenario>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&replace_scenario}});
  table.push_back({.id = "deleteScenario",
                   .method = "DELETE",
                   .path = "/api/personas/{id}/scenarios/{scenarioId}",
                   .summary = "Delete a test scenario; results of past runs stay",
                   .tag = "Tests",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_scenario}});
  add_runs(table);
}

}  // namespace personas::operations
