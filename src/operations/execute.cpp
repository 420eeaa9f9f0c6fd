// Starting an execution, and waiting for its end.
#include <algorithm>

#include <fmt/format.h>

#include "personas/execution/execution_store.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/credential_repository.hpp"
#include "personas/vault/run_secrets.hpp"

#include "reply.hpp"
#include "subjects.hpp"
#include "waiting.hpp"

namespace personas::operations {
namespace {

using execution::ExecuteRequest;

std::string key_in_body(const Call& call) {
  return call.body<ExecuteRequest>().idempotency_key.value_or("");
}

// That they exist, and that they fit into one run with those of the persona. One that goes
// afterwards ends the run when it begins.
Result<void> check_credentials(const Call& call, store::Transaction& tx) {
  const auto& request = call.body<ExecuteRequest>();
  if (request.credential_ids.empty()) return {};
  std::vector<Credential> all;
  if (request.persona_id) {
    TRY(all, store::credentials_of(tx, call.tenant(), *request.persona_id));
  }
  std::vector<FieldError> unknown;
  for (std::size_t i = 0; i < request.credential_ids.size(); ++i) {
    const auto& id = request.credential_ids[i];
    if (std::ranges::find(all, id, &Credential::id) != all.end()) continue;
    TRY(auto found, store::find_credential(tx, call.tenant(), id));
    if (found) {
      all.push_back(std::move(*found));
    } else {
      unknown.push_back({fmt::format("/credentialIds/{}", i), "is not the id of a credential"});
    }
  }
  if (unknown.empty()) return vault::check_run_limits(all);
  std::string message = "Some of the credentials do not exist";
  return fail(ErrorCode::kNotFound, std::move(message), std::move(unknown));
}

Result<Reply> execute(Call& call, store::Transaction& tx) {
  TRY_VOID(wait_of(call.query<ExecuteQuery>().wait));
  TRY_VOID(call.services.executions.admit(call.tenant()));
  TRY_VOID(check_credentials(call, tx));
  const auto id = ExecutionId::make(call.now, call.services.random);
  TRY(auto enqueued, execution::enqueue(tx, call.tenant(), id, call.body<ExecuteRequest>(),
                                        execution::Source::kApi, call.now));
  call.after_commit.push_back([&services = call.services, queued = std::move(enqueued.queued)] {
    services.executions.enqueued(queued);
  });
  return json_reply(202, ExecuteReply{id, ExecutionStatus::kQueued});
}

Task<Result<Reply>> answer(Call& call, Reply reply) {
  CO_TRY(const auto wait, wait_of(call.query<ExecuteQuery>().wait));
  if (wait == Duration(0)) co_return reply;
  CO_TRY(const auto first, codec::parse<ExecuteReply>(
                               reply.body, {.read_only = codec::ReadOptions::ReadOnly::kAccept}));
  CO_TRY(auto execution, co_await wait_for_end(call, first.execution_id, wait));
  Reply answer;
  if (is_final(execution.status)) {
    CO_TRY(execution, co_await call.services.store.read([&](store::Transaction& tx) {
      return execution::load(tx, call.tenant(), first.execution_id, execution::Output::kTail);
    }));
    answer = json_reply(200, execution);
  } else {
    answer = json_reply(202, ExecuteReply{execution.id, execution.status});
  }
  answer.headers = std::move(reply.headers);
  co_return answer;
}

}  // namespace

void add_execute(Table& table) {
  table.push_back(
      {.id = "execute",
       .method = "POST",
       .path = "/api/execute",
       .summary = "Run a prompt; with ?wait=30s answers with the execution if it ends "
                  "in time",
       .tag = "Executions",
       .scope = identity::Scope::kRun,
       .query = input<ExecuteQuery>(),
       .body = input<ExecuteRequest>(),
       .example = R"({"prompt": "Say hello.", "config": {"backend": "demo"}, "timeoutMs": 60000})",
       .output = one<ExecuteReply>(),
       .status = 202,
       .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
       .other_successes = {{200, one<Execution>()}},
       .handler = Write{&execute, &answer},
       .key_in_body = &key_in_body});
}

}  // namespace personas::operations
