// Conditions that users write about events: `action == "opened" and labels[*].name contains "bug"`.
//
// Compiled when they are saved, with errors that name the place, and evaluated for every event of
// the right type. The language is total: what is missing is null, values of different types are
// neither equal nor ordered, and nothing is an error. It is bounded whatever the filter and the
// event: no loops, no regular expressions, kMaxSteps. Grammar and types: docs/filters.md; why:
// docs/decisions/0020-filter-language.md. A Filter is a value; evaluating takes no heap, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/base/error.hpp"
#include "personas/filter/path.hpp"

namespace personas::filter {

inline constexpr std::size_t kMaxFilterBytes = 4 * 1024;
inline constexpr std::size_t kMaxInstructions = 500;  // tests, negations and jumps
inline constexpr int kMaxFilterDepth = 32;            // of parentheses and `not`

enum class Op : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kContains,
  kStartsWith,
  kEndsWith,
  kExists,
  kIsTrue,  // a path or literal that stands alone
  kNot,
  kSkipIfTrue,   // goes on at `target` when what was found last is true: `or`
  kSkipIfFalse,  // `and`
};

// What a test compares: a path or a literal of the filter.
struct Operand {
  enum class Kind : std::uint8_t { kNone, kPath, kLiteral };
  Kind kind = Kind::kNone;
  std::uint16_t index = 0;
  std::uint16_t count = 1;  // literals from `index` on, of `in`
  bool operator==(const Operand&) const = default;
};

struct Verdict {
  bool matches = false;
  bool gave_up = false;  // after kMaxSteps; then it does not match
  std::uint32_t steps = 0;
};

class Filter {
 public:
  // kInvalidRequest: what was expected and where, with the line and a caret below it.
  static Result<Filter> compile(std::string_view text);

  Verdict evaluate(const Subject& subject) const;

  // The filter with usual spacing and quotes; compiling it again gives an equal filter.
  const std::string& text() const { return text_; }

  bool operator==(const Filter&) const = default;

 private:
  friend class FilterCompiler;
  friend class FilterRun;

  struct Instruction {
    Op op = Op::kIsTrue;
    Operand left = {};
    Operand right = {};
    std::uint16_t target = 0;
    bool operator==(const Instruction&) const = default;
  };

  std::vector<Instruction> program_;
  std::vector<Path> paths_;
  std::vector<boost::json::value> literals_;
  std::string text_;
};

}  // namespace personas::filter
