// A compiled schema: the document, and what its keywords would otherwise work out each time. Keys
// are places in `root`, which never moves.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "personas/json_schema/schema.hpp"
#include "personas/pattern/pattern.hpp"

namespace personas::json_schema {

struct Schema::Parts {
  boost::json::value root;
  std::map<std::string, pattern::Pattern, std::less<>> patterns;  // by their text
  std::unordered_map<const boost::json::value*, const boost::json::value*> targets;  // of $ref
  // The values of `enum` and `const`, as canonical() has them.
  std::unordered_map<const boost::json::value*, std::set<std::string, std::less<>>> allowed;
};

// The same text for equal values: members in order, 1.0 as 1.
std::string canonical(const boost::json::value& value);

}  // namespace personas::json_schema
