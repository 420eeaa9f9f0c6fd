// Credentials: stored, listed without values, linked to personas.
#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/model/credential.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/credential_requests.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/credential_repository.hpp"
#include "personas/vault/credential_value.hpp"
#include "personas/vault/expiries.hpp"
#include "personas/vault/run_secrets.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

std::unexpected<Error> wrong_field(std::string_view name, std::string why) {
  return fail(ErrorCode::kInvalidRequest, fmt::format("{} {}", name, why),
              {{fmt::format("/{}", name), why}});
}

Result<Credential> require_credential(const Call& call, store::Transaction& tx,
                                      const CredentialId& id) {
  return require(store::find_credential(tx, call.tenant(), id), "credential", id.str());
}

Result<void> record_credential(const Call& call, store::Transaction& tx, std::string_view type,
                               const Credential& credential) {
  return record_fact(call, tx, type, record::Named{credential.id.str(), credential.name});
}

// ---- what was sent -----------------------------------------------------------------------------

enum class Form : std::uint8_t { kMasterSealed, kSealed, kFields, kValue };

Result<Form> form_of(const CredentialBody& body) {
  const bool master = body.encrypted_data || body.iv || body.tag;
  const int forms =
      (master ? 1 : 0) + (body.sealed ? 1 : 0) + (body.fields ? 1 : 0) + (body.value ? 1 : 0);
  if (forms != 1) {
    return fail(ErrorCode::kInvalidRequest,
                "Give the value in one form: sealed; encryptedData with iv and tag; fields; or "
                "value",
                {{"/value", "is one of four forms, of which exactly one is given"}});
  }
  if (!master) return body.sealed ? Form::kSealed : body.fields ? Form::kFields : Form::kValue;
  if (!body.encrypted_data) return wrong_field("encryptedData", "is missing beside iv and tag");
  if (!body.iv) return wrong_field("iv", "is missing beside encryptedData");
  if (!body.tag) return wrong_field("tag", "is missing beside encryptedData");
  return Form::kMasterSealed;
}

Result<vault::CredentialValue> open_sealed(const Call& call, store::Transaction& tx,
                                           std::string_view sealed, std::string_view name) {
  TRY(const auto opened,
      call.services.vault.intake().open_box(sealed, call.tenant(), name, call.now));
  TRY(const bool fresh,
      store::take_seal_nonce(tx, call.tenant(), opened.nonce, opened.expires, call.now));
  if (!fresh) return vault::Intake::wrong_box();
  TRY(auto value, vault::read_credential(opened.value));
  value.use = opened.use;
  return value;
}

Result<vault::CredentialValue> value_of(const Call& call, store::Transaction& tx,
                                        std::string_view name) {
  const auto& body = call.body<CredentialBody>();
  TRY(const Form form, form_of(body));
  if (form == Form::kSealed) return open_sealed(call, tx, *body.sealed, name);
  if (form == Form::kMasterSealed) {
    TRY(const auto text, call.services.vault.intake().open_master_sealed(
                             {*body.encrypted_data, *body.iv, *body.tag}));
    return vault::read_credential(text);
  }
  if (call.channel == Channel::kOpen) {
    return fail(ErrorCode::kForbidden,
                "A value is taken as it is over TLS or from this machine only; elsewhere seal it "
                "for the key of GET /api/vault/public-key");
  }
  if (form == Form::kFields) return vault::read_credential(Secret(codec::to_json(*body.fields)));
  return vault::read_credential(Secret(*body.value));
}

// Every variable has one owner in the tenant, so that no two credentials can meet in a run.
Result<void> require_free_variables(const Call& call, store::Transaction& tx,
                                    const Credential& credential) {
  const auto wanted = vault::connector_variables(credential);
  TRY(const auto others,
      store::list_credentials(tx, call.tenant(), {.limit = kMaxCredentials, .after = {}}));
  for (const auto& other : others) {
    if (other.id == credential.id) continue;
    for (const auto& variable : vault::connector_variables(other)) {
      if (std::ranges::find(wanted, variable) == wanted.end()) continue;
      return fail(ErrorCode::kConflict,
                  fmt::format("The variable {} belongs to the credential '{}' ({}); choose another "
                              "name",
                              variable, other.name, other.id.str()),
                  {{"/name", "names a variable of another credential"}});
    }
  }
  if (std::ssize(others) >= kMaxCredentials && credential.created_at == call.now) {
    return fail(
        ErrorCode::kUnprocessable,
        fmt::format("There are {} credentials already; delete some first", kMaxCredentials));
  }
  return {};
}

// The value of the body as that of `credential`, whose description follows it.
Result<void> take_value(const Call& call, store::Transaction& tx, Credential& credential) {
  TRY(const auto value, value_of(call, tx, credential.name));
  TRY(const auto plain_fields, vault::plain_fields_of(credential));
  TRY_VOID(vault::describe_values(value, plain_fields, credential));
  TRY_VOID(require_free_variables(call, tx, credential));
  return call.services.vault.put(tx, call.tenant(), vault::credential_secret(credential.id),
                                 vault::pack(value), call.now);
}

