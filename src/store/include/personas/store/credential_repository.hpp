// Rows of credentials and of their links to personas; values are the vault's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/model/credential.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store/store.hpp"

namespace personas::store {

Result<std::optional<Credential>> find_credential(Transaction& tx, const TenantId& tenant,
                                                  const CredentialId& id);
Result<std::optional<Credential>> find_credential_by_name(Transaction& tx, const TenantId& tenant,
                                                          std::string_view name);
// By id, oldest first.
Result<std::vector<Credential>> list_credentials(Transaction& tx, const TenantId& tenant,
                                                 const Page& page);
Result<void> insert_credential(Transaction& tx, const TenantId& tenant,
                               const Credential& credential);
Result<void> update_credential(Transaction& tx, const TenantId& tenant,
                               const Credential& credential);
// And its links.
Result<void> delete_credential(Transaction& tx, const TenantId& tenant, const CredentialId& id);

// To the hour, so that a busy agent does not write a row for every run.
Result<void> note_credential_use(Transaction& tx, const TenantId& tenant, const CredentialId& id,
                                 Timestamp now);

Result<void> link_credential(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                             const CredentialId& credential, Timestamp now);
Result<bool> unlink_credential(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                               const CredentialId& credential);
Result<std::vector<Credential>> credentials_of(Transaction& tx, const TenantId& tenant,
                                               const PersonaId& persona);
struct PersonaName {
  PersonaId id;
  std::string name;
};
Result<std::vector<PersonaName>> personas_with(Transaction& tx, const TenantId& tenant,
                                               const CredentialId& credential);

// Remembers the nonce of a sealed upload until it expires; false if it was there already.
Result<bool> take_seal_nonce(Transaction& tx, const TenantId& tenant, std::string_view nonce,
                             Timestamp expires, Timestamp now);

}  // namespace personas::store
