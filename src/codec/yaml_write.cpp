// JSON values as YAML: plain words stay plain, texts of several lines become literal blocks, and
// everything that YAML could take for something else is quoted as in JSON.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/codec/yaml.hpp"

namespace personas::codec {
namespace {

namespace bj = boost::json;

constexpr std::size_t kIndent = 2;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Words that some YAML reader takes for a null, a boolean or a number.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 11> kWords{"null", "true", "false", "yes",  "no",  "on",
                                                    "off",  "y",    "n",     ".inf", ".nan"};
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return std::ranges::find(kWords, lower) != kWords.end();
}

// YAML takes a name for one only if its colon comes within 1024 characters; a longer one is
// announced.
constexpr std::size_t kMaxSimpleKey = 1000;

bool is_plain(std::string_view text) {
  if (text.empty() || text.back() == ' ' || is_reserved(text)) return false;
  if (!is_letter(text.front()) && text.front() != '/') return false;
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view(" _-./()+=").find(c) != std::string_view::npos;
  });
}

// How many bytes of UTF-8 the text begins with that a YAML reader refuses as they are, or may take
// for the end of a line: control characters beyond ASCII, U+2028 and U+2029, byte order marks.
std::size_t awkward_prefix(std::string_view text) {
  if (text.starts_with('\x7F')) return 1;
  if (text.size() >= 2 && text[0] == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0) return 2;
  constexpr std::array<std::string_view, 5> kOthers{"\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF",
                                                    "\xEF\xBF\xBE", "\xEF\xBF\xBF"};
  return std::ranges::any_of(kOthers, [&](auto other) { return text.starts_with(other); }) ? 3 : 0;
}

bool is_awkward(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(1)) {
    if (awkward_prefix(text) > 0) return true;
  }
  return false;
}

std::uint32_t code_point_of(std::string_view character) {
  const auto bits = [&](std::size_t at) {
    return static_cast<unsigned char>(character[at]) & 0x3FU;
  };
  if (character.size() == 1) return static_cast<unsigned char>(character[0]);
  if (character.size() == 2) return (bits(0) & 0x1FU) << 6 | bits(1);
  return (bits(0) & 0x0FU) << 12 | bits(1) << 6 | bits(2);
}

// As in JSON, with escapes for what JSON may hold as it is and YAML may not.
void append_quoted(std::string_view text, std::string& out) {
  const std::size_t start = out.size();
  append_json_string(text, out);
  if (!is_awkward(text)) return;
  const std::string quoted = out.substr(start);
  out.resize(start);
  for (std::string_view rest = quoted; !rest.empty();) {
    const std::size_t awkward = awkward_prefix(rest);
    if (awkward > 0) {
      out += fmt::format("\\u{:04x}", code_point_of(rest.substr(0, awkward)));
    } else {
      out += rest.front();
    }
    rest.remove_prefix(std::max<std::size_t>(awkward, 1));
  }
}

// A literal block keeps its text byte by byte, save what a reader would take for its indentation
// or for another kind of line end.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos) return false;
  if (text.front() == ' ' || text.front() == '\n' || text.front() == '\t') return false;
  return !is_awkward(text) && std::ranges::all_of(text, [](char c) {
    return c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20;
  });
}

void write_block(std::string_view text, std::size_t indent, std::string& out) {
  const std::size_t end = text.find_last_not_of('\n') + 1;
  const std::size_t line_ends = text.size() - end;
  out += line_ends == 0 ? "|-\n" : line_ends == 1 ? "|\n" : "|+\n";
  if (line_ends == 1) text.remove_suffix(1);
  if (line_ends > 1) text.remove_suffix(1);  // the last line's own end is written below
  while (true) {
    const std::size_t at = text.find('\n');
    const auto line = text.substr(0, at);
    if (!line.empty()) out.append(indent, ' ').append(line);
    out += '\n';
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
  }
}

void write_string(std::string_view text, std::size_t indent, std::string& out) {
  if (is_block(text)) return write_block(text, indent, out);
  if (is_plain(text)) {
    out += text;
  } else {
    append_quoted(text, out);
  }
  out += '\n';
}

void write_value(const bj::value& value, std::size_t indent, std::string& out);

// The members from the present place on: the first line's indentation is there already.
void write_members(const bj::object& object, std::size_t indent, std::string& out) {
  bool first = true;
  for (const auto& member : object) {
    if (!first) out.append(indent, ' ');
    first = false;
    std::string key(member.key());
    if (!is_plain(key)) {
      std::string quoted;
      append_quoted(key, quoted);
      key = std::move(quoted);
    }
    if (key.size() > kMaxSimpleKey) {
      out.append("? ").append(key).append("\n").append(indent, ' ').append(":");
    } else {
      out.append(key).append(":");
    }
    write_value(member.value(), indent, out);
  }
}

void write_entries(const bj::array& array, std::size_t indent, std::string& out) {
  for (const auto& entry : array) {
    out.append(indent, ' ').append("-");
    if (const auto* object = entry.if_object(); object != nullptr && !object->empty()) {
      out += ' ';
      write_members(*object, indent + kIndent, out);
    } else {
      write_value(entry, indent, out);
    }
  }
}

// What follows "key:" or "-", whose indentation is `indent`.
void write_value(const bj::value& value, std::size_t indent, std::string& out) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out.append("\n").append(indent + kIndent, ' ');
    write_members(*object, indent + kIndent, out);
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '\n';
    write_entries(*array, indent + kIndent, out);
  } else if (const auto* text = value.if_string()) {
    out += ' ';
    write_string(std::string_view(text->data(), text->size()), indent + kIndent, out);
  } else {
    out.append(" ").append(codec::serialize(value)).append("\n");
  }
}

}  // namespace

std::string write_yaml(const bj::value& value) {
  std::string out;
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    write_members(*object, 0, out);
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    write_entries(*array, 0, out);
  } else if (const auto* text = value.if_string()) {
    append_quoted(std::string_view(text->data(), text->size()), out);
    out += '\n';
  } else {
    out = codec::serialize(value) + "\n";
  }
  return out;
}

}  // namespace personas::codec
