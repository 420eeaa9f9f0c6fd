// Finds the forms of secrets in a text that comes in pieces, however it is cut.
//
// Two automata run side by side: one for exact forms, one for armoured ones, which steps over line
// breaks once it has seen kGapDepth characters of a form. Most text is never shown to them: a table
// of three-byte blocks says how far no form can begin (after Wu and Manber), and the automata run
// from there on only while one of them has hope.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pattern_set.hpp"

namespace personas {

// Characters of an armoured form before a line break inside it is stepped over.
inline constexpr std::size_t kGapDepth = 8;
// What is stepped over at once: a line break, perhaps escaped several times, and an indentation.
inline constexpr std::size_t kMaxGap = 32;
// All gaps of one form: a quarter of it, and this. Bounds what is held back.
inline constexpr std::size_t kGapAllowance = 32;

class PatternScan {
 public:
  PatternScan(const std::vector<Pattern>& exact, const std::vector<Pattern>& armoured);

  // Found forms, as offsets from the beginning of the stream. Ones that overlap are one span, named
  // after the longest of them where it covers the others, else after the first.
  struct Span {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint32_t owner = 0;
  };
  struct Progress {
    std::uint64_t offset = 0;  // bytes seen
    std::vector<Span> spans;   // in order, disjoint; whoever has dealt with one removes it
    // No form that is found later begins before this.
    std::uint64_t settled = 0;

   private:
    friend class PatternScan;
    struct Gap {
      std::uint64_t before = 0;  // characters of armour in front of it
      std::uint64_t size = 0;
    };
    PatternSet::State exact = PatternSet::kStart;
    PatternSet::State armoured = PatternSet::kStart;
    std::uint64_t characters = 0;  // of armour, seen since the automaton began
    std::uint64_t gap = 0;         // bytes of the gap under way
    std::uint64_t backslashes = 0;
    std::vector<Gap> gaps;
  };

  void scan(std::string_view piece, Progress& progress) const;

 private:
  enum class Taken : std::uint8_t { kNo, kYes };

  std::size_t skip(std::string_view piece, std::size_t at) const;
  void step(char c, Progress& progress) const;
  void step_armoured(char c, Progress& progress) const;
  Taken take_gap(char c, Progress& progress) const;
  void leave_armour(Progress& progress) const;
  static std::uint64_t gaps_within(const Progress& progress, std::uint64_t depth);
  static void found(std::uint64_t begin, std::uint64_t end, std::uint32_t owner,
                    Progress& progress);
  std::uint64_t earliest_begin(const Progress& progress) const;

  static constexpr std::size_t kBlock = 3;
  static constexpr unsigned kTableBits = 15;
  static std::size_t block_of(const char* at);

  PatternSet exact_;
  PatternSet armoured_;
  std::size_t window_ = 0;  // every form has at least so many bytes before a gap
  std::vector<std::uint8_t> shift_;
};

}  // namespace personas
