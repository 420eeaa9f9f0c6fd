// What handlers share: replies, pages, journal records.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "personas/codec/json.hpp"
#include "personas/operations/operation.hpp"
#include "personas/operations/requests.hpp"
#include "personas/store/repositories.hpp"

namespace personas::operations {

template <class T>
Reply json_reply(int status, const T& value) {
  Reply reply{.status = status};
  codec::append_json(value, reply.body);
  return reply;
}

inline Reply empty_reply() {
  return {.status = 204, .content_type = {}};
}

template <class T>
Reply list_reply(const std::vector<T>& rows) {
  Reply reply;
  reply.body = "[";
  for (const auto& row : rows) {
    if (reply.body.size() > 1) reply.body += ',';
    codec::append_json(row, reply.body);
  }
  reply.body += ']';
  return reply;
}

// The page a query asks for, with one row more, by which page_reply() knows whether it goes on.
Result<store::Page> page_of(const Call& call, std::int64_t limit,
                            const std::optional<std::string>& cursor);

template <class T>
Reply page_reply(const Call& call, std::vector<T> rows, std::int64_t limit) {
  std::optional<std::string> next;
  if (rows.size() > static_cast<std::size_t>(limit)) {
    rows.resize(static_cast<std::size_t>(limit));
    next = call.services.pages.encode(call.tenant(), call.operation.id, rows.back().id.str());
  }
  Reply reply = list_reply(rows);
  reply.next_cursor = std::move(next);
  return reply;
}

struct Concerns {
  std::string_view execution = {};
  std::string_view persona = {};
};

Result<void> append_record(const Call& call, store::Transaction& tx, std::string_view type,
                           std::string data, Concerns concerns);

template <class Data>
Result<void> record_fact(const Call& call, store::Transaction& tx, std::string_view type,
                         const Data& data, Concerns concerns = {}) {
  return append_record(call, tx, type, codec::to_json(data), concerns);
}

// After the commit whoever tells of expiries looks when the next one is.
void tell_expiries_changed(Call& call);

// "There is no persona 'per_1'".
std::unexpected<Error> not_found(std::string_view what, std::string_view id);

// The row, or kNotFound.
template <class T>
Result<T> require(Result<std::optional<T>> found, std::string_view what, std::string_view id) {
  if (!found) return std::unexpected(std::move(found).error());
  if (!*found) return not_found(what, id);
  return std::move(**found);
}

// A persona that a body names must exist; `field` is what is wrong if it does not.
Result<void> check_persona(const Call& call, store::Transaction& tx,
                           const std::optional<PersonaId>& id, std::string_view field);
inline std::string_view text_of(const std::optional<PersonaId>& id) {
  return id ? std::string_view(id->str()) : std::string_view();
}

Result<Persona> require_persona(const Call& call, store::Transaction& tx, const PersonaId& id);

// What every change of a persona shares. The journal's record of it:
Result<void> record_persona(const Call& call, store::Transaction& tx, std::string_view type,
                            const Persona& persona);
// Names are unique in a tenant. The index would refuse it too, but not say why.
Result<void> require_free_name(const Call& call, store::Transaction& tx, const Persona& persona);
// A changed persona in place of the one with its id: checked, recorded, kept as a version with its
// note, told to the dispatcher. Returns it as it is now.
Result<Persona> save_persona(Call& call, store::Transaction& tx, Persona persona,
                             std::string_view note = {});
// The same without the version, for who changes its tools too and notes the change afterwards.
Result<void> store_changed(Call& call, store::Transaction& tx, const Persona& existing,
                           Persona& persona);

// Reads Call::json over `target`, of which what is not mentioned stays.
template <class T>
Result<void> merge_body(const Call& call, T& target) {
  return codec::read_into(call.json, target,
                          {.completeness = codec::ReadOptions::Completeness::kPartial});
}

// An id in the body of a request for /…/{id} may only repeat it.
template <class T>
Result<void> same_id(const T& in_body, const T& in_path) {
  if (in_body.empty() || in_body == in_path) return {};
  return fail(ErrorCode::kInvalidRequest, "The id in the body is not the one in the path",
              {{"/id", "must be the id in the path, or absent"}});
}

}  // namespace personas::operations
