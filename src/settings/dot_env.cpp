#include <fmt/format.h>

#include "personas/settings/load.hpp"

#include "value.hpp"

namespace personas::settings {
namespace {

bool is_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// The text between quotes, and what follows the closing one. nullopt if it is not closed.
struct Quoted {
  std::string value;
  std::string_view rest;
};
std::optional<Quoted> read_quoted(std::string_view text) {
  const char quote = text[0];
  Quoted out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) {
      out.rest = text.substr(i + 1);
      return out;
    }
    if (quote == '"' && text[i] == '\\' && i + 1 < text.size()) {
      out.value += unescape(text[++i]);
    } else {
      out.value += text[i];
    }
  }
  return std::nullopt;
}

Result<std::string> read_value(std::string_view text) {
  text = trim(text);
  if (text.empty() || text[0] == '#') return std::string();
  if (text[0] == '"' || text[0] == '\'') {
    auto quoted = read_quoted(text);
    if (!quoted) return fail(ErrorCode::kMisconfigured, "the quote is not closed on its line");
    const auto rest = trim(quoted->rest);
    if (!rest.empty() && rest[0] != '#') {
      return fail(ErrorCode::kMisconfigured, "there is text after the closing quote");
    }
    return std::move(quoted->value);
  }
  // A comment begins at '#' after a blank; '#' within a word belongs to the value.
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t')) {
      return std::string(trim(text.substr(0, i)));
    }
  }
  return std::string(text);
}

}  // namespace

Result<std::vector<DotEnvEntry>> parse_dot_env(std::string_view text) {
  std::vector<DotEnvEntry> entries;
  std::vector<FieldError> errors;
  int number = 0;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("export ") || line.starts_with("export\t")) line = trim(line.substr(7));
    const auto place = fmt::format(".env:{}", number);
    const auto equals = line.find('=');
    const auto name = trim(line.substr(0, std::min(equals, line.size())));
    if (equals == std::string_view::npos || !is_name(name)) {
      errors.push_back({place, "expected NAME=value"});
      continue;
    }
    auto value = read_value(line.substr(equals + 1));
    if (!value) {
      errors.push_back({place, value.error().message});
      continue;
    }
    entries.push_back({std::string(name), std::move(*value), number});
  }
  if (!errors.empty()) {
    return fail(ErrorCode::kMisconfigured, "The .env file is not valid", std::move(errors));
  }
  return entries;
}

}  // namespace personas::settings
