// "Did you mean …?": the known word nearest to a mistyped one.
#pragma once

#include <span>
#include <string_view>

namespace personas {

// The nearest of `known` by edit distance (insert, delete, replace, swap neighbours), or an empty
// view if none is near: more than a third of the word would have to change.
std::string_view closest(std::string_view word, std::span<const std::string_view> known);

}  // namespace personas
