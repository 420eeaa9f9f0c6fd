#include "file.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "personas/base/bytes.hpp"
#include "personas/base/suggest.hpp"
#include "personas/codec/yaml.hpp"
#include "personas/settings/table.hpp"

namespace personas::settings {
namespace {

using Entries = std::map<std::string, FileEntry>;

int line_of(const YAML::Node& node) {
  return node.Mark().line + 1;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const auto& setting : kSettings) {
    keys.emplace_back(setting.name);
    if (setting.is_secret()) keys.push_back(fmt::format("{}-file", setting.name));
  }
  return keys;
}

// The comma-separated form of a list of scalars.
Result<std::string> sequence_text(const YAML::Node& node) {
  std::string out;
  for (const auto& entry : node) {
    if (!entry.IsScalar() || entry.Scalar().find(',') != std::string::npos) {
      return fail(ErrorCode::kMisconfigured, "expected a list of plain values without commas");
    }
    if (!out.empty()) out += ',';
    out += entry.Scalar();
  }
  return out;
}

Result<std::string> map_text(const YAML::Node& node) {
  std::string out;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar() ||
        entry.first.Scalar().find_first_of(",=") != std::string::npos ||
        entry.second.Scalar().find(',') != std::string::npos) {
      return fail(ErrorCode::kMisconfigured, "expected plain names and values without commas");
    }
    if (!out.empty()) out += ',';
    out += entry.first.Scalar() + "=" + entry.second.Scalar();
  }
  return out;
}

Result<std::string> text_of(const YAML::Node& node) {
  if (node.IsSequence()) return sequence_text(node);
  if (node.IsMap()) return map_text(node);
  if (node.IsNull()) return std::string();
  return node.Scalar();
}

std::string unknown_key(const std::string& key) {
  const auto keys = known_keys();
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const auto near = closest(key, views);
  if (near.empty()) return fmt::format("there is no setting \"{}\"", key);
  return fmt::format("there is no setting \"{}\"; did you mean \"{}\"?", key, near);
}

void read_entries(const YAML::Node& root, const std::string& path, Entries& entries,
                  std::vector<FieldError>& errors) {
  const auto keys = known_keys();
  for (const auto& pair : root) {
    const auto place = fmt::format("{}:{}", path, line_of(pair.first));
    if (!pair.first.IsScalar()) {
      errors.push_back({place, "expected the name of a setting"});
      continue;
    }
    const std::string key = pair.first.Scalar();
    const bool is_text = is_utf8(key) && (!pair.second.IsScalar() || is_utf8(pair.second.Scalar()));
    if (!is_text) {  // of the escapes \N and \_ the library makes one byte each
      errors.push_back({place, "\\N and \\_ are not supported; write \\u0085 and \\u00a0"});
      continue;
    }
    if (std::ranges::find(keys, key) == keys.end()) {
      errors.push_back({place, unknown_key(key)});
      continue;
    }
    auto text = text_of(pair.second);
    if (!text) {
      errors.push_back({place, fmt::format("{}: {}", key, text.error().message)});
    } else if (entries.contains(key)) {
      errors.push_back({place, fmt::format("{} is set a second time", key)});
    } else {
      entries[key] = {std::move(*text), line_of(pair.first)};
    }
  }
}

}  // namespace

Result<Entries> parse_file(std::string_view text, const std::string& path) {
  Entries entries;
  std::vector<FieldError> errors;
  if (auto wrong = codec::find_not_utf8(text, path)) {
    return fail(ErrorCode::kMisconfigured, "The file of settings is not valid", {*wrong});
  }
  // yaml-cpp reports by throwing; it stops here.
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (root.IsMap()) {
      read_entries(root, path, entries, errors);
    } else if (!root.IsNull()) {
      errors.push_back({path + ":1", "expected a map of settings, such as \"http-port: 3001\""});
    }
  } catch (const YAML::Exception& error) {
    errors.push_back(codec::yaml_error(path, error.mark.line, error.msg));
  }
  if (!errors.empty()) {
    return fail(ErrorCode::kMisconfigured, "The file of settings is not valid", std::move(errors));
  }
  return entries;
}

}  // namespace personas::settings
