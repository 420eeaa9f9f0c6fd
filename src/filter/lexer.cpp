#include "lexer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/base/suggest.hpp"
#include "personas/codec/json.hpp"

namespace personas::filter {
namespace {

constexpr std::array<std::string_view, 11> kKeywords{
    "and",       "or",     "not",  "in",    "contains", "starts_with",
    "ends_with", "exists", "true", "false", "null"};
// Longer ones first, so that the first that fits is the one meant.
constexpr std::array<std::string_view, 18> kSigns{"==", "!=", "<=", ">=", "}}", "<", ">", "(", ")",
                                                  "[",  "]",  ",",  ".",  "$",  "*", "|", ":", "-"};
// Of the line that an error shows, on either side of the place.
constexpr std::size_t kShownBytes = 60;
constexpr std::int32_t kMaxIndex = 1'000'000;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool in_name(char c) {
  return starts_name(c) || is_digit(c) || c == '-';
}
bool in_number(char c) {
  return in_name(c) || c == '.' || c == '+';
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// The text between single quotes as a JSON string.
std::string double_quoted(std::string_view quoted) {
  std::string json = "\"";
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    const char c = quoted[i];
    if (c == '\\' && quoted[i + 1] == '\'') continue;
    if (c == '\\') json += quoted[i++];
    if (quoted[i] == '"' && c != '\\') json += '\\';
    json += quoted[i];
  }
  return json + '"';
}

}  // namespace

bool is_keyword(std::string_view word) {
  return std::ranges::find(kKeywords, word) != kKeywords.end();
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && starts_name(name.front()) && std::ranges::all_of(name, in_name);
}

std::string located(std::string_view text, std::size_t at, std::string_view problem) {
  const std::size_t newline = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t line_end = std::min(text.find('\n', at), text.size());
  std::size_t first = line_start + kShownBytes < at ? at - kShownBytes : line_start;
  while (first < at && (static_cast<unsigned char>(text[first]) & 0xC0) == 0x80) ++first;
  const auto shown = utf8_prefix(text.substr(first, line_end - first), at - first + kShownBytes);
  std::string caret;
  for (const char c : text.substr(first, at - first)) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) caret += c == '\t' ? '\t' : ' ';
  }
  const auto lines = std::ranges::count(text.substr(0, line_start), '\n');
  return fmt::format(
      "{}character {}: {}\n  {}\n  {}^", lines > 0 ? fmt::format("line {}, ", lines + 1) : "",
      characters(text.substr(line_start, at - line_start)) + 1, problem, shown, caret);
}

Lexer::Lexer(std::string_view text, std::size_t begin) : text_(text), last_end_(begin) {
  now_ = read(begin);
}

Token Lexer::read(std::size_t begin) const {
  while (begin < text_.size() && is_space(text_[begin])) ++begin;
  const auto rest = text_.substr(begin);
  if (rest.empty()) return {Token::Kind::kEnd, {}, text_.size()};
  const auto until = [&](auto in) {
    return rest.substr(0,
                       static_cast<std::size_t>(std::ranges::find_if_not(rest, in) - rest.begin()));
  };
  if (starts_name(rest[0])) return {Token::Kind::kName, until(in_name), begin};
  if (is_digit(rest[0]) || (rest[0] == '-' && rest.size() > 1 && is_digit(rest[1]))) {
    return {Token::Kind::kNumber, until(in_number), begin};
  }
  if (rest[0] == '"' || rest[0] == '\'') {
    const std::size_t end = end_of_string(begin);
    if (end == 0) return {Token::Kind::kUnknown, rest, begin};
    return {Token::Kind::kString, text_.substr(begin, end - begin), begin};
  }
  for (const auto sign : kSigns) {
    if (rest.starts_with(sign)) return {Token::Kind::kSign, rest.substr(0, sign.size()), begin};
  }
  return {Token::Kind::kUnknown, utf8_prefix(rest, 4), begin};
}

// Behind the closing quote; 0 if there is none.
std::size_t Lexer::end_of_string(std::size_t begin) const {
  for (std::size_t i = begin + 1; i < text_.size(); ++i) {
    if (text_[i] == '\\') {
      ++i;
    } else if (text_[i] == text_[begin]) {
      return i + 1;
    }
  }
  return 0;
}

void Lexer::advance() {
  last_end_ = now_.begin + now_.text.size();
  now_ = read(last_end_);
}

bool Lexer::at(std::string_view sign_or_word) const {
  return (now_.kind == Token::Kind::kSign || now_.kind == Token::Kind::kName) &&
         now_.text == sign_or_word;
}

bool Lexer::take(std::string_view sign_or_word) {
  if (failed() || !at(sign_or_word)) return false;
  advance();
  return true;
}

bool Lexer::refuse(std::size_t at, std::string problem) {
  if (!problem_) problem_ = {at, std::move(problem)};
  return false;
}

std::string Lexer::problem() const {
  return problem_ ? located(text_, problem_->at, problem_->what) : std::string();
}

