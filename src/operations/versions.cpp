// Versions of personas.
#include "personas/catalog/versions.hpp"

#include <charconv>

#include <fmt/format.h>

#include "personas/operations/requests_described.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

Result<std::int64_t> version_of(const Call& call, std::size_t index) {
  const std::string& text = call.ids.at(index);
  std::int64_t version = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, version);
  if (parsed.ec == std::errc() && parsed.ptr == end && version > 0) return version;
  return fail(ErrorCode::kNotFound,
              fmt::format("'{}' is no version; versions are 1, 2, 3, …", text));
}

Result<Reply> list_versions(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  std::int64_t before = INT64_MAX;
  if (page.after)
    std::from_chars(page.after->data(), page.after->data() + page.after->size(), before);
  TRY(auto rows, catalog::list_versions(tx, call.tenant(), persona, before, page.limit));
  std::optional<std::string> next;
  if (rows.size() > static_cast<std::size_t>(query.limit)) {
    rows.resize(static_cast<std::size_t>(query.limit));
    next = call.services.pages.encode(call.tenant(), call.operation.id,
                                      std::to_string(rows.back().version));
  }
  Reply reply = list_reply(rows);
  reply.next_cursor = std::move(next);
  return reply;
}

Result<Reply> get_version(Call& call, store::Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto version, version_of(call, 1));
  TRY(const auto row, catalog::require_version(tx, call.tenant(), persona, version));
  return json_reply(200, row);
}

Result<Reply> diff_versions(Call& call, store::Transaction& tx) {
  TRY(const auto persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto from, version_of(call, 1));
  TRY(const auto to, version_of(call, 2));
  TRY(const auto diff, catalog::diff_versions(tx, call.tenant(), persona, from, to));
  return json_reply(200, diff);
}

Result<Reply> restore_version(Call& call, store::Transaction& tx) {
  TRY(const auto existing, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(const auto version, version_of(call, 1));
  TRY(const auto before, catalog::state_of(tx, call.tenant(), existing));
  Persona persona = existing;
  TRY_VOID(catalog::restore_version(tx, call.tenant(), persona, version, call.now));
  TRY_VOID(store_changed(call, tx, existing, persona));
  TRY_VOID(catalog::note_change(tx, call.tenant(), before, persona,
                                fmt::format("restored version {}", version), call.now));
  return json_reply(200, persona);
}

}  // namespace

void add_versions(Table& table) {
  table.push_back({.id = "listPersonaVersions",
                   .method = "GET",
                   .path = "/api/personas/{id}/versions",
                   .summary = "List the versions of a persona, newest first",
                   .tag = "Personas",
                   .query = input<PageQuery>(),
                   .output = page<catalog::PersonaVersion>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &list_versions});
  table.push_back({.id = "getPersonaVersion",
                   .method = "GET",
                   .path = "/api/personas/{id}/versions/{version}",
                   .summary = "Get a version of a persona: what it was",
                   .tag = "Personas",
                   .output = one<catalog::PersonaVersion>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_version});
  table.push_back({.id = "diffPersonaVersions",
                   .method = "GET",
                   .path = "/api/personas/{id}/versions/{from}/diff/{to}",
                   .summary = "Show how two versions of a persona differ",
                   .tag = "Personas",
                   .output = one<catalog::PersonaDiff>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &diff_versions});
  table.push_back(
      {.id = "restorePersonaVersion",
       .method = "POST",
       .path = "/api/personas/{id}/versions/{version}/restore",
       .summary = "Make a persona what it was in a version; this makes a new one",
       .tag = "Personas",
       .scope = Scope::kWrite,
       .output = one<Persona>(),
       .errors = {ErrorCode::kNotFound, ErrorCode::kConflict, ErrorCode::kUnprocessable},
       .handler = Write{&restore_version}});
}

}  // namespace personas::operations