// The end belongs to the value: a new value without one has none.
Result<void> take_expiry(Call& call, store::Transaction& tx, Credential& credential) {
  const auto& body = call.body<CredentialBody>();
  if (body.expires_at && *body.expires_at <= call.now) {
    return wrong_field("expiresAt", "is in the past; store a value that is still good");
  }
  credential.expires_at = body.expires_at;
  if (body.expires_at) {
    TRY_VOID(vault::keep_expiry(tx, call.tenant(),
                                {.kind = std::string(vault::kCredentialExpiry),
                                 .id = credential.id.str(),
                                 .name = credential.name,
                                 .expires_at = *body.expires_at},
                                call.now));
  } else {
    TRY_VOID(
        vault::forget_expiry(tx, call.tenant(), vault::kCredentialExpiry, credential.id.str()));
  }
  tell_expiries_changed(call);
  return {};
}

// ---- handlers ----------------------------------------------------------------------------------

Result<Reply> list_credentials(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_credentials(tx, call.tenant(), page));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> get_credential(Call& call, store::Transaction& tx) {
  TRY(const auto credential, require_credential(call, tx, call.id<CredentialId>(0)));
  return json_reply(200, credential);
}

Result<Reply> create_credential(Call& call, store::Transaction& tx) {
  const auto& body = call.body<CredentialBody>();
  if (!body.name) return wrong_field("name", "is missing");
  if (body.name->contains('\0')) return wrong_field("name", "holds a zero byte");
  TRY(const auto holder, store::find_credential_by_name(tx, call.tenant(), *body.name));
  if (holder) {
    return fail(ErrorCode::kConflict,
                fmt::format("The name '{}' is that of credential {}; replace its value with PUT "
                            "/api/credentials/{}",
                            *body.name, holder->id.str(), holder->id.str()),
                {{"/name", "is the name of another credential"}});
  }
  Credential credential;
  credential.id = CredentialId::make(call.now, call.services.random);
  credential.name = *body.name;
  credential.service_type = body.service_type.value_or("");
  credential.metadata = body.metadata;
  credential.created_at = credential.updated_at = call.now;
  TRY_VOID(take_value(call, tx, credential));
  TRY_VOID(take_expiry(call, tx, credential));
  TRY_VOID(store::insert_credential(tx, call.tenant(), credential));
  TRY_VOID(record_credential(call, tx, record::kCredentialCreated, credential));
  return json_reply(201, credential);
}

Result<Reply> replace_credential(Call& call, store::Transaction& tx) {
  const auto& body = call.body<CredentialBody>();
  TRY(auto credential, require_credential(call, tx, call.id<CredentialId>(0)));
  if (body.name && *body.name != credential.name) {
    return wrong_field("name", fmt::format("must be '{}', or absent: agents know it by its name",
                                           credential.name));
  }
  if (body.service_type) credential.service_type = *body.service_type;
  if (body.metadata) credential.metadata = body.metadata;
  credential.updated_at = call.now;
  TRY_VOID(take_value(call, tx, credential));
  TRY_VOID(take_expiry(call, tx, credential));
  TRY_VOID(store::update_credential(tx, call.tenant(), credential));
  TRY_VOID(record_credential(call, tx, record::kCredentialUpdated, credential));
  return json_reply(200, credential);
}

Result<Reply> delete_credential(Call& call, store::Transaction& tx) {
  TRY(const auto credential, require_credential(call, tx, call.id<CredentialId>(0)));
  TRY(const auto users, store::personas_with(tx, call.tenant(), credential.id));
  if (!users.empty() && !call.query<DeleteCredentialQuery>().force) {
    constexpr std::size_t kNamed = 10;
    std::string names;
    for (std::size_t i = 0; i < std::min(users.size(), kNamed); ++i) {
      names += fmt::format("{}'{}' ({})", i == 0 ? "" : ", ", users[i].name, users[i].id.str());
    }
    if (users.size() > kNamed) names += fmt::format(" and {} more", users.size() - kNamed);
    return fail(ErrorCode::kConflict,
                fmt::format("The credential '{}' is used by {}; unlink it there, or delete it with "
                            "?force=true",
                            credential.name, names));
  }
  TRY_VOID(store::delete_credential(tx, call.tenant(), credential.id));
  TRY_VOID(call.services.vault.remove(tx, call.tenant(), vault::credential_secret(credential.id)));
  TRY_VOID(vault::forget_expiry(tx, call.tenant(), vault::kCredentialExpiry, credential.id.str()));
  TRY_VOID(record_credential(call, tx, record::kCredentialDeleted, credential));
  return empty_reply();
}

Result<void> record_persona(const Call& call, store::Transaction& tx, const Persona& persona) {
  return record_fact(call, tx, record::kPersonaUpdated,
                     record::Named{persona.id.str(), persona.name}, {.persona = persona.id.str()});
}

