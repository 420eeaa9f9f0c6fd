// The secrets that webhooks prove themselves with: in the vault, like all others.
//
// The row of a persona keeps a fingerprint in the column of its secret. It tells that there is one,
// and whether a document brings the same one again, and gives nothing away.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "personas/model/persona.hpp"
#include "personas/vault/vault.hpp"

namespace personas::vault {

// What stands in the row in place of the secret.
std::string webhook_fingerprint(const Vault& vault, const PersonaId& persona,
                                std::string_view secret);

// Whether `persona` brings another secret than the row has whose column is `before`.
bool is_new_webhook_secret(const Vault& vault, const std::optional<std::string>& before,
                           const Persona& persona);

// Before a persona is written: what came as its secret goes into the vault, and the fingerprint
// takes its place. `before` is the column of the row that is there. An empty secret is none.
Result<void> keep_webhook_secret(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                                 const std::optional<std::string>& before, Persona& persona,
                                 Timestamp now);
Result<std::optional<Secret>> persona_webhook_secret(store::Transaction& tx, const Vault& vault,
                                                     const TenantId& tenant,
                                                     const PersonaId& persona);
Result<void> forget_webhook_secret(store::Transaction& tx, const Vault& vault,
                                   const TenantId& tenant, const PersonaId& persona);

// Rows of older versions hold the secret itself. Returns how many were moved.
Result<std::int64_t> move_webhook_secrets(store::Transaction& tx, const Vault& vault,
                                          Timestamp now);

// Those of a source: the one in use, and during a rotation the one before.
Result<void> put_source_secrets(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                                std::string_view source, std::span<const std::string> secrets,
                                Timestamp now);
Result<std::vector<Secret>> source_secrets(store::Transaction& tx, const Vault& vault,
                                           const TenantId& tenant, std::string_view source);
Result<void> forget_source_secrets(store::Transaction& tx, const Vault& vault,
                                   const TenantId& tenant, std::string_view source);

}  // namespace personas::vault
