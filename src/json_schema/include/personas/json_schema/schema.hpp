// JSON Schemas that users write, and values held against them: the vocabulary of draft 2020-12 but
// what needs a second document or a record of what was evaluated
// (docs/decisions/0025-json-schema.md).
//
// A schema is checked whole when it is compiled: each keyword is known and has its shape, each $ref
// points to a schema within the document and not back to itself, each pattern is one that is
// matched in linear time. So check() can only find the value wrong, within a bound of work.
// `format` and other annotations are allowed and not enforced, as the draft has it.
//
// Pure; a compiled schema is immutable and may be used from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <boost/json.hpp>

#include "personas/base/error.hpp"

namespace personas::json_schema {

inline constexpr std::size_t kMaxSchemaBytes = 64 * 1024;  // of its compact text
inline constexpr std::size_t kMaxSchemaDepth = 32;         // schemas within schemas
inline constexpr std::size_t kMaxSubschemas = 1'000;
// Of one value: keywords applied, characters of patterns and enums looked at. A body of ordinary
// size takes hundreds; the bound is some ten milliseconds, because a writer may wait for it.
inline constexpr std::uint64_t kMaxWork = 1'000'000;

class Schema {
 public:
  // kInvalidRequest, with what is wrong by its pointer within the schema, behind `at`.
  static Result<Schema> compile(boost::json::value json, std::string_view at = {});
  static Result<Schema> parse(std::string_view text, std::string_view at = {});

  // kInvalidRequest, with every wrong field by its pointer within the value;
  // kUnprocessable if that takes more than kMaxWork.
  Result<void> check(const boost::json::value& value) const;

  struct Parts;

 private:
  explicit Schema(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

}  // namespace personas::json_schema
