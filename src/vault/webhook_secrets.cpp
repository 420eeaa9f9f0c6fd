#include "personas/vault/webhook_secrets.hpp"

#include <array>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/webhook_auth/verify.hpp"

namespace personas::vault {
namespace {

constexpr std::string_view kFingerprint = "sealed:";
constexpr std::array<std::string_view, 2> kSlots{"current", "previous"};

std::string name_of(const PersonaId& persona) {
  return "webhook/persona/" + persona.str();
}
std::string name_of(std::string_view source, std::string_view slot) {
  return fmt::format("webhook/source/{}/{}", source, slot);
}

}  // namespace

std::string webhook_fingerprint(const Vault& vault, const PersonaId& persona,
                                std::string_view secret) {
  const auto bound = fmt::format("webhook secret of {}: {}", persona.str(), secret);
  return std::string(kFingerprint) + to_hex(vault.fingerprint(bound));
}

bool is_new_webhook_secret(const Vault& vault, const std::optional<std::string>& before,
                           const Persona& persona) {
  if (persona.webhook_secret == before) return false;
  if (!persona.webhook_secret || persona.webhook_secret->empty()) return before.has_value();
  return before != webhook_fingerprint(vault, persona.id, *persona.webhook_secret);
}

Result<void> keep_webhook_secret(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                                 const std::optional<std::string>& before, Persona& persona,
                                 Timestamp now) {
  if (persona.webhook_secret && persona.webhook_secret->empty()) persona.webhook_secret.reset();
  if (persona.webhook_secret == before) return {};
  if (!persona.webhook_secret) return forget_webhook_secret(tx, vault, tenant, persona.id);
  const Secret secret(std::move(*persona.webhook_secret));
  auto checked = webhook_auth::check_secret(webhook_auth::Preset::kGeneric, secret.reveal());
  if (!checked) {
    checked.error().fields.push_back({"/webhookSecret", checked.error().message});
    return checked;
  }
  persona.webhook_secret = webhook_fingerprint(vault, persona.id, secret.reveal());
  if (persona.webhook_secret == before) return {};
  return vault.put(tx, tenant, name_of(persona.id), secret, now);
}

Result<std::optional<Secret>> persona_webhook_secret(store::Transaction& tx, const Vault& vault,
                                                     const TenantId& tenant,
                                                     const PersonaId& persona) {
  return vault.get(tx, tenant, name_of(persona));
}

Result<void> forget_webhook_secret(store::Transaction& tx, const Vault& vault,
                                   const TenantId& tenant, const PersonaId& persona) {
  TRY_VOID(vault.remove(tx, tenant, name_of(persona)));
  return {};
}

Result<std::int64_t> move_webhook_secrets(store::Transaction& tx, const Vault& vault,
                                          Timestamp now) {
  static const store::Sql kPlain(
      "SELECT tenant_id, id, webhook_secret FROM personas WHERE webhook_secret IS NOT NULL AND NOT "
      "EXISTS (SELECT 1 FROM secrets WHERE secrets.tenant_id = personas.tenant_id AND secrets.name "
      "= 'webhook/persona/' || personas.id)");
  static const store::Sql kMove(
      "UPDATE personas SET webhook_secret = ? WHERE tenant_id = ? AND id = ?");
  struct Plain {
    TenantId tenant;
    PersonaId persona;
    Secret secret;
  };
  std::vector<Plain> plain;
  TRY_VOID(tx.query(kPlain, {}, [&](const store::Row& row) -> Result<bool> {
    plain.push_back({TenantId(std::string(row.text(0))), PersonaId(std::string(row.text(1))),
                     Secret(std::string(row.text(2)))});
    return true;
  }));
  for (const auto& row : plain) {
    std::optional<std::string> kept;
    if (!row.secret.empty()) {
      kept = webhook_fingerprint(vault, row.persona, row.secret.reveal());
      TRY_VOID(vault.put(tx, row.tenant, name_of(row.persona), row.secret, now));
    }
    TRY_VOID(tx.execute(kMove, {kept, row.tenant, row.persona}));
  }
  return std::ssize(plain);
}

Result<void> put_source_secrets(store::Transaction& tx, const Vault& vault, const TenantId& tenant,
                                std::string_view source, std::span<const std::string> secrets,
                                Timestamp now) {
  for (std::size_t i = 0; i < std::min(secrets.size(), kSlots.size()); ++i) {
    TRY_VOID(vault.put(tx, tenant, name_of(source, kSlots[i]), Secret(secrets[i]), now));
  }
  return {};
}

Result<std::vector<Secret>> source_secrets(store::Transaction& tx, const Vault& vault,
                                           const TenantId& tenant, std::string_view source) {
  std::vector<Secret> secrets;
  for (const auto slot : kSlots) {
    TRY(auto secret, vault.get(tx, tenant, name_of(source, slot)));
    if (secret) secrets.push_back(std::move(*secret));
  }
  return secrets;
}

Result<void> forget_source_secrets(store::Transaction& tx, const Vault& vault,
                                   const TenantId& tenant, std::string_view source) {
  for (const auto slot : kSlots) {
    TRY_VOID(vault.remove(tx, tenant, name_of(source, slot)));
  }
  return {};
}

}  // namespace personas::vault
