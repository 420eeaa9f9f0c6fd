// How two values differ, for people. Pure.
#pragma once

#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/catalog/types.hpp"

namespace personas::catalog {

// Lines compared one by one; beyond it the whole text counts as replaced. Bounds time and memory
// to the square of it.
inline constexpr std::size_t kMaxComparedLines = 2'000;
// Equal lines shown around a change.
inline constexpr std::size_t kContextLines = 3;

// A shortest edit from one text to the other, equal lines far from any change left out.
std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after);

// The members that differ, in the order of `after`, then those that are gone. Objects are compared
// member by member; a structured prompt's own sections by their titles.
std::vector<FieldChange> diff_objects(const boost::json::object& before,
                                      const boost::json::object& after);

}  // namespace personas::catalog
