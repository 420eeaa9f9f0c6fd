// Migration 10: personas that are called. Conventions: see schema.cpp.
#pragma once

#include <string_view>

namespace personas::store {

inline constexpr std::string_view kCalls = R"sql(
ALTER TABLE personas ADD COLUMN input_schema text;
)sql";

}  // namespace personas::store
