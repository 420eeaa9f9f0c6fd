#include "personas/codec/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
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

// Builds the values while the library reads, so that every limit holds before anything is kept, and
// a document of which nothing is consumed ends the reading (the library would give it for ever).
// What exceeds a limit is thrown as the library's own exception; what else is wrong is collected.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::string name) : name_(std::move(name)) {}

  std::vector<YamlDocument> take() { return std::move(documents_); }
  std::vector<FieldError>& errors() { return errors_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_at_ == mark.pos) throw YAML::ParserException(mark, "nothing can begin like this");
    started_at_ = mark.pos;
    document_ = {};
    anchors_.clear();
  }
  void OnDocumentEnd() override {
    if (!document_.json.is_null()) documents_.push_back(std::move(document_));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (awaits_name()) return add(mark, nullptr, 1);
    scalar(mark, "?", anchor, "");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    scalar(mark, tag, anchor, text);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) {
      refuse(mark, "an alias of what it is a part of");
      return add(mark, nullptr, 0);
    }
    const Kept& kept = it->second;
    check_limits(mark, kept.height);
    values_ += kept.values;
    bytes_ += kept.bytes;
    check_limits(mark, kept.height);
    add(mark, kept.value, kept.height);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, boost::json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, boost::json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or a map whose end has not come.
  struct Open {
    boost::json::value value;
    std::string pointer;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::size_t values_before;
    std::size_t bytes_before;
    std::size_t height = 1;  // levels below and its own
    enum class Awaits : std::uint8_t { kName, kValue, kValueToDrop } awaits = Awaits::kName;
    std::string name = {};
  };
  // What an alias stands for, and what it costs.
  struct Kept {
    boost::json::value value;
    std::size_t values;
    std::size_t bytes;
    std::size_t height;
  };

  void refuse(const YAML::Mark& mark, std::string_view message) {
    if (errors_.size() >= kMaxErrors) return;
    errors_.push_back(yaml_error(name_, mark.line, message));
  }

  void check_limits(const YAML::Mark& mark, std::size_t height) const {
    if (open_.size() + height > kMaxYamlDepth + 1) {
      throw YAML::ParserException(mark, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
    }
    if (values_ > kMaxYamlValues) {
      throw YAML::ParserException(mark, fmt::format("more than {} values", kMaxYamlValues));
    }
    if (bytes_ > kMaxYamlExpandedBytes) {
      throw YAML::ParserException(
          mark, fmt::format("more than {} bytes when aliases are followed", kMaxYamlExpandedBytes));
    }
  }

  bool awaits_name() const {
    return !open_.empty() && open_.back().value.is_object() &&
           open_.back().awaits == Open::Awaits::kName;
  }

  std::string pointer_here() const {
    if (open_.empty()) return "";
    const Open& parent = open_.back();
    if (parent.value.is_array()) {
      return fmt::format("{}/{}", parent.pointer, parent.value.get_array().size());
    }
    return pointer_to(parent.pointer, parent.name);
  }

  // Counts what begins here and remembers its line.
  std::string enter(const YAML::Mark& mark, std::size_t size) {
    auto pointer = pointer_here();
    ++values_;
    bytes_ += pointer.size() + size;
    check_limits(mark, 1);
    document_.lines.try_emplace(pointer, mark.line + 1);
    return pointer;
  }

  void scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              const std::string& text) {
    const bool is_name = awaits_name();
    // The library makes one byte of each of these, which is no UTF-8.
    if (!is_utf8(text)) refuse(mark, "\\N and \\_ are not supported; write \\u0085 and \\u00a0");
    if (!is_name) enter(mark, text.size());
    auto value = is_name ? boost::json::string(text) : value_of(mark, tag, text);
    if (anchor != 0) anchors_[anchor] = {value, 1, text.size(), 1};
    if (is_name) return name(mark, text);
    add(mark, std::move(value), 1);
  }

  boost::json::value value_of(const YAML::Mark& mark, const std::string& tag,
                              const std::string& text) {
    if (tag == "?" || tag.empty()) return plain_scalar(text);
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return boost::json::string(text);
    refuse(mark, fmt::format("the tag {} is not supported", tag));
    return nullptr;
  }

  void name(const YAML::Mark& mark, const std::string& text) {
    Open& map = open_.back();
    map.awaits = Open::Awaits::kValue;
    map.name = text;
    if (map.value.get_object().contains(text)) {
      refuse(mark, fmt::format("{} is given a second time", text));
      map.awaits = Open::Awaits::kValueToDrop;
      return;
    }
    document_.lines.try_emplace(pointer_here(), mark.line + 1);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, boost::json::value value) {
    const auto values = values_;
    const auto bytes = bytes_;
    auto pointer = enter(mark, 0);
    open_.push_back({std::move(value), std::move(pointer), mark, anchor, values, bytes});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) {
      anchors_[done.anchor] = {done.value, values_ - done.values_before, bytes_ - done.bytes_before,
                               done.height};
    }
    add(done.mark, std::move(done.value), done.height);
  }

  void add(const YAML::Mark& mark, boost::json::value value, std::size_t height) {
    if (open_.empty()) {
      document_.json = std::move(value);
      return;
    }
    Open& parent = open_.back();
    parent.height = std::max(parent.height, height + 1);
    if (parent.value.is_array()) {
      parent.value.get_array().push_back(std::move(value));
    } else if (parent.awaits == Open::Awaits::kName) {
      refuse(mark, "a name must be plain text");
      parent.awaits = Open::Awaits::kValueToDrop;
    } else {
      if (parent.awaits == Open::Awaits::kValue) {
        parent.value.get_object().emplace(parent.name, std::move(value));
      }
      parent.awaits = Open::Awaits::kName;
    }
  }

  static constexpr std::size_t kMaxErrors = 50;  // more do not help anyone

  std::string name_;
  std::optional<int> started_at_;
  std::vector<YamlDocument> documents_;
  YamlDocument document_;
  std::vector<Open> open_;  // outermost first
  std::map<YAML::anchor_t, Kept> anchors_;
  std::vector<FieldError> errors_;
  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
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
  Builder builder(name);
  std::istringstream input{std::string(text)};
  // yaml-cpp reports by throwing; it stops here.
  try {
    YAML::Parser parser(input);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    builder.errors().push_back(yaml_error(name, error.mark.line, error.msg));
  }
  if (!builder.errors().empty()) {
    return fail(ErrorCode::kInvalidRequest, fmt::format("{} is not valid", name),
                std::move(builder.errors()));
  }
  return builder.take();
}

}  // namespace personas::codec
