#include "personas/store/credential_repository.hpp"

#include "repository_rows.hpp"

namespace personas::store {
namespace {

constexpr Duration kUseIsNotedEvery = hours(1);

}  // namespace

Result<std::optional<Credential>> find_credential(Transaction& tx, const TenantId& tenant,
                                                  const CredentialId& id) {
  static const Sql kFind(select<Credential>("credentials") + " WHERE tenant_id = ? AND id = ?");
  return tx.find<Credential>(kFind, {tenant, id});
}

Result<std::optional<Credential>> find_credential_by_name(Transaction& tx, const TenantId& tenant,
                                                          std::string_view name) {
  static const Sql kFind(select<Credential>("credentials") + " WHERE tenant_id = ? AND name = ?");
  return tx.find<Credential>(kFind, {tenant, name});
}

Result<std::vector<Credential>> list_credentials(Transaction& tx, const TenantId& tenant,
                                                 const Page& page) {
  static const Sql kList(select<Credential>("credentials") +
                         " WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?");
  return tx.list<Credential>(kList, {tenant, page.after.value_or(""), page.limit});
}

Result<void> insert_credential(Transaction& tx, const TenantId& tenant,
                               const Credential& credential) {
  static const Sql kInsert(insert<Credential>("credentials"));
  TRY_VOID(tx.execute_cells(kInsert, cells_of(tenant, credential)));
  return {};
}

Result<void> update_credential(Transaction& tx, const TenantId& tenant,
                               const Credential& credential) {
  static const Sql kUpdate(update<Credential>("credentials"));
  TRY(const auto changed, tx.execute_cells(kUpdate, cells_and_key(tenant, credential)));
  if (changed > 0) return {};
  return fail(ErrorCode::kNotFound,
              fmt::format("There is no credential '{}'", credential.id.str()));
}

Result<void> delete_credential(Transaction& tx, const TenantId& tenant, const CredentialId& id) {
  static const Sql kLinks(
      "DELETE FROM persona_credentials WHERE tenant_id = ? AND credential_id = ?");
  static const Sql kDelete("DELETE FROM credentials WHERE tenant_id = ? AND id = ?");
  TRY_VOID(tx.execute(kLinks, {tenant, id}));
  TRY_VOID(tx.execute(kDelete, {tenant, id}));
  return {};
}

Result<void> note_credential_use(Transaction& tx, const TenantId& tenant, const CredentialId& id,
                                 Timestamp now) {
  static const Sql kNote(
      "UPDATE credentials SET last_used_at = ? WHERE tenant_id = ? AND id = ? AND (last_used_at IS "
      "NULL OR last_used_at <= ?)");
  TRY_VOID(tx.execute(kNote, {now, tenant, id, now - kUseIsNotedEvery}));
  return {};
}

Result<void> link_credential(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                             const CredentialId& credential, Timestamp now) {
  static const Sql kLink(
      "INSERT INTO persona_credentials (tenant_id, persona_id, credential_id, linked_at) VALUES "
      "(?, ?, ?, ?) ON CONFLICT DO NOTHING");
  TRY_VOID(tx.execute(kLink, {tenant, persona, credential, now}));
  return {};
}

Result<bool> unlink_credential(Transaction& tx, const TenantId& tenant, const PersonaId& persona,
                               const CredentialId& credential) {
  static const Sql kUnlink(
      "DELETE FROM persona_credentials WHERE tenant_id = ? AND persona_id = ? AND credential_id = "
      "?");
  TRY(const auto deleted, tx.execute(kUnlink, {tenant, persona, credential}));
  return deleted > 0;
}

Result<std::vector<Credential>> credentials_of(Transaction& tx, const TenantId& tenant,
                                               const PersonaId& persona) {
  static const Sql kList("SELECT " + codec::columns<Credential>("c.") +
                         " FROM persona_credentials l JOIN credentials c ON c.tenant_id = "
                         "l.tenant_id AND c.id = l.credential_id WHERE l.tenant_id = ? AND "
                         "l.persona_id = ? ORDER BY c.id");
  return tx.list<Credential>(kList, {tenant, persona});
}

Result<std::vector<PersonaName>> personas_with(Transaction& tx, const TenantId& tenant,
                                               const CredentialId& credential) {
  static const Sql kList(
      "SELECT p.id, p.name FROM persona_credentials l JOIN personas p ON p.tenant_id = l.tenant_id "
      "AND p.id = l.persona_id WHERE l.tenant_id = ? AND l.credential_id = ? ORDER BY p.id");
  std::vector<PersonaName> found;
  TRY_VOID(tx.query(kList, {tenant, credential}, [&](const Row& row) -> Result<bool> {
    found.push_back({PersonaId(std::string(row.text(0))), std::string(row.text(1))});
    return true;
  }));
  return found;
}

Result<bool> take_seal_nonce(Transaction& tx, const TenantId& tenant, std::string_view nonce,
                             Timestamp expires, Timestamp now) {
  static const Sql kForget("DELETE FROM seal_nonces WHERE expires_at <= ?");
  static const Sql kTake(
      "INSERT INTO seal_nonces (tenant_id, nonce, expires_at) VALUES (?, ?, ?) ON CONFLICT DO "
      "NOTHING");
  TRY_VOID(tx.execute(kForget, {now}));
  TRY(const auto taken, tx.execute(kTake, {tenant, nonce, expires}));
  return taken > 0;
}

}  // namespace personas::store
