#include "json_scan.hpp"

#include <bitset>
#include <charconv>
#include <cmath>
#include <cstring>

#include "personas/agents/stream.hpp"
#include "personas/base/bytes.hpp"

namespace personas::agents::json {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char* skip_blanks(const char* at, const char* end) {
  while (at != end && is_blank(*at)) ++at;
  return at;
}

// `at` is behind the opening quote; the result behind the closing one, null if there is none.
const char* skip_string(const char* at, const char* end) {
  const char* const begin = at;
  while (at != end) {
    const auto* quote =
        static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (quote == nullptr) return nullptr;
    const char* back = quote;
    while (back != begin && back[-1] == '\\') --back;
    if ((quote - back) % 2 == 0) return quote + 1;
    at = quote + 1;
  }
  return nullptr;
}

// Characters between which a bracket or a string may begin.
bool is_inert(char c) {
  return c != '"' && c != '{' && c != '[' && c != '}' && c != ']';
}

// `at` is at the opening bracket.
const char* skip_container(const char* at, const char* end) {
  std::bitset<kMaxStreamDepth> is_brace;  // of each open one, whether it is a '{'
  std::size_t depth = 0;
  while (at != end) {
    const char c = *at++;
    if (is_inert(c)) continue;
    if (c == '"') {
      at = skip_string(at, end);
      if (at == nullptr) return nullptr;
    } else if (c == '{' || c == '[') {
      if (depth == kMaxStreamDepth) return nullptr;
      is_brace[depth++] = c == '{';
    } else {
      if (is_brace[--depth] != (c == '}')) return nullptr;
      if (depth == 0) return at;
    }
  }
  return nullptr;
}

bool is_of_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' ||
         c == '.';
}

bool is_scalar(std::string_view raw) {
  if (raw == "null" || raw == "true" || raw == "false") return true;
  return !raw.empty() && (raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'));
}

const char* skip_value(const char* at, const char* end) {
  if (at == end) return nullptr;
  if (*at == '"') return skip_string(at + 1, end);
  if (*at == '{' || *at == '[') return skip_container(at, end);
  const char* const begin = at;
  while (at != end && is_of_scalar(*at)) ++at;
  return is_scalar({begin, static_cast<std::size_t>(at - begin)}) ? at : nullptr;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::string_view inside(std::string_view raw) {
  return is_string(raw) && raw.size() >= 2 ? raw.substr(1, raw.size() - 2) : std::string_view();
}

std::optional<std::uint32_t> code_unit(std::string_view text, std::size_t at) {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  std::uint32_t unit = 0;
  const char* const digits = text.data() + at + 2;
  const auto [stop, error] = std::from_chars(digits, digits + 4, unit, 16);
  if (error != std::errc{} || stop != digits + 4) return std::nullopt;
  return unit;
}

struct Escape {
  std::uint32_t point = 0xFFFD;
  std::size_t length = 2;  // of its spelling
};

// JavaScript also writes half a surrogate pair; that is no character.
Escape unicode_escape(std::string_view text, std::size_t at) {
  const auto unit = code_unit(text, at);
  if (!unit) return {};
  if (*unit < 0xD800 || *unit > 0xDFFF) return {.point = *unit, .length = 6};
  const auto next = code_unit(text, at + 6);
  if (*unit > 0xDBFF || !next || *next < 0xDC00 || *next > 0xDFFF) return {.length = 6};
  return {.point = 0x10000 + ((*unit - 0xD800) << 10) + (*next - 0xDC00), .length = 12};
}

Escape escape_at(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return {.length = 1};
  switch (text[at + 1]) {
    case 'n':
      return {.point = '\n'};
    case 't':
      return {.point = '\t'};
    case 'r':
      return {.point = '\r'};
    case 'b':
      return {.point = '\b'};
    case 'f':
      return {.point = '\f'};
    case '"':
    case '\\':
    case '/':
      return {.point = static_cast<std::uint32_t>(text[at + 1])};
    case 'u':
      return unicode_escape(text, at);
    default:
      return {};
  }
}

std::size_t utf8_size(std::uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const std::size_t size = utf8_size(point);
  if (size == 1) {
    out += static_cast<char>(point);
    return;
  }
  constexpr std::array<std::uint32_t, 5> kLead = {0, 0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[size] | point >> (6 * (size - 1)));
  for (std::size_t left = size - 1; left-- > 0;) {
    out += static_cast<char>(0x80U | (point >> (6 * left) & 0x3FU));
  }
}

}  // namespace

Walk::Walk(std::string_view raw) {
  if (!is_object(raw) && !is_array(raw)) return;
  close_ = is_object(raw) ? '}' : ']';
  at_ = raw.data() + 1;
  end_ = raw.data() + raw.size();
}

bool Walk::next() {
  if (at_ == nullptr) return false;
  const char* at = skip_blanks(at_, end_);
  at_ = nullptr;  // unless a value is found
  if (at == end_) return false;
  if (*at == close_) {
    complete_ = skip_blanks(at + 1, end_) == end_;
    return false;
  }
  if (!first_) {
    if (*at != ',') return false;
    at = skip_blanks(at + 1, end_);
  }
  first_ = false;
  if (close_ == '}') {
    if (at == end_ || *at != '"') return false;
    const char* const quote = at;
    at = skip_string(at + 1, end_);
    if (at == nullptr) return false;
    key_ = between(quote + 1, at - 1);
    at = skip_blanks(at, end_);
    if (at == end_ || *at != ':') return false;
    at = skip_blanks(at + 1, end_);
  }
  const char* const stop = skip_value(at, end_);
  if (stop == nullptr) return false;
  value_ = between(at, stop);
  at_ = stop;
  return true;
}

std::string_view member(std::string_view raw, std::string_view name) {
  return members(raw, std::array<std::string_view, 1>{name})[0];
}

std::string text(std::string_view raw, std::size_t max_bytes) {
  const std::string_view content = inside(raw);
  std::string out;
  out.reserve(std::min(content.size(), max_bytes));
  for (std::size_t at = 0; at < content.size() && out.size() < max_bytes;) {
    const std::size_t escape = std::min(content.find('\\', at), content.size());
    const auto plain = content.substr(at, escape - at);
    const auto taken = utf8_prefix(plain, max_bytes - out.size());
    out.append(taken);
    if (taken.size() < plain.size() || escape == content.size()) break;
    at = escape;
    const Escape found = escape_at(content, at);
    if (out.size() + utf8_size(found.point) > max_bytes) break;
    append_utf8(out, found.point);
    at += found.length;
  }
  return is_utf8(out) ? out : to_valid_utf8(out);
}

std::size_t text_size(std::string_view raw) {
  const std::string_view content = inside(raw);
  std::size_t size = content.size();
  for (std::size_t at = content.find('\\'); at < content.size(); at = content.find('\\', at)) {
    const Escape found = escape_at(content, at);
    size -= found.length;
    size += utf8_size(found.point);
    at += found.length;
  }
  return size;
}

bool text_is(std::string_view raw, std::string_view expected) {
  const std::string_view content = inside(raw);
  return content == expected || (content.contains('\\') && text(raw) == expected);
}

std::optional<double> number(std::string_view raw) {
  double value = 0;
  const auto [stop, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc{} || stop != raw.data() + raw.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> integer(std::string_view raw) {
  constexpr double kLargest = 9e15;  // exact in a double
  const auto value = number(raw);
  if (!value || *value < -kLargest || *value > kLargest) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

}  // namespace personas::agents::json