Result<Reply> list_persona_credentials(Call& call, store::Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto credentials, store::credentials_of(tx, call.tenant(), persona.id));
  return list_reply(credentials);
}

Result<Reply> link_credential(Call& call, store::Transaction& tx) {
  const auto& id = call.body<LinkCredentialBody>().credential_id;
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto found, store::find_credential(tx, call.tenant(), id));
  if (!found) {
    return fail(ErrorCode::kNotFound, "There is no credential '" + id.str() + "'",
                {{"/credentialId", "is not the id of a credential"}});
  }
  TRY_VOID(store::link_credential(tx, call.tenant(), persona.id, id, call.now));
  TRY(const auto linked, store::credentials_of(tx, call.tenant(), persona.id));
  TRY_VOID(vault::check_run_limits(linked));
  TRY_VOID(record_persona(call, tx, persona));
  return json_reply(201, CredentialLink{persona.id, id});
}

Result<Reply> unlink_credential(Call& call, store::Transaction& tx) {
  const auto id = call.id<CredentialId>(1);
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const bool unlinked, store::unlink_credential(tx, call.tenant(), persona.id, id));
  if (!unlinked) return not_found("linked credential", id.str());
  TRY_VOID(record_persona(call, tx, persona));
  return empty_reply();
}

Task<Result<Reply>> vault_public_key(Call& call) {
  const auto& intake = call.services.vault.intake();
  co_return json_reply(200, VaultPublicKey{intake.key_id(), std::string(vault::kSealAlgorithm),
                                           to_base64(intake.public_key()), call.tenant().str()});
}

void add_links(Table& table) {
  table.push_back({.id = "listPersonaCredentials",
                   .method = "GET",
                   .path = "/api/personas/{id}/credentials",
                   .summary = "List the credentials of a persona, without values",
                   .tag = "Credentials",
                   .output = list<Credential>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_persona_credentials});
  table.push_back({.id = "linkCredential",
                   .method = "POST",
                   .path = "/api/personas/{id}/credentials",
                   .summary = "Give a credential to a persona",
                   .tag = "Credentials",
                   .scope = Scope::kWrite,
                   .body = input<LinkCredentialBody>(),
                   .output = one<CredentialLink>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kUnprocessable},
                   .handler = Write{&link_credential}});
  table.push_back({.id = "unlinkCredential",
                   .method = "DELETE",
                   .path = "/api/personas/{id}/credentials/{credentialId}",
                   .summary = "Take a credential from a persona",
                   .tag = "Credentials",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&unlink_credential}});
}

}  // namespace

void add_credentials(Table& table) {
  table.push_back({.id = "listCredentials",
                   .method = "GET",
                   .path = "/api/credentials",
                   .summary = "List credentials, without values",
                   .tag = "Credentials",
                   .query = input<PageQuery>(),
                   .output = page<Credential>(),
                   .handler = &list_credentials});
  table.push_back(
      {.id = "createCredential",
       .method = "POST",
       .path = "/api/credentials",
       .summary = "Store a credential; its values never come back",
       .tag = "Credentials",
       .scope = Scope::kWrite,
       .body = input<CredentialBody>(),
       .example = R"({"name": "gitlab", "serviceType": "gitlab",)"
                  R"("fields": {"token": "glpat-0123456789abcdef"}})",
       .output = one<Credential>(),
       .status = 201,
       .errors = {ErrorCode::kConflict, ErrorCode::kUnprocessable, ErrorCode::kForbidden},
       .handler = Write{&create_credential}});
  table.push_back({.id = "getCredential",
                   .method = "GET",
                   .path = "/api/credentials/{id}",
                   .summary = "Get a credential, without values",
                   .tag = "Credentials",
                   .output = one<Credential>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_credential});
  table.push_back({.id = "replaceCredential",
                   .method = "PUT",
                   .path = "/api/credentials/{id}",
                   .summary = "Replace the value of a credential; runs under way keep the old one",
                   .tag = "Credentials",
                   .scope = Scope::kWrite,
                   .body = input<CredentialBody>(),
                   .output = one<Credential>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnprocessable,
                              ErrorCode::kForbidden},
                   .handler = Write{&replace_credential}});
  table.push_back({.id = "deleteCredential",
                   .method = "DELETE",
                   .path = "/api/credentials/{id}",
                   .summary = "Delete a credential; refused while personas use it, unless forced",
                   .tag = "Credentials",
                   .scope = Scope::kWrite,
                   .query = input<DeleteCredentialQuery>(),
                   .status = 204,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&delete_credential}});
  table.push_back({.id = "vaultPublicKey",
                   .method = "GET",
                   .path = "/api/vault/public-key",
                   .summary = "The key that clients seal credentials for",
                   .tag = "Credentials",
                   .output = one<VaultPublicKey>(),
                   .handler = &vault_public_key});
  add_links(table);
}

}  // namespace personas::operations
