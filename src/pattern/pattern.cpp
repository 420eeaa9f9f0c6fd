#include "personas/pattern/pattern.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace personas::pattern {
namespace {

constexpr char32_t kEnd = 0xFFFFFFFF;
constexpr char32_t kLastCodePoint = 0x10FFFF;

// The code point at `at`, which moves on. Ill-formed bytes count as one each.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t index) {
    return static_cast<unsigned char>(index < text.size() ? text[index] : 0);
  };
  const unsigned char lead = byte(at);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  char32_t value = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80 || lead < 0xC0) {
      ++at;
      return lead;
    }
    value = (value << 6) | (byte(at + i) & 0x3FU);
  }
  at += length;
  return value;
}

char32_t lower(char32_t c) {
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

bool is_word(char32_t c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
}

}  // namespace

// Recursive descent; each part appends its instructions at the end of the program.
class PatternCompiler {
 public:
  using Instruction = Pattern::Instruction;
  using Op = Pattern::Op;
  using Range = Pattern::Range;

  explicit PatternCompiler(std::string_view text) : text_(text) {}

  Result<Pattern> compile() {
    Pattern pattern;
    if (text_.starts_with("(?i)")) {
      pattern.any_case_ = true;
      at_ = 4;
    }
    if (!alternatives(0) || (at_ < text_.size() && !refuse("a ) without its ("))) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("the pattern is wrong at its character {}: {}", at_ + 1, problem_));
    }
    emit({.op = Op::kMatch});
    pattern.program_ = std::move(program_);
    return pattern;
  }

 private:
  bool refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }
  bool more() const { return at_ < text_.size(); }
  bool take(char c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::size_t emit(Instruction instruction) {
    program_.push_back(std::move(instruction));
    return program_.size() - 1;
  }
  bool fits() { return program_.size() <= kMaxInstructions || refuse("the pattern is too long"); }

  // a|b|c: split over each, jumps to the common end.
  bool alternatives(int depth) {
    if (depth > kMaxPatternDepth) return refuse("groups are nested too deeply");
    std::vector<std::size_t> jumps;
    for (;;) {
      const std::size_t begin = program_.size();
      if (!sequence(depth)) return false;
      if (!take('|')) break;
      insert_split(begin, program_.size() + 2);
      jumps.push_back(emit({.op = Op::kJump}));
    }
    for (const auto jump : jumps) program_[jump].next = program_.size();
    return true;
  }

  bool sequence(int depth) {
    while (more() && text_[at_] != '|' && text_[at_] != ')') {
      const std::size_t begin = program_.size();
      if (!atom(depth) || !repetition(begin) || !fits()) return false;
    }
    return true;
  }

  // Puts a split in front of what begins at `begin`: on into it, or to `other`.
  void insert_split(std::size_t begin, std::size_t other) {
    shift(begin, 1);
    program_.insert(program_.begin() + static_cast<std::ptrdiff_t>(begin),
                    Instruction{.op = Op::kSplit, .next = begin + 1, .other = other});
  }
  void shift(std::size_t begin, std::size_t by) {
    for (std::size_t i = begin; i < program_.size(); ++i) {
      program_[i].next += by;
      program_[i].other += by;
    }
  }

  bool repetition(std::size_t begin) {
    int least = 1, most = 1;
    if (!more()) return true;
    if (take('*')) {
      least = 0, most = -1;
    } else if (take('+')) {
      most = -1;
    } else if (take('?')) {
      least = 0;
    } else if (text_[at_] != '{') {
      return true;
    } else if (!counts(least, most)) {
      return false;
    }
    if (take('?')) {
      // Reluctant: the same language, and only whether it matches is asked.
    }
    if (more() && std::string_view("*+?{").contains(text_[at_])) {
      return refuse("a repetition of a repetition");
    }
    return repeat(begin, least, most);
  }

  bool number(int& value) {
    const std::size_t start = at_;
    value = 0;
    while (more() && text_[at_] >= '0' && text_[at_] <= '9' && value <= kMaxRepeat) {
      value = value * 10 + (text_[at_++] - '0');
    }
    return at_ > start && (value <= kMaxRepeat || refuse("at most 1000 repetitions"));
  }

  bool counts(int& least, int& most) {
    ++at_;
    if (!number(least)) return refuse("expected {n}, {n,} or {n,m}");
    most = least;
    if (take(',')) {
      most = -1;
      if (more() && text_[at_] != '}' && !number(most)) return refuse("expected {n,m}");
    }
    if (!take('}')) return refuse("expected {n}, {n,} or {n,m}");
    return most < 0 || least <= most || refuse("{n,m} with n above m");
  }

  // Writes the part out as often as it must and may occur.
  bool repeat(std::size_t begin, int least, int most) {
    const std::vector<Instruction> part(program_.begin() + static_cast<std::ptrdiff_t>(begin),
                                        program_.end());
    program_.resize(begin);
    for (int i = 0; i < least; ++i) {
      if (!append(part, begin)) return false;
    }
    if (most < 0) {
      const std::size_t split = emit({.op = Op::kSplit});
      program_[split].next = split + 1;
      if (!append(part, begin)) return false;
      emit({.op = Op::kJump, .next = split});
      program_[split].other = program_.size();
      return true;
    }
    std::vector<std::size_t> splits;
    for (int i = least; i < most; ++i) {
      splits.push_back(emit({.op = Op::kSplit}));
      program_[splits.back()].next = splits.back() + 1;
      if (!append(part, begin)) return false;
    }
    for (const auto split : splits) program_[split].other = program_.size();
    return true;
  }

  bool append(const std::vector<Instruction>& part, std::size_t original) {
    const std::size_t by = program_.size() - original;
    for (auto instruction : part) {
      instruction.next += by;
      instruction.other += by;
      program_.push_back(std::move(instruction));
    }
    return fits();
  }

  bool atom(int depth) {
    const char c = text_[at_];
    if (std::string_view("*+?{").contains(c)) return refuse("nothing to repeat");
    if (take('^')) return emit({.op = Op::kLineStart}), true;
    if (take('$')) return emit({.op = Op::kLineEnd}), true;
    if (take('.')) return emit_set({{'\n', '\n'}}, true);
    if (take('[')) return brackets();
    if (take('\\')) return escaped();
    if (!take('(')) {
      const char32_t plain = next_code_point(text_, at_);
      return emit_set({{plain, plain}}, false);
    }
    if (take('?') && !take(':')) return refuse("only (?:…) and a leading (?i) are supported");
    return alternatives(depth + 1) && (take(')') || refuse("a ( without its )"));
  }

  bool emit_set(std::vector<Range> set, bool negated) {
    emit({.op = Op::kSet, .set = std::move(set), .negated = negated});
    return true;
  }

  // \d \w \s as ranges; false if `c` is none of them.
  static bool class_of(char c, std::vector<Range>& set) {
    if (c == 'd') set.insert(set.end(), {{'0', '9'}});
    if (c == 'w') set.insert(set.end(), {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
    if (c == 's') set.insert(set.end(), {{'\t', '\r'}, {' ', ' '}});
    return std::string_view("dws").contains(c);
  }

  // What stands for itself behind a backslash, and \n \t \r.
  bool literal(char32_t& c) {
    if (!more()) return refuse("a \\ at the end");
    const char escape = text_[at_];
    if ((escape >= '0' && escape <= '9') || is_word(static_cast<unsigned char>(escape))) {
      constexpr std::string_view kNames = "ntr";
      constexpr std::string_view kValues = "\n\t\r";
      const auto known = kNames.find(escape);
      if (known == std::string_view::npos) return refuse("an unknown escape");
      ++at_;
      c = static_cast<unsigned char>(kValues[known]);
      return true;
    }
    c = next_code_point(text_, at_);
    return true;
  }

  bool escaped() {
    if (!more()) return refuse("a \\ at the end");
    if (take('b')) return emit({.op = Op::kWordBorder}), true;
    std::vector<Range> set;
    const char c = text_[at_];
    const bool negated = c >= 'A' && c <= 'Z';
    if (class_of(negated ? static_cast<char>(c + 32) : c, set)) {
      ++at_;
      return emit_set(std::move(set), negated);
    }
    char32_t plain = 0;
    return literal(plain) && emit_set({{plain, plain}}, false);
  }

  bool brackets() {
    std::vector<Range> set;
    const bool negated = take('^');
    bool first = true;
    while (more() && (text_[at_] != ']' || first)) {
      first = false;
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && class_of(text_[at_ + 1], set)) {
        at_ += 2;
        continue;
      }
      char32_t low = 0;
      if (!member(low)) return false;
      char32_t high = low;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        if (!member(high)) return false;
      }
      if (high < low) return refuse("a range whose end is before its start");
      set.push_back({low, high});
    }
    if (!take(']')) return refuse("a [ without its ]");
    return emit_set(std::move(set), negated);
  }

  bool member(char32_t& c) {
    if (take('\\')) return literal(c);
    c = next_code_point(text_, at_);
    return c <= kLastCodePoint;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Instruction> program_;
  std::string problem_;
};

// One pass over the text with the set of states that are possible at each character.
class PatternRun {
 public:
  explicit PatternRun(const Pattern& pattern)
      : pattern_(pattern), marks_(pattern.program_.size(), 0) {}

  Pattern::Match search(std::string_view text, std::uint64_t max_steps) {
    char32_t before = kEnd;
    std::size_t at = 0;
    for (;;) {
      const std::size_t here = at;
      const char32_t now = at < text.size() ? next_code_point(text, at) : kEnd;
      ++round_;
      std::vector<std::size_t> states;
      for (const auto state : waiting_) follow(state, before, now, states);
      follow(0, before, now, states);  // a match may begin anywhere
      if (matched_) return {.found = true, .end = here, .steps = steps_};
      if (now == kEnd) return {.steps = steps_};
      if (steps_ > max_steps) return {.gave_up = true, .steps = steps_};
      waiting_.clear();
      for (const auto state : states) {
        if (accepts(pattern_.program_[state], now)) waiting_.push_back(state + 1);
      }
      before = now;
    }
  }

 private:
  using Op = Pattern::Op;

  // All sets that can be reached from `state` without taking a character.
  void follow(std::size_t state, char32_t before, char32_t now, std::vector<std::size_t>& states) {
    pending_.push_back(state);
    while (!pending_.empty()) {
      const std::size_t at = pending_.back();
      pending_.pop_back();
      if (marks_[at] == round_) continue;
      marks_[at] = round_;
      ++steps_;
      const auto& instruction = pattern_.program_[at];
      switch (instruction.op) {
        case Op::kSet:
          states.push_back(at);
          break;
        case Op::kSplit:
          pending_.push_back(instruction.other);
          pending_.push_back(instruction.next);
          break;
        case Op::kJump:
          pending_.push_back(instruction.next);
          break;
        case Op::kLineStart:
          if (before == kEnd || (by_line() && before == '\n')) pending_.push_back(at + 1);
          break;
        case Op::kLineEnd:
          if (now == kEnd || (by_line() && now == '\n')) pending_.push_back(at + 1);
          break;
        case Op::kWordBorder:
          if (is_word(before) != is_word(now)) pending_.push_back(at + 1);
          break;
        case Op::kMatch:
          matched_ = true;
          break;
      }
    }
  }

  bool by_line() const { return pattern_.borders_ == Borders::kLines; }

  bool accepts(const Pattern::Instruction& instruction, char32_t c) const {
    const auto within = [&instruction](char32_t one) {
      return std::ranges::any_of(instruction.set, [one](const Pattern::Range& range) {
        return range.first <= one && one <= range.last;
      });
    };
    bool in_set = within(c);
    if (!in_set && pattern_.any_case_ && lower(c) >= 'a' && lower(c) <= 'z') {
      in_set = within(lower(c)) || within(lower(c) - 32);
    }
    return in_set != instruction.negated;
  }

  const Pattern& pattern_;
  std::vector<std::uint64_t> marks_;  // the round in which a state was last reached
  std::uint64_t round_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<std::size_t> waiting_;
  std::vector<std::size_t> pending_;
  bool matched_ = false;
};

Result<Pattern> Pattern::compile(std::string_view text, Borders borders) {
  if (text.size() > kMaxPattern) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("the pattern has more than {} bytes", kMaxPattern));
  }
  TRY(auto pattern, PatternCompiler(text).compile());
  pattern.borders_ = borders;
  return pattern;
}

Pattern::Match Pattern::search(std::string_view text, std::uint64_t max_steps) const {
  return PatternRun(*this).search(text, max_steps);
}

}  // namespace personas::pattern
