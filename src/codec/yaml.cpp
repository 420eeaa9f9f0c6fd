#include "personas/codec/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "personas/base/bytes.hpp"

namespace personas::codec {
namespace {

// JSON pointer: "~" and "/" in names are escaped.
std::string pointer_to(const std::string& parent, std::string_view key) {
  std::string out = parent + "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc{} && end == text.data() + text.size();
}

boost::json::value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const std::string_view digits = std::string_view(text).substr(text[0] == '-' ? 1 : 0);
  // "007" is a name, not seven; "inf" is a word.
  const bool leading_zero = digits.size() > 1 && digits[0] == '0' && digits[1] != '.';
  if (digits.empty() || digits[0] < '0' || digits[0] > '9' || leading_zero) {
    return boost::json::string(text);
  }
  std::int64_t integer = 0;
  if (read_number(text, integer)) return integer;
  double number = 0;
  if (read_number(text, number) && std::isfinite(number)) return number;
  return boost::json::string(text);
}

class Converter {
 public:
  explicit Converter(std::string name) : name_(std::move(name)) {}

  YamlDocument convert(const YAML::Node& root) {
    document_ = {};
    document_.json = value_of(root, "", 0);
    return std::move(document_);
  }
  std::vector<FieldError>& errors() { return errors_; }

 private:
  void refuse(const YAML::Node& node, std::string message) {
    if (errors_.size() >= kMaxErrors) return;
    errors_.push_back({fmt::format("{}:{}", name_, node.Mark().line + 1), std::move(message)});
  }

  boost::json::value value_of(const YAML::Node& node, const std::string& pointer, int depth) {
    if (exhausted_) return nullptr;
    if (depth > kMaxYamlDepth || ++values_ > kMaxYamlValues) {
      exhausted_ = true;
      refuse(node, depth > kMaxYamlDepth
                       ? fmt::format("nested deeper than {} levels", kMaxYamlDepth)
                       : fmt::format("more than {} values", kMaxYamlValues));
      return nullptr;
    }
    document_.lines.try_emplace(pointer, node.Mark().line + 1);
    if (node.IsMap()) return object_of(node, pointer, depth);
    if (node.IsSequence()) return array_of(node, pointer, depth);
    if (node.IsScalar()) return scalar_of(node);
    return nullptr;
  }

  boost::json::value scalar_of(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "?") return plain_scalar(text);
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") {
      return boost::json::string(text);
    }
    refuse(node, fmt::format("the tag {} is not supported", node.Tag()));
    return nullptr;
  }

  boost::json::value object_of(const YAML::Node& node, const std::string& pointer, int depth) {
    boost::json::object object;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        refuse(entry.first, "a name must be plain text");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      if (object.contains(key)) {
        refuse(entry.first, fmt::format("{} is given a second time", key));
        continue;
      }
      const auto here = pointer_to(pointer, key);
      document_.lines.try_emplace(here, entry.first.Mark().line + 1);
      object.emplace(key, value_of(entry.second, here, depth + 1));
    }
    return object;
  }

  boost::json::value array_of(const YAML::Node& node, const std::string& pointer, int depth) {
    boost::json::array array;
    for (const auto& entry : node) {
      array.push_back(value_of(entry, fmt::format("{}/{}", pointer, array.size()), depth + 1));
    }
    return array;
  }

  static constexpr std::size_t kMaxErrors = 50;  // more do not help anyone

  std::string name_;
  YamlDocument document_;
  std::vector<FieldError> errors_;
  std::size_t values_ = 0;
  bool exhausted_ = false;
};

}  // namespace

int YamlDocument::line_of(std::string_view pointer) const {
  while (true) {
    if (const auto it = lines.find(std::string(pointer)); it != lines.end()) return it->second;
    if (pointer.empty()) return 1;
    pointer = pointer.substr(0, std::max<std::size_t>(pointer.rfind('/'), 0));
  }
}

FieldError yaml_error(const std::string& name, int line, std::string_view message) {
  return {fmt::format("{}:{}", name, line + 1), to_valid_utf8(message)};
}

std::optional<FieldError> find_not_utf8(std::string_view text, const std::string& name) {
  for (int line = 0; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    // By zero bytes the library recognises UTF-16 and UTF-32.
    const auto bytes = text.substr(0, end);
    if (!is_utf8(bytes) || bytes.contains('\0')) {
      return yaml_error(name, line, "the text is not UTF-8");
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text, const std::string& name) {
  if (text.size() > kMaxYamlBytes) {
    return fail(ErrorCode::kPayloadTooLarge,
                fmt::format("{} is larger than {} bytes", name, kMaxYamlBytes));
  }
  if (auto wrong = find_not_utf8(text, name)) {
    return fail(ErrorCode::kInvalidRequest, fmt::format("{} is not valid", name), {*wrong});
  }
  std::vector<YamlDocument> documents;
  Converter converter(name);
  // yaml-cpp reports by throwing; it stops here.
  try {
    for (const auto& root : YAML::LoadAll(std::string(text))) {
      if (!root.IsNull() && root.IsDefined()) documents.push_back(converter.convert(root));
    }
  } catch (const YAML::Exception& error) {
    converter.errors().push_back(yaml_error(name, error.mark.line, error.msg));
  }
  if (!converter.errors().empty()) {
    return fail(ErrorCode::kInvalidRequest, fmt::format("{} is not valid", name),
                std::move(converter.errors()));
  }
  return documents;
}

}  // namespace personas::codec
