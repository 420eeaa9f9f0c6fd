// The credentials of one run, decrypted for it alone, as environment variables.
#pragma once

#include <string>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/id.hpp"
#include "personas/base/redactor.hpp"
#include "personas/base/time.hpp"
#include "personas/model/credential.hpp"
#include "personas/store/store.hpp"
#include "personas/vault/vault.hpp"

namespace personas::vault {

struct RunSecretsRequest {
  TenantId tenant;
  PersonaId persona;                         // empty: none
  std::string backend;
  std::vector<CredentialId> credential_ids;  // of the execution, beside those of its persona
  Timestamp now;
  // kMask: what cannot be had any more is left out, and nothing counts as a use.
  enum class Purpose : std::uint8_t { kRun, kMask } purpose = Purpose::kRun;
};

// kNotFound names a credential that is gone; kCorrupt one that cannot be read.
Result<std::vector<NamedSecret>> connector_secrets(store::Transaction& tx, const Vault& vault,
                                                   const RunSecretsRequest& request);

// Whether these credentials together are within the limits of one run; kUnprocessable says which
// one is passed.
Result<void> check_run_limits(const std::vector<Credential>& credentials);

}  // namespace personas::vault
