// `personas ls`: what there is, as tables.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "personas/model/persona.hpp"

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

inline constexpr std::array<std::string_view, 8> kListKinds{
    "executions", "personas", "groups", "tools", "events", "messages", "reviews", "memories"};

struct ListOptions {
  std::string kind = "executions";
  std::string status;
  std::string persona;  // id or name
  std::string group;    // id or name; of personas
  int limit = 50;
  Format format = Format::kText;
};

Task<Result<void>> list(Context& context, ListOptions options);

// The persona with this id or name.
Task<Result<Persona>> find_persona(Api& api, std::string id_or_name);

}  // namespace personas::cli
