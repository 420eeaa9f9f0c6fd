// The request target, understood once and strictly.
//
// Everything behind the server (routes, permissions, logs) sees one path, so a path that two
// readers could understand differently is refused instead of repaired: it is percent-decoded
// exactly once and must not hold empty or dot segments, separators in disguise or control
// characters.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::net {

struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;  // in order, "+" is a space
};

// More parameters than any operation has; refused, so that a query costs no more than its bytes.
inline constexpr std::size_t kMaxQueryParameters = 256;

// Accepts origin form only ("/path?query"). Everything else is kInvalidRequest.
Result<Target> parse_target(std::string_view raw);

// Percent-encodes everything but unreserved characters; the inverse of one path segment or one
// query part.
std::string percent_encode(std::string_view text);

}  // namespace personas::net
