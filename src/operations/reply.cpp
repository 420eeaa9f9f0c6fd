#include "reply.hpp"

#include <fmt/format.h>

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

std::unexpected<Error> not_found(std::string_view what, std::string_view id) {
  return fail(ErrorCode::kNotFound, fmt::format("There is no {} '{}'", what, id));
}

Result<Persona> require_persona(const Call& call, store::Transaction& tx, const PersonaId& id) {
  return require(store::find_persona(tx, call.tenant(), id), "persona", id.str());
}

}  // namespace personas::operations
