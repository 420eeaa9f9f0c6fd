// Naming a thing by a part of its id, by "last", or by its name: what people type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/error.hpp"

namespace personas::cli {

// The one of `entries`, newest first, that `text` names: "last", its id, or an unambiguous
// beginning or end of it. `what` is singular; `see` the command that lists them.
template <class T>
Result<T> find_by_end(const std::vector<T>& entries, std::string_view text, std::string_view what,
                      std::string_view see) {
  const std::string shown = agents::clean_line(text, 200);
  if (text == "last" && !entries.empty()) return entries.front();
  const T* found = nullptr;
  for (const auto& entry : entries) {
    const std::string& id = entry.id.str();
    if (id == text) return entry;
    if (text.empty() || !(id.ends_with(text) || id.starts_with(text))) continue;
    if (found != nullptr) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("\"{}\" stands for several {}s; give more of the id", shown, what));
    }
    found = &entry;
  }
  if (found != nullptr) return *found;
  return fail(ErrorCode::kNotFound,
              entries.empty() ? fmt::format("There is no {}; see: {}", what, see)
                              : fmt::format("There is no {} \"{}\"; see: {}", what, shown, see));
}

}  // namespace personas::cli
