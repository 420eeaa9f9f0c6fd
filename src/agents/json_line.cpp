#include "json_line.hpp"

#include <array>
#include <charconv>
#include <utility>

#include <boost/json/monotonic_resource.hpp>

#include "personas/agents/stream.hpp"
#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

namespace personas::agents {

namespace bj = boost::json;

namespace {

constexpr std::size_t kTreeBytes = 256 * 1024;  // most lines fit; larger ones use the heap

std::optional<unsigned> code_unit(std::string_view line, std::size_t at) {
  if (line.size() < at + 6 || line[at] != '\\' || line[at + 1] != 'u') return std::nullopt;
  unsigned unit = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const char c = line[i];
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                  : 16U;
    if (digit == 16U) return std::nullopt;
    unit = unit * 16 + digit;
  }
  return unit;
}

// JavaScript writes half a surrogate pair as an escape, where strict JSON has no such character:
// a tool's output cut in the middle of an emoji must not cost the whole line.
std::string with_whole_surrogates(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] != '\\') {
      out += line[i++];
      continue;
    }
    const auto unit = code_unit(line, i);
    if (!unit) {
      out.append(line, i, 2);
      i += 2;
    } else if (*unit < 0xD800 || *unit > 0xDFFF) {
      out.append(line, i, 6);
      i += 6;
    } else {
      const auto next = code_unit(line, i + 6);
      const bool pair = *unit < 0xDC00 && next && *next >= 0xDC00 && *next <= 0xDFFF;
      out += pair ? line.substr(i, 12) : std::string_view("\\ufffd");
      i += pair ? 12 : 6;
    }
  }
  return out;
}

}  // namespace

bj::value parse_line(std::string_view line, const bj::storage_ptr& memory, bj::error_code& error) {
  bj::parse_options options;
  options.max_depth = kMaxStreamDepth;
  auto json = bj::parse(line, error, memory, options);
  if (!error) return json;
  const std::string repaired = with_whole_surrogates(is_utf8(line) ? line : to_valid_utf8(line));
  return bj::parse(repaired, error, memory, options);
}

std::string_view text_of(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* string = value == nullptr ? nullptr : value->if_string();
  return string == nullptr ? std::string_view() : std::string_view(*string);
}

const bj::object* object_of(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

const bj::array* array_of(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<double> number_of(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::optional<std::int64_t> integer_of(const bj::object& object, std::string_view key) {
  constexpr double kLargest = 9e15;  // exact in a double
  const auto number = number_of(object, key);
  if (!number || *number < -kLargest || *number > kLargest) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

bool is_set(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && !value->is_null();
}

bool flag_of(const bj::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// What says most about a call, tool by tool; else the whole input.
std::string summary_of_input(const bj::value* input) {
  constexpr std::array<std::string_view, 8> kTelling = {
      "command", "file_path", "notebook_path", "pattern", "url", "query", "description", "prompt"};
  const auto* object = input == nullptr ? nullptr : input->if_object();
  if (object == nullptr) return {};
  for (const auto key : kTelling) {
    if (const auto text = text_of(*object, key); !text.empty()) {
      return clean_line(text, kMaxSummary);
    }
  }
  if (object->empty()) return {};
  bj::serializer writer;
  std::array<char, kMaxSummary * 2> part{};  // the beginning is enough
  writer.reset(object);
  const auto json = writer.read(part.data(), part.size());
  return clean_line(json, kMaxSummary);
}

TypedLineReader::TypedLineReader()
    : buffer_(std::make_unique_for_overwrite<unsigned char[]>(kTreeBytes)) {}

LineKind TypedLineReader::read(std::string_view line, std::vector<AgentItem>& items) {
  bj::monotonic_resource memory(buffer_.get(), kTreeBytes);
  bj::error_code error;
  const bj::value json = parse_line(line, &memory, error);
  const auto* object = error ? nullptr : json.if_object();
  if (object == nullptr) return LineKind::kMalformed;
  const auto type = text_of(*object, "type");
  return type.empty() ? LineKind::kMalformed : take(type, *object, items);
}

void TypedLineReader::begin_words(std::vector<AgentItem>& items) {
  items.emplace_back(ModelMessage{});
  answered_ = false;
}

void TypedLineReader::begin_call(std::vector<AgentItem>& items) {
  if (answered_) begin_words(items);
}

std::optional<std::int64_t> status_in(std::string_view message) {
  for (const std::string_view mark : {"unexpected status ", "\"code\":", "\"code\": "}) {
    const std::size_t at = message.find(mark);
    if (at == std::string_view::npos) continue;
    const auto digits = message.substr(at + mark.size());
    std::int64_t status = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), status);
    if (failure == std::errc() && status >= 400 && status < 600) return status;
  }
  return std::nullopt;
}

}  // namespace personas::agents
