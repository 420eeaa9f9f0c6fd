// YAML documents as JSON values that remember their lines, and JSON values as YAML for people.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/error.hpp"

namespace personas::codec {

inline constexpr std::size_t kMaxYamlBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxYamlDepth = 64;
// Values after aliases are followed: a few lines of nested aliases can stand for billions.
inline constexpr std::size_t kMaxYamlValues = 100'000;
// Texts, names and the paths to them after aliases are followed: what a document takes in memory.
inline constexpr std::size_t kMaxYamlExpandedBytes = 4 * kMaxYamlBytes;

struct YamlDocument {
  boost::json::value json;
  std::map<std::string, int> lines;  // by JSON pointer; "" is the document

  // The line of what the pointer names, or of the nearest thing around it.
  int line_of(std::string_view pointer) const;
};

// Plain scalars become null, booleans and numbers as in YAML 1.2's core schema; quoted ones stay
// strings. `name` is what errors call the file: each is at "name:line". Empty documents are left
// out.
Result<std::vector<YamlDocument>> parse_yaml(std::string_view text, const std::string& name);

// What every reader of YAML shares. The first line that is not UTF-8, which the library would let
// through; and what the library says about a line (from 0), of which its words may cut a character.
std::optional<FieldError> find_not_utf8(std::string_view text, const std::string& name);
FieldError yaml_error(const std::string& name, int line, std::string_view message);

// One document in block style, members in their order: what parse_yaml() reads back as the same
// value. Equal values give equal bytes.
std::string write_yaml(const boost::json::value& value);

}  // namespace personas::codec
