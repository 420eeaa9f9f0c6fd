// The providers' accounts: which take no work for now, and "try again now".
#include "personas/agents/backends.hpp"
#include "personas/execution/gate_store.hpp"
#include "personas/operations/requests_described.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

Result<Reply> retry_provider(Call& call, store::Transaction& tx) {
  const std::string& backend = call.ids.at(0);
  if (agents::find_backend(backend) == nullptr) return not_found("backend", backend);
  TRY(const auto released, execution::open_gate(tx, call.tenant(), backend, call.now));
  call.after_commit.push_back([&services = call.services, tenant = call.tenant(), backend] {
    services.executions.provider_changed(tenant, backend);
  });
  return json_reply(200, ProviderRetry{backend, released});
}

}  // namespace

void add_providers(Table& table) {
  table.push_back({.id = "retryProvider",
                   .method = "POST",
                   .path = "/api/providers/{backend}/retry",
                   .summary = "Take work for a provider again before its limit was to reset",
                   .tag = "System",
                   .scope = identity::Scope::kRun,
                   .output = one<ProviderRetry>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&retry_provider}});
}

}  // namespace personas::operations
