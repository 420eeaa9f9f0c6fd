#include "secret_forms.hpp"

#include <algorithm>
#include <array>

#include "personas/base/bytes.hpp"
#include "personas/base/secret.hpp"

#include "pattern_scan.hpp"

namespace personas {
namespace {

constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

// How deep JSON text lies in JSON strings: an agent's protocol line inside the CLI's output inside
// a tool's result.
constexpr int kJsonDepth = 3;
// A line of a value of several lines is a secret of its own, if it is long enough to be one.
constexpr std::size_t kMinSecretLine = 16;

void append_hex(unsigned value, int digits, std::string_view alphabet, std::string& out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out += alphabet[(value >> static_cast<unsigned>(shift)) & 15];
  }
}

// ---- JSON --------------------------------------------------------------------------------------

// Beside what every writer escapes, some escape more.
enum class JsonStyle : std::uint8_t { kMinimal, kAscii, kSlash, kHtml };

void append_unicode_escape(unsigned unit, std::string& out) {
  out += "\\u";
  append_hex(unit, 4, kLowerHex, out);
}

// The code point at `at`, which moves behind it; the byte itself where the UTF-8 is not well
// formed.
unsigned take_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || at + length > text.size() || !is_utf8(text.substr(at, length))) {
    ++at;
    return lead;
  }
  unsigned point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (byte(at + i) & 0x3FU);
  at += length;
  return point;
}

void append_json_ascii(std::string_view text, std::size_t& at, std::string& out) {
  const unsigned point = take_code_point(text, at);
  if (point < 0x10000) {
    append_unicode_escape(point, out);
    return;
  }
  append_unicode_escape(0xD800 + ((point - 0x10000) >> 10), out);
  append_unicode_escape(0xDC00 + ((point - 0x10000) & 0x3FF), out);
}

std::string json_form(std::string_view text, JsonStyle style) {
  constexpr std::string_view kNamed = "\"\"\\\\\bb\ff\nn\rr\tt";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t named = 0;
    while (named < kNamed.size() && kNamed[named] != c) named += 2;
    const auto byte = static_cast<unsigned char>(c);
    if (named < kNamed.size()) {
      out += '\\';
      out += kNamed[named + 1];
    } else if (byte < 0x20 || (style == JsonStyle::kHtml && (c == '<' || c == '>' || c == '&'))) {
      append_unicode_escape(byte, out);
    } else if (style == JsonStyle::kSlash && c == '/') {
      out += "\\/";
    } else if (style == JsonStyle::kAscii && byte >= 0x80) {
      append_json_ascii(text, at, out);
      continue;
    } else {
      out += c;
    }
    ++at;
  }
  return out;
}

void add_json_forms(std::string_view value, std::vector<std::string>& out) {
  for (const auto style :
       {JsonStyle::kMinimal, JsonStyle::kAscii, JsonStyle::kSlash, JsonStyle::kHtml}) {
    std::string form = json_form(value, style);
    for (int depth = 1; depth < kJsonDepth; ++depth) {
      std::string deeper = json_form(form, JsonStyle::kMinimal);
      out.push_back(std::move(form));
      form = std::move(deeper);
    }
    out.push_back(std::move(form));
  }
}

// ---- percent -----------------------------------------------------------------------------------

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string percent_form(std::string_view text, std::string_view kept, std::string_view hex,
                         std::string_view space = "%20") {
  std::string out;
  for (const char c : text) {
    if (c == ' ' && !space.empty()) {
      out += space;
    } else if (!kept.empty() && (is_alphanumeric(c) || kept.contains(c))) {
      out += c;
    } else {
      out += '%';
      append_hex(static_cast<unsigned char>(c), 2, hex, out);
    }
  }
  return out;
}

void add_percent_forms(std::string_view value, std::vector<std::string>& out) {
  constexpr std::string_view kUnreserved = "-._~";           // RFC 3986
  constexpr std::string_view kComponent = "-._~!'()*";       // encodeURIComponent
  constexpr std::string_view kUri = "-._~!'()*;,/?:@&=+$#";  // encodeURI
  constexpr std::string_view kForm = "-._*";                 // form data
  constexpr std::string_view kPath = "-._~/";                // common default of libraries
  for (const auto hex : {kUpperHex, kLowerHex}) {
    for (const auto kept : {kUnreserved, kComponent, kUri, kPath}) {
      out.push_back(percent_form(value, kept, hex));
    }
    out.push_back(percent_form(value, kForm, hex, "+"));
    out.push_back(percent_form(value, {}, hex, {}));  // every byte
  }
}

// ---- armour ------------------------------------------------------------------------------------

void add_base64_forms(std::string_view value, std::vector<std::string>& out) {
  for (std::size_t before = 0; before < 3; ++before) {
    std::string padded(before, '\0');
    padded += value;
    const std::size_t first = (8 * before + 5) / 6;  // the first character without foreign bits
    const std::size_t last = 8 * padded.size() / 6;
    for (const auto& text : {to_base64(as_bytes(padded)), to_base64url(as_bytes(padded))}) {
      out.push_back(text.substr(first, last - first));
    }
    wipe(padded);
  }
}

void add_armoured(std::string_view value, std::vector<std::string>& out) {
  std::vector<std::string> whole;
  add_base64_forms(value, whole);
  whole.push_back(to_hex(as_bytes(value)));
  whole.emplace_back();
  for (const char c : value) append_hex(static_cast<unsigned char>(c), 2, kUpperHex, whole.back());
  for (auto& form : whole) {
    // A line may break before the gap is recognised: then what follows the break is looked for.
    if (form.size() >= 2 * kGapDepth) out.push_back(form.substr(kGapDepth));
    out.push_back(std::move(form));
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

void add_lines(std::string_view value, std::vector<std::string>& out) {
  if (!value.contains('\n')) return;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t end = std::min(value.find('\n', at), value.size());
    const auto line = trimmed(value.substr(at, end - at));
    // "-----BEGIN PRIVATE KEY-----" is no secret.
    if (line.size() >= kMinSecretLine && !line.starts_with("-----")) out.emplace_back(line);
    at = end + 1;
  }
}

void tidy(std::vector<std::string>& forms, std::size_t min_length) {
  std::erase_if(forms, [min_length](const auto& form) { return form.size() < min_length; });
  std::ranges::sort(forms);
  const auto doubled = std::ranges::unique(forms);
  forms.erase(doubled.begin(), doubled.end());
}

}  // namespace

SecretForms forms_of(std::string_view value, std::size_t min_length) {
  SecretForms forms;
  if (value.size() < min_length) return forms;
  // The line break at the end of a file is rarely printed with the value.
  for (const auto text : {value, trimmed(value)}) {
    if (text.size() < min_length) continue;
    forms.exact.emplace_back(text);
    add_json_forms(text, forms.exact);
    add_percent_forms(text, forms.exact);
    add_armoured(text, forms.armoured);
  }
  add_lines(value, forms.exact);
  tidy(forms.exact, min_length);
  tidy(forms.armoured, min_length);
  return forms;
}

}  // namespace personas
