// Looking at executions, and cancelling them.
#include <charconv>

#include <fmt/format.h>

#include "personas/execution/execution_store.hpp"
#include "personas/execution/turn_store.hpp"
#include "personas/operations/requests_described.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

execution::Output output_of(OutputWanted wanted) {
  switch (wanted) {
    case OutputWanted::kTail:
      return execution::Output::kTail;
    case OutputWanted::kFull:
      return execution::Output::kFull;
    case OutputWanted::kNone:
      return execution::Output::kNone;
  }
  return execution::Output::kTail;
}

// Parked ones say themselves what they wait for; of the others only the dispatcher knows.
bool is_for_dispatcher(const Call& call, const Execution& execution) {
  if (execution.status != ExecutionStatus::kQueued) return false;
  return !execution.parked || !execution.parked_until || *execution.parked_until <= call.now;
}

Task<Result<void>> explain_waiting(Call& call, std::vector<Execution>& executions) {
  std::vector<ExecutionId> queued;
  for (const auto& execution : executions) {
    if (is_for_dispatcher(call, execution)) queued.push_back(execution.id);
  }
  if (queued.empty()) co_return Result<void>();
  auto reasons = co_await call.services.executions.why_waiting(call.tenant(), std::move(queued));
  std::size_t next = 0;
  for (auto& execution : executions) {
    if (!is_for_dispatcher(call, execution) || next == reasons.size()) continue;
    auto& reason = reasons[next++];
    if (!reason.empty()) execution.waiting_for = std::move(reason);
  }
  co_return Result<void>();
}

Task<Result<Reply>> get_execution(Call& call) {
  std::vector<Execution> found(1);
  CO_TRY(found.front(), co_await call.services.store.read([&call](store::Transaction& tx) {
    return execution::load(tx, call.tenant(), call.id<ExecutionId>(0),
                           output_of(call.query<ExecutionQuery>().output));
  }));
  CO_TRY_VOID(co_await explain_waiting(call, found));
  co_return json_reply(200, found.front());
}

// One row more than asked for, to know whether the list goes on.
Result<execution::ListFilter> filter_of(const Call& call, std::int64_t limit,
                                        const std::optional<std::string>& cursor) {
  TRY(auto page, page_of(call, limit, cursor));
  execution::ListFilter filter;
  filter.limit = page.limit;
  if (page.after) filter.before = ExecutionId(std::move(*page.after));
  return filter;
}

Task<Result<Reply>> list_by(Call& call, execution::ListFilter filter, std::int64_t limit) {
  CO_TRY(auto rows, co_await call.services.store.read([&](store::Transaction& tx) {
    return execution::list(tx, call.tenant(), filter);
  }));
  CO_TRY_VOID(co_await explain_waiting(call, rows));
  co_return page_reply(call, std::move(rows), limit);
}

Task<Result<Reply>> list_executions(Call& call) {
  const auto& query = call.query<ExecutionsQuery>();
  CO_TRY(auto filter, filter_of(call, query.limit, query.cursor));
  filter.persona_id = query.persona_id;
  filter.status = query.status;
  filter.since = query.since;
  filter.until = query.until;
  co_return co_await list_by(call, std::move(filter), query.limit);
}

Task<Result<Reply>> list_persona_executions(Call& call) {
  const auto& query = call.query<PersonaExecutionsQuery>();
  CO_TRY(auto filter, filter_of(call, query.limit, query.cursor));
  CO_TRY(const auto persona, co_await call.services.store.read([&call](store::Transaction& tx) {
    return require_persona(call, tx, call.id<PersonaId>(0));
  }));
  filter.persona_id = persona.id;
  filter.status = query.status;
  co_return co_await list_by(call, std::move(filter), query.limit);
}

// A turn has no id of its own; its place is the cursor.
Result<execution::TurnPage> turn_page_of(const Call& call, const PageQuery& query) {
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  execution::TurnPage turns{.after_attempt = 0, .after_turn = 0, .limit = page.limit};
  if (!page.after) return turns;
  const std::string& place = *page.after;  // ours: cursors are authenticated
  const auto* end = place.data() + place.size();
  const auto attempt = std::from_chars(place.data(), end, turns.after_attempt);
  if (attempt.ptr != end) std::from_chars(attempt.ptr + 1, end, turns.after_turn);
  return turns;
}

Result<Reply> list_turns(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, turn_page_of(call, query));
  TRY(const auto execution,
      execution::load(tx, call.tenant(), call.id<ExecutionId>(0), execution::Output::kNone));
  TRY(auto turns, execution::list_turns(tx, call.tenant(), execution.id, page));
  std::optional<std::string> next;
  if (turns.size() > static_cast<std::size_t>(query.limit)) {
    turns.resize(static_cast<std::size_t>(query.limit));
    next =
        call.services.pages.encode(call.tenant(), call.operation.id,
                                   fmt::format("{}.{}", turns.back().attempt, turns.back().turn));
  }
  Reply reply = list_reply(turns);
  reply.next_cursor = std::move(next);
  return reply;
}

Result<Reply> cancel_execution(Call& call, store::Transaction& tx) {
  const auto id = call.id<ExecutionId>(0);
  TRY(const auto result,
      execution::request_cancel(tx, call.tenant(), id, "Cancelled over the API", call.now));
  using Was = execution::CancelResult::Was;
  if (result.was == Was::kQueued || result.was == Was::kRunning) {
    call.after_commit.push_back([&services = call.services, tenant = call.tenant(), id] {
      services.executions.cancel_requested(tenant, id);
    });
  }
  return json_reply(200, result.execution);
}

}  // namespace

void add_executions(Table& table) {
  table.push_back({.id = "listExecutions",
                   .method = "GET",
                   .path = "/api/executions",
                   .summary = "List executions, newest first",
                   .tag = "Executions",
                   .query = input<ExecutionsQuery>(),
                   .output = page<Execution>(),
                   .handler = &list_executions});
  table.push_back({.id = "getExecution",
                   .method = "GET",
                   .path = "/api/executions/{id}",
                   .summary = "Get an execution with its output",
                   .tag = "Executions",
                   .query = input<ExecutionQuery>(),
                   .output = one<Execution>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_execution});
  table.push_back({.id = "listTurns",
                   .method = "GET",
                   .path = "/api/executions/{id}/turns",
                   .summary = "List what the agent did, turn by turn, over all attempts",
                   .tag = "Executions",
                   .query = input<PageQuery>(),
                   .output = page<Turn>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_turns});
  table.push_back({.id = "cancelExecution",
                   .method = "POST",
                   .path = "/api/executions/{id}/cancel",
                   .summary = "Cancel an execution; one that is over stays as it is",
                   .tag = "Executions",
                   .scope = Scope::kRun,
                   .output = one<Execution>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&cancel_execution}});
  table.push_back({.id = "listPersonaExecutions",
                   .method = "GET",
                   .path = "/api/personas/{id}/executions",
                   .summary = "List the executions of a persona, newest first",
                   .tag = "Executions",
                   .query = input<PersonaExecutionsQuery>(),
                   .output = page<Execution>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_persona_executions});
}

}  // namespace personas::operations
