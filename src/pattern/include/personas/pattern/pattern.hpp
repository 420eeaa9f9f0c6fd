// Regular expressions whose matching takes time linear in the text, whatever the pattern: an
// automaton whose states advance together, no backtracking. For patterns that users write and texts
// that agents write; std::regex can be made to run for ever, or to overflow the stack, by either.
//
// Syntax: characters, . (any but a line end), [abc] [^a-z], \d \w \s \D \W \S, \b, ^ $, (…) and
// (?:…), |, * + ? {n} {n,} {n,m}, and (?i) at the start for any case of ASCII. Characters are code
// points. There are no captures, look-arounds or back references. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::pattern {

inline constexpr std::size_t kMaxPattern = 1'000;       // bytes
inline constexpr std::size_t kMaxInstructions = 5'000;  // after {n,m} is written out
inline constexpr int kMaxPatternDepth = 50;             // of nested groups
inline constexpr int kMaxRepeat = 1'000;
// States visited in one search: about a second. Reached only by a large pattern on a large text.
inline constexpr std::uint64_t kMaxSteps = 200'000'000;

// Where ^ and $ hold: in output that is looked through, at each line; in a rule for a whole value,
// at its ends only, so that no second line passes unseen.
enum class Borders : std::uint8_t { kLines, kText };

class Pattern {
 public:
  // kInvalidRequest says what is wrong and where.
  static Result<Pattern> compile(std::string_view text, Borders borders = Borders::kLines);

  struct Match {
    bool found = false;
    bool gave_up = false;     // after max_steps
    std::size_t end = 0;      // where the first match that ends ends
    std::uint64_t steps = 0;  // states visited
  };
  // Whether it matches anywhere in `text`.
  Match search(std::string_view text, std::uint64_t max_steps = kMaxSteps) const;

 private:
  friend class PatternCompiler;
  friend class PatternRun;

  struct Range {
    char32_t first;
    char32_t last;
  };
  enum class Op : std::uint8_t { kSet, kSplit, kJump, kLineStart, kLineEnd, kWordBorder, kMatch };
  struct Instruction {
    Op op = Op::kMatch;
    std::size_t next = 0;         // kSplit, kJump
    std::size_t other = 0;        // kSplit
    std::vector<Range> set = {};  // kSet
    bool negated = false;
  };

  std::vector<Instruction> program_;
  bool any_case_ = false;
  Borders borders_ = Borders::kLines;
};

}  // namespace personas::pattern
