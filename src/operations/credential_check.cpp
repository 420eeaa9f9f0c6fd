// Whether a credential works: asked by an execution on a worker, never from here.
#include "personas/catalog/health_check.hpp"
#include "personas/catalog/library.hpp"
#include "personas/execution/execution_store.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/credential_repository.hpp"
#include "personas/vault/credential_value.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

constexpr std::int64_t kCheckTimeoutMs = 60'000;  // the request itself has 30 s

// A program for the worker, with the credential in its environment.
execution::ExecuteRequest run_of(const Credential& credential, const std::string& script) {
  const boost::json::object policy{{"command", {"/bin/sh", "-c", script}}};
  execution::ExecuteRequest request;
  request.prompt = "Check the credential " + credential.name;
  request.credential_ids = {credential.id};
  request.timeout_ms = kCheckTimeoutMs;
  request.config.emplace();
  request.config->backend = "command";
  request.config->permission_policy = codec::RawJson{codec::serialize(policy)};
  return request;
}

Result<Reply> check_credential(Call& call, store::Transaction& tx) {
  const auto id = call.id<CredentialId>(0);
  TRY(const auto credential,
      require(store::find_credential(tx, call.tenant(), id), "credential", id.str()));
  const auto* connector = catalog::library().find_connector(credential.service_type);
  if (connector == nullptr) {
    return fail(ErrorCode::kUnprocessable,
                "There is no connector for the service type '" + credential.service_type +
                    "', so nobody knows how to check it; GET /api/connectors lists those there "
                    "are");
  }
  TRY(const auto script, catalog::check_script(*connector, credential, &vault::connector_variable));
  TRY_VOID(call.services.executions.admit(call.tenant()));
  const auto execution = ExecutionId::make(call.now, call.services.random);
  TRY(auto enqueued, execution::enqueue(tx, call.tenant(), execution, run_of(credential, script),
                                        execution::Source::kTest, call.now));
  call.after_commit.push_back([&services = call.services, queued = std::move(enqueued.queued)] {
    services.executions.enqueued(queued);
  });
  return json_reply(202, ExecuteReply{execution, ExecutionStatus::kQueued});
}

}  // namespace

void add_credential_check(Table& table) {
  table.push_back({.id = "checkCredential",
                   .method = "POST",
                   .path = "/api/credentials/{id}/check",
                   .summary = "Try a credential on its service: an execution on a worker, whose "
                              "outcome says whether it works",
                   .tag = "Credentials",
                   .scope = identity::Scope::kRun,
                   .output = one<ExecuteReply>(),
                   .status = 202,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
                   .handler = Write{&check_credential}});
}

}  // namespace personas::operations
