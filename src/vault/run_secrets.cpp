#include "personas/vault/run_secrets.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/store/credential_repository.hpp"
#include "personas/store/metering.hpp"
#include "personas/vault/credential_value.hpp"

namespace personas::vault {
namespace {

using Purpose = RunSecretsRequest::Purpose;

// Each once, those of the persona first.
Result<std::vector<Credential>> credentials_for(store::Transaction& tx,
                                                const RunSecretsRequest& request) {
  std::vector<Credential> all;
  if (!request.persona.empty()) {
    TRY(all, store::credentials_of(tx, request.tenant, request.persona));
  }
  for (const auto& id : request.credential_ids) {
    if (std::ranges::find(all, id, &Credential::id) != all.end()) continue;
    TRY(auto found, store::find_credential(tx, request.tenant, id));
    if (found) {
      all.push_back(std::move(*found));
    } else if (request.purpose == Purpose::kRun) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("The credential '{}' of this execution is gone", id.str()));
    }
  }
  return all;
}

Result<void> note_use(store::Transaction& tx, const RunSecretsRequest& request,
                      const std::vector<Credential>& credentials) {
  if (credentials.empty() || request.purpose != Purpose::kRun) return {};
  for (const auto& credential : credentials) {
    TRY_VOID(store::note_credential_use(tx, request.tenant, credential.id, request.now));
  }
  store::Metered metered;
  metered.at = request.now;
  metered.persona_id = request.persona.str();
  metered.backend = request.backend;
  metered.counters.credential_accesses = std::ssize(credentials);
  return store::meter(tx, request.tenant, metered);
}

Error about(const Credential& credential, Error error) {
  error.message = fmt::format("The credential '{}' ({}): {}", credential.name, credential.id.str(),
                              error.message);
  return error;
}

Result<CredentialValue> open(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                             const Credential& credential) {
  auto packed = vault.get(tx, tenant, credential_secret(credential.id));
  if (!packed) return fail(about(credential, std::move(packed).error()));
  if (!*packed) {
    return fail(about(credential, {ErrorCode::kNotFound, "its value is gone; store it again", {}}));
  }
  auto value = unpack(**packed);
  if (!value) return fail(about(credential, std::move(value).error()));
  return value;
}

void append(const Credential& credential, CredentialValue value,
            std::vector<NamedSecret>& secrets) {
  const auto& unmasked = credential.unmasked_fields;
  for (auto& field : value.fields) {
    const bool plain =
        !field.name.empty() && std::ranges::find(unmasked, field.name) != unmasked.end();
    secrets.push_back({connector_variable(credential.name, field.name), std::move(field.value),
                       plain ? Masked::kNo : Masked::kYes});
  }
}

}  // namespace

Result<std::vector<NamedSecret>> connector_secrets(store::Transaction& tx, const Vault& vault,
                                                   const RunSecretsRequest& request) {
  TRY(const auto credentials, credentials_for(tx, request));
  std::vector<NamedSecret> secrets;
  for (const auto& credential : credentials) {
    auto value = open(tx, vault, request.tenant, credential);
    if (!value) {
      const auto code = value.error().code;
      const bool lost = code == ErrorCode::kNotFound || code == ErrorCode::kCorrupt;
      if (lost && request.purpose == Purpose::kMask) continue;
      return fail(std::move(value).error());
    }
    append(credential, std::move(*value), secrets);
  }
  TRY_VOID(note_use(tx, request, credentials));
  return secrets;
}

Result<void> check_run_limits(const std::vector<Credential>& credentials) {
  std::int64_t bytes = 0;
  for (const auto& credential : credentials) bytes += credential.value_bytes;
  if (credentials.size() > kMaxRunCredentials) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("A run has at most {} credentials", kMaxRunCredentials));
  }
  if (bytes > kMaxRunCredentialBytes) {
    return fail(ErrorCode::kUnprocessable,
                fmt::format("The credentials of a run have at most {} KiB of values together",
                            kMaxRunCredentialBytes / 1024));
  }
  return {};
}

}  // namespace personas::vault
