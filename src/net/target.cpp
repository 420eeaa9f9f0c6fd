#include "personas/net/target.hpp"

#include <algorithm>

#include "personas/base/bytes.hpp"

namespace personas::net {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

enum class Plus { kLiteral, kSpace };

Result<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::kSpace) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(ErrorCode::kInvalidRequest, "The URL has a '%' that starts no escape.");
      }
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  if (out.contains('\0')) return fail(ErrorCode::kInvalidRequest, "The URL holds a zero byte.");
  if (!is_utf8(out)) return fail(ErrorCode::kInvalidRequest, "The URL is not UTF-8 text.");
  return out;
}

bool has_ambiguous_segment(std::string_view path) {
  for (std::size_t start = 1; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment == "." || segment == "..") return true;
    if (segment.empty() && end != path.size()) return true;
    start = end + 1;
  }
  return false;
}

bool hides_a_separator(std::string_view raw_path) {
  for (std::size_t i = 0; i + 2 < raw_path.size(); ++i) {
    if (raw_path[i] == '%' && raw_path[i + 1] == '2' && (raw_path[i + 2] | 0x20) == 'f') {
      return true;
    }
  }
  return false;
}

Result<std::string> decode_path(std::string_view raw) {
  if (hides_a_separator(raw)) {
    return fail(ErrorCode::kInvalidRequest, "The path hides a '/' in an escape.");
  }
  TRY(std::string path, decode(raw, Plus::kLiteral));
  if (path.find_first_of("\\;") != std::string::npos || std::ranges::any_of(path, is_control)) {
    return fail(ErrorCode::kInvalidRequest,
                "The path holds a backslash, a semicolon or a control character.");
  }
  if (has_ambiguous_segment(path)) {
    return fail(ErrorCode::kInvalidRequest, "The path has an empty or a dot segment.");
  }
  return path;
}

}  // namespace

Result<Target> parse_target(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') {
    return fail(ErrorCode::kInvalidRequest, "The request target must be a path.");
  }
  const bool plain = std::ranges::all_of(raw, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!plain || raw.find('#') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidRequest, "The URL holds a character that must be escaped.");
  }
  const std::size_t mark = std::min(raw.find('?'), raw.size());
  Target target;
  TRY(target.path, decode_path(raw.substr(0, mark)));

  std::size_t start = mark + 1;
  while (start < raw.size()) {
    const std::size_t end = std::min(raw.find('&', start), raw.size());
    const std::string_view part = raw.substr(start, end - start);
    start = end + 1;
    if (part.empty()) continue;
    if (target.query.size() == kMaxQueryParameters) {
      return fail(ErrorCode::kInvalidRequest, "The URL has too many parameters.");
    }
    const std::size_t equals = std::min(part.find('='), part.size());
    TRY(std::string name, decode(part.substr(0, equals), Plus::kSpace));
    TRY(std::string value,
        decode(equals < part.size() ? part.substr(equals + 1) : std::string_view{}, Plus::kSpace));
    target.query.emplace_back(std::move(name), std::move(value));
  }
  return target;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace personas::net
