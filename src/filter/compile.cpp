// Recursive descent. What is read becomes a line of tests and jumps, so that evaluating needs no
// stack: `a and b` is "a, skip the rest if false, b".
#include <array>
#include <utility>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/base/suggest.hpp"
#include "personas/codec/json.hpp"
#include "personas/filter/filter.hpp"

#include "lexer.hpp"

namespace personas::filter {
namespace {

constexpr std::array<std::pair<std::string_view, Op>, 11> kOperators{{
    {"==", Op::kEqual},
    {"!=", Op::kNotEqual},
    {"<", Op::kLess},
    {"<=", Op::kLessEqual},
    {">", Op::kGreater},
    {">=", Op::kGreaterEqual},
    {"in", Op::kIn},
    {"contains", Op::kContains},
    {"starts_with", Op::kStartsWith},
    {"ends_with", Op::kEndsWith},
    {"exists", Op::kExists},
}};

// What other languages write, and what is written here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kForeign{
    {{"=", "=="}, {"&", "and"}, {"!", "not"}, {"|", "or"}}};

}  // namespace

class FilterCompiler {
 public:
  explicit FilterCompiler(std::string_view text) : lexer_(text) {}

  Result<Filter> compile() {
    if (any(0) && lexer_.now().kind != Token::Kind::kEnd) refuse_rest();
    if (lexer_.failed()) {
      return fail(ErrorCode::kInvalidRequest, "The filter is wrong at " + lexer_.problem());
    }
    return std::move(filter_);
  }

 private:
  using Instruction = Filter::Instruction;

  // --- and, or, not ---

  bool any(int depth) { return chain(depth, "or", Op::kSkipIfTrue, &FilterCompiler::every); }
  bool every(int depth) { return chain(depth, "and", Op::kSkipIfFalse, &FilterCompiler::one); }

  // Parts joined by a word; each jump between them leads behind the last.
  bool chain(int depth, std::string_view word, Op skip, bool (FilterCompiler::*part)(int)) {
    std::vector<std::size_t> skips;
    if (!(this->*part)(depth)) return false;
    while (lexer_.take(word)) {
      filter_.text_ += fmt::format(" {} ", word);
      skips.push_back(filter_.program_.size());
      if (!emit({.op = skip}) || !(this->*part)(depth)) return false;
    }
    const auto end = static_cast<std::uint16_t>(filter_.program_.size());
    for (const auto at : skips) filter_.program_[at].target = end;
    return !lexer_.failed();
  }

  bool one(int depth) {
    if (depth > kMaxFilterDepth) {
      return lexer_.refuse_here(
          fmt::format("parentheses and `not` are nested more than {} deep", kMaxFilterDepth));
    }
    if (lexer_.take("not")) {
      filter_.text_ += "not ";
      return one(depth + 1) && emit({.op = Op::kNot});
    }
    if (!lexer_.at("(")) return test();
    const std::size_t opened = lexer_.now().begin;
    lexer_.advance();
    filter_.text_ += '(';
    if (!any(depth + 1)) return false;
    if (!lexer_.take(")")) {
      if (lexer_.now().kind == Token::Kind::kEnd) return lexer_.refuse(opened, "a ( without its )");
      return refuse_rest();
    }
    filter_.text_ += ')';
    return true;
  }

  // --- tests ---

  bool test() {
    Instruction instruction;
    const std::size_t begin = lexer_.now().begin;
    if (!operand(instruction.left)) return false;
    for (const auto& [word, op] : kOperators) {
      if (!lexer_.take(word)) continue;
      instruction.op = op;
      filter_.text_ += fmt::format(" {}", word);
      if (op == Op::kExists) {
        if (instruction.left.kind == Operand::Kind::kPath) return emit(instruction);
        return lexer_.refuse(begin, "only a path may be asked whether it exists");
      }
      filter_.text_ += ' ';
      return (op == Op::kIn ? choices(instruction.right) : operand(instruction.right)) &&
             emit(instruction);
    }
    if (instruction.left.kind == Operand::Kind::kLiteral && !filter_.literals_.back().is_bool()) {
      return refuse_rest();
    }
    return emit(instruction);
  }

  bool operand(Operand& out) {
    if (lexer_.at_literal()) {
      out = {Operand::Kind::kLiteral, static_cast<std::uint16_t>(filter_.literals_.size())};
      return literal();
    }
    if (!lexer_.at_path()) {
      const std::string hint = foreign();
      return lexer_.refuse_here("expected a path such as issue.title, or a value, and found " +
                                lexer_.found() + hint);
    }
    Path path;
    if (!lexer_.path(path)) return false;
    filter_.text_ += path.text();
    out = {Operand::Kind::kPath, static_cast<std::uint16_t>(filter_.paths_.size())};
    filter_.paths_.push_back(std::move(path));
    return true;
  }

  bool literal() {
    boost::json::value value;
    if (!lexer_.literal(value)) return false;
    // What is compared is what is printed: -1.5e3 is -1500.
    const auto text = codec::serialize(value);
    filter_.text_ += text;
    filter_.literals_.push_back(*codec::parse_json(text));
    return true;
  }

  bool choices(Operand& out) {
    if (!lexer_.take("[")) {
      return lexer_.refuse_here("behind `in` expected a list such as [\"a\", \"b\"], and found " +
                                lexer_.found());
    }
    out = {Operand::Kind::kLiteral, static_cast<std::uint16_t>(filter_.literals_.size())};
    filter_.text_ += '[';
    do {
      if (filter_.text_.back() != '[') filter_.text_ += ", ";
      if (!literal()) return false;
    } while (lexer_.take(","));
    filter_.text_ += ']';
    out.count = static_cast<std::uint16_t>(filter_.literals_.size() - out.index);
    return lexer_.take("]") || lexer_.refuse_here("expected , or ] and found " + lexer_.found());
  }

  bool emit(Instruction instruction) {
    if (filter_.program_.size() >= kMaxInstructions) {
      return lexer_.refuse_here(fmt::format(
          "the filter has more than {} tests and words between them", kMaxInstructions));
    }
    filter_.program_.push_back(instruction);
    return true;
  }

  // --- problems ---

  // Something stands where the filter, or a comparison, might go on.
  bool refuse_rest() {
    std::string hint = foreign();
    if (hint.empty() && lexer_.now().kind == Token::Kind::kName) {
      std::vector<std::string_view> words{"and", "or"};
      for (const auto& [word, op] : kOperators) words.push_back(word);
      if (const auto near = closest(lexer_.now().text, words); !near.empty()) {
        hint = fmt::format("; did you mean `{}`?", near);
      }
    }
    return lexer_.refuse_here(
        "expected a comparison (==, !=, <, <=, >, >=, in, contains, "
        "starts_with, ends_with, exists), and, or, or the end, and found " +
        lexer_.found() + hint);
  }

  std::string foreign() const {
    for (const auto& [theirs, ours] : kForeign) {
      if (lexer_.now().kind != Token::Kind::kName && lexer_.now().text.starts_with(theirs)) {
        return fmt::format("; write `{}`", ours);
      }
    }
    return {};
  }

  Lexer lexer_;
  Filter filter_;
};

Result<Filter> Filter::compile(std::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("The filter has {} bytes; at most {} are allowed", text.size(),
                            kMaxFilterBytes));
  }
  if (!is_utf8(text)) return fail(ErrorCode::kInvalidRequest, "The filter is not UTF-8");
  return FilterCompiler(text).compile();
}

}  // namespace personas::filter