std::string Lexer::found() const {
  if (now_.kind == Token::Kind::kEnd) return "the end";
  if (now_.kind == Token::Kind::kUnknown && (now_.text[0] == '"' || now_.text[0] == '\'')) {
    return "a text without its closing quote";
  }
  return fmt::format("`{}`", utf8_prefix(now_.text, 40));
}

// --- literals ------------------------------------------------------------------------------------

bool Lexer::at_literal() const {
  return now_.kind == Token::Kind::kString || now_.kind == Token::Kind::kNumber || at("true") ||
         at("false") || at("null");
}

bool Lexer::literal(boost::json::value& out) {
  if (failed()) return false;
  if (!at_literal()) {
    return refuse_here("expected a text, a number, true, false or null, and found " + found());
  }
  const bool quoted = now_.kind == Token::Kind::kString && now_.text.front() == '\'';
  auto value = codec::parse_json(quoted ? double_quoted(now_.text) : std::string(now_.text));
  if (!value) {
    return refuse_here(now_.kind == Token::Kind::kNumber
                           ? "a number is written as in JSON: 12, -1.5, 2e3"
                           : "a text is written as in JSON, with \\n, \\\", \\\\ or \\u00e4 for "
                             "what cannot stand in it");
  }
  out = *std::move(value);
  advance();
  return true;
}

// --- paths ---------------------------------------------------------------------------------------

bool Lexer::at_path() const {
  return (now_.kind == Token::Kind::kName && !is_keyword(now_.text)) || at("$") || at("[");
}

bool Lexer::add(Path& out, Step step) {
  if (out.steps.size() >= kMaxPathSteps) {
    return refuse_here(fmt::format("a path has at most {} steps", kMaxPathSteps));
  }
  out.many = out.many || step.kind == Step::Kind::kAll;
  out.steps.push_back(std::move(step));
  return true;
}

bool Lexer::path(Path& out) {
  if (failed()) return false;
  if (!at_path()) return refuse_here("expected a path such as issue.title, and found " + found());
  if (take("$")) {
    if (!envelope(out)) return false;
    if (out.root != Path::kPayload) return true;
  } else if (now_.kind == Token::Kind::kName) {
    if (!add(out, {.name = std::string(now_.text)})) return false;
    advance();
  } else if (!brackets(out)) {
    return false;
  }
  for (;;) {
    if (at("[")) {
      if (!brackets(out)) return false;
    } else if (take(".")) {
      if (now_.kind != Token::Kind::kName) {
        return refuse_here(
            "expected a name after the dot (others are written [\"odd name\"]), "
            "and found " +
            found());
      }
      if (!add(out, {.name = std::string(now_.text)})) return false;
      advance();
    } else {
      return true;
    }
  }
}

bool Lexer::envelope(Path& out) {
  std::array<std::string_view, kEnvelopeFields.size() + 1> names{"payload"};
  std::ranges::transform(kEnvelopeFields, names.begin() + 1, &EnvelopeField::name);
  const auto expected = fmt::format("behind $ expected one of .{}", fmt::join(names, ", ."));
  if (!take(".") || now_.kind != Token::Kind::kName) {
    return refuse_here(expected + ", and found " + found());
  }
  const auto known = std::ranges::find(names, now_.text);
  if (known == names.end()) return refuse_here(expected + ", and found " + found());
  if (known != names.begin()) out.root = static_cast<std::uint8_t>(known - names.begin() - 1);
  advance();
  return true;
}

bool Lexer::brackets(Path& out) {
  advance();
  if (take("*")) {
    if (!add(out, {.kind = Step::Kind::kAll})) return false;
  } else if (now_.kind == Token::Kind::kString) {
    boost::json::value name;
    if (!literal(name)) return false;
    const auto& text = name.get_string();
    if (!add(out, {.name = std::string(text.data(), text.size())})) return false;
  } else {
    std::int32_t index = 0;
    const auto* end = now_.text.data() + now_.text.size();
    const auto read = std::from_chars(now_.text.data(), end, index);
    if (now_.kind != Token::Kind::kNumber || read.ec != std::errc{} || read.ptr != end ||
        index > kMaxIndex || index < -kMaxIndex) {
      return refuse_here("in brackets expected a number, * or a \"name\", and found " + found());
    }
    if (!add(out, {.kind = Step::Kind::kIndex, .index = index})) return false;
    advance();
  }
  return take("]") || refuse_here("expected ] and found " + found());
}

std::string Path::text() const {
  std::string text;
  if (root != kPayload) return "$." + std::string(kEnvelopeFields[root].name);
  if (steps.empty()) return "$.payload";
  for (const auto& step : steps) {
    if (step.kind == Step::Kind::kAll) {
      text += "[*]";
    } else if (step.kind == Step::Kind::kIndex) {
      text += fmt::format("[{}]", step.index);
    } else if (is_plain_name(step.name) && (!text.empty() || !is_keyword(step.name))) {
      text += text.empty() ? "" : ".";
      text += step.name;
    } else {
      text += '[';
      codec::append_json_string(step.name, text);
      text += ']';
    }
  }
  return text;
}

}  // namespace personas::filter
