#include "reply.hpp"

#include <fmt/format.h>

#include "personas/catalog/group_store.hpp"
#include "personas/catalog/versions.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/vault/webhook_secrets.hpp"

#include "call_form.hpp"

namespace personas::operations {

Result<store::Page> page_of(const Call& call, std::int64_t limit,
                            const std::optional<std::string>& cursor) {
  store::Page page{.limit = limit + 1, .after = {}};
  if (cursor) {
    TRY(page.after, call.services.pages.decode(call.tenant(), call.operation.id, *cursor));
  }
  return page;
}

Result<void> append_record(const Call& call, store::Transaction& tx, std::string_view type,
                           std::string data, Concerns concerns) {
  TRY_VOID(tx.append({.tenant = call.tenant(),
                      .at = call.now,
                      .type = type,
                      .data = std::move(data),
                      .execution_id = concerns.execution,
                      .persona_id = concerns.persona}));
  return {};
}

void tell_expiries_changed(Call& call) {
  call.after_commit.push_back([&webhooks = call.services.webhooks] {
    if (webhooks.expiries_changed) webhooks.expiries_changed();
  });
}

std::unexpected<Error> not_found(std::string_view what, std::string_view id) {
  return fail(ErrorCode::kNotFound, fmt::format("There is no {} '{}'", what, id));
}

Result<Persona> require_persona(const Call& call, store::Transaction& tx, const PersonaId& id) {
  return require(store::find_persona(tx, call.tenant(), id), "persona", id.str());
}

Result<void> record_persona(const Call& call, store::Transaction& tx, std::string_view type,
                            const Persona& persona) {
  return record_fact(call, tx, type, record::Named{persona.id.str(), persona.name},
                     {.persona = persona.id.str()});
}

Result<void> require_free_name(const Call& call, store::Transaction& tx, const Persona& persona) {
  TRY(const auto holder, store::find_persona_by_name(tx, call.tenant(), persona.name));
  if (!holder || holder->id == persona.id) return {};
  return fail(ErrorCode::kConflict,
              "The name '" + persona.name + "' is that of persona " + holder->id.str(),
              {{"/name", "is the name of another persona"}});
}

Result<Persona> save_persona(Call& call, store::Transaction& tx, Persona persona,
                             std::string_view note) {
  TRY(const auto existing, require_persona(call, tx, persona.id));
  TRY(const auto before, catalog::state_of(tx, call.tenant(), existing));
  TRY_VOID(store_changed(call, tx, existing, persona));
  TRY_VOID(catalog::note_change(tx, call.tenant(), before, persona, note, call.now));
  return persona;
}

Result<void> store_changed(Call& call, store::Transaction& tx, const Persona& existing,
                           Persona& persona) {
  TRY_VOID(require_free_name(call, tx, persona));
  TRY_VOID(check_input_schema(persona));
  TRY_VOID(catalog::check_group(tx, call.tenant(), existing.group_id, persona.group_id));
  persona.version = existing.version;
  persona.updated_at = call.now;
  TRY_VOID(vault::keep_webhook_secret(tx, call.services.vault, call.tenant(),
                                      existing.webhook_secret, persona, call.now));
  TRY_VOID(store::update_persona(tx, call.tenant(), persona));
  TRY_VOID(record_persona(call, tx, record::kPersonaUpdated, persona));
  call.after_commit.push_back(
      [&services = call.services, tenant = call.tenant(), id = persona.id,
       limit = persona.max_concurrent] { services.executions.persona_changed(tenant, id, limit); });
  return {};
}

Result<void> check_persona(const Call& call, store::Transaction& tx,
                           const std::optional<PersonaId>& id, std::string_view field) {
  if (!id) return {};
  TRY(const auto persona, store::find_persona(tx, call.tenant(), *id));
  if (persona) return {};
  return fail(ErrorCode::kNotFound, "There is no persona '" + id->str() + "'",
              {{std::string(field), "is not the id of a persona"}});
}

}  // namespace personas::operations
