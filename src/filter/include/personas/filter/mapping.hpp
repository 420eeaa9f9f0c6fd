// From an event to the input of an execution: a JSON template whose strings hold `{{ path }}`.
//
// A string that is one placeholder becomes the value with its type; placeholders within other text
// become text. `{{ path | default: "x" }}` says what stands for what is missing or null; without it
// a missing value is an error that names the place. Compiled when it is saved. A value; any thread.
// Rules: docs/filters.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/filter/path.hpp"

namespace personas::filter {

inline constexpr std::size_t kMaxTemplateBytes = 16 * 1024;  // as compact JSON
inline constexpr std::size_t kMaxTemplateDepth = 32;
inline constexpr std::size_t kMaxPlaceholders = 200;
inline constexpr std::size_t kMaxMappedBytes = 64 * 1024;  // of the result, as compact JSON
inline constexpr std::size_t kMaxMappedDepth = 60;         // readers of JSON refuse deeper ones

// `{{ path }}`, `{{ path | default: literal }}` or `{{ literal }}`.
struct Placeholder {
  std::optional<Path> path = {};
  std::optional<boost::json::value> otherwise = {};
};

class Mapping {
 public:
  // kInvalidRequest: every wrong string with its JSON pointer; the message shows the first with a
  // caret.
  static Result<Mapping> compile(const boost::json::value& json);

  // kUnprocessable: what is missing or too large, and where in the template.
  Result<boost::json::value> apply(const Subject& subject) const;

 private:
  friend class MappingCompiler;
  friend class MappingRun;

  struct Piece {
    std::string text = {};  // in front of the placeholder
    std::optional<Placeholder> slot = {};
  };
  struct Node {
    enum class Kind : std::uint8_t { kConstant, kValue, kText, kList, kObject };
    Kind kind = Kind::kConstant;
    boost::json::value constant = {};
    std::vector<Piece> pieces = {};      // kText; kValue has one with a slot
    std::vector<std::string> keys = {};  // kObject
    std::vector<Node> children = {};
  };

  Node root_;
};

}  // namespace personas::filter
