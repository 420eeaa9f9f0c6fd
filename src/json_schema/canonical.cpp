// Equality of JSON values as the draft has it, by a text that equal values share.
#include <cmath>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "personas/codec/json.hpp"

#include "parts.hpp"

namespace personas::json_schema {
namespace {

constexpr double kFirstNotExact = 9.2e18;  // beyond it a double is no int64

void append(const boost::json::value& value, std::string& out) {
  if (value.is_object()) {
    std::map<std::string_view, const boost::json::value*> members;
    for (const auto& member : value.get_object()) members[member.key()] = &member.value();
    out += '{';
    for (const auto& [name, member] : members) {
      codec::append_json_string(name, out);
      out += ':';
      append(*member, out);
      out += ',';
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const auto& entry : value.get_array()) {
      append(entry, out);
      out += ',';
    }
    out += ']';
  } else if (value.is_double() && std::trunc(value.get_double()) == value.get_double() &&
             std::abs(value.get_double()) < kFirstNotExact) {
    out += fmt::to_string(static_cast<std::int64_t>(value.get_double()));
  } else {
    out += codec::serialize(value);
  }
}

}  // namespace

std::string canonical(const boost::json::value& value) {
  std::string out;
  append(value, out);
  return out;
}

}  // namespace personas::json_schema
