// Query parameters and bodies of memories and messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "personas/operations/requests.hpp"

namespace personas::operations {

struct MemoriesQuery {
  std::optional<PersonaId> persona_id;
  std::optional<std::string> q;
  std::optional<bool> shared;
  std::int64_t limit = kDefaultPage;
  std::optional<std::string> cursor;
};

struct MessageBody {
  bool read = false;
};

}  // namespace personas::operations

namespace personas::codec {

template <>
struct Described<operations::MemoriesQuery> {
  using Q = operations::MemoriesQuery;
  static constexpr std::string_view name = "MemoriesQuery";
  static constexpr auto fields = std::tuple{
      field("personaId", &Q::persona_id).doc("Those of this persona"),
      field("q", &Q::q).length(0, 200).doc("With this text in the title or the content"),
      field("shared", &Q::shared)
          .doc("Those that belong to no persona: only them, without them; with personaId they "
               "come as well when true"),
      field("limit", &Q::limit).range(1, operations::kMaxPage).doc("Entries of a page"),
      field("cursor", &Q::cursor).length(1, 500).doc("X-Next-Cursor of the page before")};
};

template <>
struct Described<operations::MessageBody> {
  static constexpr std::string_view name = "MessageBody";
  static constexpr auto fields =
      std::tuple{field("read", &operations::MessageBody::read).required()};
};

}  // namespace personas::codec
