// The keywords of a schema: which shape each one's argument has, and how it is held against a
// value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parts.hpp"

namespace personas::json_schema {

enum class Shape : std::uint8_t {
  kAnything,       // an annotation
  kSchema,         // a schema of another value
  kSchemaHere,     // a schema of the same value
  kSchemas,        // a list of them, of other values
  kSchemasHere,    // of the same value
  kSchemaMap,      // by name, of other values
  kSchemaMapHere,  // of the same value
  kPatternMap,     // by pattern, of other values
  kCount,
  kNumber,
  kAboveZero,
  kBool,
  kNames,  // a list of different strings
  kNamesMap,
  kTypes,
  kValues,  // a list that is not empty
  kValue,
  kPattern,
  kReference,
  kDialect,
};

// A place in the value, by the places above it; the text is made when it is needed.
struct Place {
  const Place* above = nullptr;
  std::string_view name = {};
  std::size_t index = 0;

  std::string pointer() const;
};

class Checker;
// Whether `value` is right by this keyword of `schema`, whose argument is `argument`.
struct Applied {
  const boost::json::object& schema;
  const boost::json::value& argument;
  const boost::json::value& value;
  const Place& place;
};

struct Keyword {
  std::string_view name;
  Shape shape = Shape::kAnything;
  bool (*apply)(Checker&, const Applied&) = nullptr;
};

std::span<const Keyword> keywords();
const Keyword* find_keyword(std::string_view name);

// One value against one schema.
class Checker {
 public:
  explicit Checker(const Schema::Parts& parts) : parts_(parts) {}

  const Schema::Parts& parts() const { return parts_; }
  bool fits(const boost::json::value& schema, const boost::json::value& value, const Place& place);
  // The same without saying what is wrong.
  bool would_fit(const boost::json::value& schema, const boost::json::value& value,
                 const Place& place);
  // Always false.
  bool wrong(const Place& place, std::string message);
  bool matches(std::string_view pattern, std::string_view text);
  void work(std::uint64_t amount) { work_ += amount; }
  bool exhausted() const { return work_ > kMaxWork; }
  std::vector<FieldError>& errors() { return errors_; }

 private:
  const Schema::Parts& parts_;
  std::vector<FieldError> errors_;
  int quiet_ = 0;
  std::uint64_t work_ = 0;
};

}  // namespace personas::json_schema
