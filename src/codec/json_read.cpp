// JSON values → described values, collecting every wrong field.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "personas/base/bytes.hpp"
#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/json.hpp"

namespace personas::codec {
namespace {

namespace bj = boost::json;
using Completeness = ReadOptions::Completeness;

constexpr std::size_t kMaxShownKey = 80;      // bytes of a client's key repeated in an error path
constexpr std::size_t kMaxComparedName = 40;  // no field has a longer name worth guessing
constexpr std::size_t kGuessDistance = 2;     // edits that still look like a typing mistake
constexpr std::size_t kNotIndex = static_cast<std::size_t>(-1);

// Where the reader is. Lives on the call stack; becomes text only when something is wrong.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;
  std::size_t index = kNotIndex;
};

std::string pointer(const Path* path) {
  if (path == nullptr) return {};
  std::string text = pointer(path->parent) + '/';
  if (path->index != kNotIndex) return text + std::to_string(path->index);
  for (const char c : utf8_prefix(path->key, kMaxShownKey)) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::size_t, kMaxComparedName + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string unknown_field(std::string_view key, const TypeInfo& type, const ReadOptions& options) {
  std::string_view guess;
  std::size_t best = kGuessDistance + 1;
  for (const auto& field : type.fields) {
    const std::string_view name = field.rules.name;
    const bool may_send =
        !field.rules.read_only || options.read_only == ReadOptions::ReadOnly::kAccept;
    if (!may_send || std::max(name.size(), key.size()) > kMaxComparedName) continue;
    const std::size_t distance = edit_distance(key, name);
    // A name changed beyond half of its length is another word.
    if (distance < best && distance * 2 <= name.size()) {
      best = distance;
      guess = name;
    }
  }
  return guess.empty() ? "unknown field" : fmt::format("unknown field, did you mean '{}'?", guess);
}

std::optional<std::int64_t> as_integer(const bj::value& json) {
  if (const auto* number = json.if_int64()) return *number;
  if (const auto* number = json.if_uint64()) {
    if (std::in_range<std::int64_t>(*number)) return static_cast<std::int64_t>(*number);
  }
  if (const auto* number = json.if_double()) {
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    if (std::trunc(*number) == *number && *number >= -kLimit && *number < kLimit) {
      return static_cast<std::int64_t>(*number);
    }
  }
  return std::nullopt;
}

std::optional<double> as_double(const bj::value& json) {
  if (const auto* number = json.if_double()) return *number;
  if (const auto* number = json.if_int64()) return static_cast<double>(*number);
  if (const auto* number = json.if_uint64()) return static_cast<double>(*number);
  return std::nullopt;
}

template <class Number>
std::string expected_number(std::string_view what, Number min, Number max, Number lowest,
                            Number highest) {
  if (min != lowest && max != highest) {
    return fmt::format("expected {} between {} and {}", what, min, max);
  }
  if (min != lowest) return fmt::format("expected {} of at least {}", what, min);
  if (max != highest) return fmt::format("expected {} of at most {}", what, max);
  return fmt::format("expected {}", what);
}

constexpr std::string_view kCharacters = "characters";
constexpr std::string_view kBytes = "bytes";
constexpr std::string_view kEntries = "entries";

// Code points, as JSON Schema counts them; the text is UTF-8, which the parser has seen to.
std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

class Reader {
 public:
  explicit Reader(const ReadOptions& options) : options_(options) {}

  void read(const bj::value& json, const TypeInfo& type, const FieldRules& rules, void* out,
            const Path* path, Completeness completeness) {
    if (type.kind == Kind::kOptional) {
      read_optional(json, type, rules, out, path, completeness);
    } else if (type.kind == Kind::kRawJson) {
      auto& text = static_cast<RawJson*>(out)->text;
      text = json.is_null() ? std::string() : codec::serialize(json);
      check_length(text.size(), kBytes, rules, path);
    } else if (json.is_null()) {
      wrong(path, "must not be null");
    } else {
      read_present(json, type, rules, out, path, completeness);
    }
  }

  Result<void> finish() && {
    if (errors_.empty()) return {};
    const FieldError& first = errors_.front();
    std::string message = fmt::format(
        "{}{} {} wrong: {}{}", errors_.size(), full() ? " or more" : "",
        errors_.size() == 1 ? "field is" : "fields are",
        first.path.empty() ? std::string("the value itself") : first.path, ": " + first.message);
    return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(errors_));
  }

 private:
  bool trusts() const { return options_.rules == ReadOptions::Rules::kTrust; }
  bool full() const { return errors_.size() >= kMaxFieldErrors; }

  void wrong(const Path* path, std::string message) {
    if (!full()) errors_.push_back({pointer(path), std::move(message)});
  }

  // Texts count their characters, as the schema does; JSON that is kept as text counts its bytes,
  // which no schema says.
  void check_length(std::size_t length, std::string_view unit, const FieldRules& rules,
                    const Path* path) {
    if (trusts()) return;
    const bool entries = unit == kEntries;
    if (length > rules.max_length) {
      wrong(path, fmt::format("{} {} {}", entries ? "has more than" : "is longer than",
                              rules.max_length, unit));
    } else if (length == 0 && rules.min_length > 0) {
      wrong(path, "must not be empty");
    } else if (length < rules.min_length) {
      wrong(path, fmt::format("{} {} {}", entries ? "has fewer than" : "is shorter than",
                              rules.min_length, unit));
    }
  }

  // `json` is not null.
  void read_present(const bj::value& json, const TypeInfo& type, const FieldRules& rules, void* out,
                    const Path* path, Completeness completeness) {
    switch (type.kind) {
      case Kind::kBool:
        if (!json.is_bool()) return wrong(path, "expected true or false");
        *static_cast<bool*>(out) = json.get_bool();
        return;
      case Kind::kInt32:
        return read_integer<std::int32_t>(json, rules, out, path);
      case Kind::kInt64:
        return read_integer<std::int64_t>(json, rules, out, path);
      case Kind::kDouble:
        return read_double(json, rules, out, path);
      case Kind::kJsonText:
        return read_json_text(json, rules, out, path);
      case Kind::kString:
      case Kind::kId:
      case Kind::kTimestamp:
      case Kind::kEnum:
        return read_text(json, type, rules, out, path);
      case Kind::kStruct:
        return read_struct(json, type, out, path, completeness);
      case Kind::kList:
        return read_list(json, type, rules, out, path);
      case Kind::kMap:
        return read_map(json, type, rules, out, path);
      case Kind::kOptional:
      case Kind::kRawJson:
        return;  // read() has taken them
    }
  }

  template <class Integer>
  void read_integer(const bj::value& json, const FieldRules& rules, void* out, const Path* path) {
    constexpr std::int64_t kLowest = std::numeric_limits<Integer>::min();
    constexpr std::int64_t kHighest = std::numeric_limits<Integer>::max();
    const std::int64_t min = std::max(rules.min, kLowest), max = std::min(rules.max, kHighest);
    const auto number = as_integer(json);
    const bool outside = trusts() ? number && !std::in_range<Integer>(*number)
                                  : number && (*number < min || *number > max);
    if (!number || outside) {
      constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::min();
      return wrong(path, expected_number<std::int64_t>("an integer", min, max, kUnbounded,
                                                       std::numeric_limits<std::int64_t>::max()));
    }
    *static_cast<Integer*>(out) = static_cast<Integer>(*number);
  }

  void read_double(const bj::value& json, const FieldRules& rules, void* out, const Path* path) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const auto number = as_double(json);
    if (!number || (!trusts() && (*number < rules.min_number || *number > rules.max_number))) {
      return wrong(path, expected_number("a number", rules.min_number, rules.max_number, -kInfinity,
                                         kInfinity));
    }
    *static_cast<double*>(out) = *number;
  }

  void read_text(const bj::value& json, const TypeInfo& type, const FieldRules& rules, void* out,
                 const Path* path) {
    const auto* string = json.if_string();
    const std::string_view text = string ? std::string_view(*string) : std::string_view();
    if (type.kind == Kind::kEnum) {
      const auto found = std::ranges::find(type.enumerators, text);
      if (string == nullptr || found == type.enumerators.end()) {
        return wrong(path, fmt::format("must be one of: {}", fmt::join(type.enumerators, ", ")));
      }
      type.set_enum_index(out, static_cast<int>(found - type.enumerators.begin()));
      return;
    }
    if (string == nullptr) return wrong(path, "expected a string");
    if (type.kind == Kind::kId) {
      if (!trusts() && !is_valid_id(text)) {
        return wrong(path, fmt::format("expected an id: 1 to {} characters of letters, digits, "
                                       "'_', '-', '.', ':'",
                                       kMaxIdLength));
      }
      type.set_id_text(out, std::string(text));
    } else if (type.kind == Kind::kTimestamp) {
      const auto time = parse_rfc3339(text);
      if (!time) return wrong(path, time.error().message);
      *static_cast<Timestamp*>(out) = *time;
    } else {
      check_length(characters_in(text), kCharacters, rules, path);
      *static_cast<std::string*>(out) = text;
    }
  }

  void read_json_text(const bj::value& json, const FieldRules& rules, void* out, const Path* path) {
    auto& text = static_cast<JsonText*>(out)->text;
    if (json.is_structured()) {
      text = codec::serialize(json);
    } else if (const auto* string = json.if_string()) {
      const std::string_view content = *string;
      if (!content.empty() && !trusts()) {
        if (const auto parsed = parse_json(content, {.max_bytes = content.size()}); !parsed) {
          return wrong(path, "expected JSON in the string: " + parsed.error().message);
        }
      }
      text = content;
    } else {
      return wrong(path, "expected an object, an array, or a string that holds JSON");
    }
    check_length(text.size(), kBytes, rules, path);
  }

  void read_optional(const bj::value& json, const TypeInfo& type, const FieldRules& rules,
                     void* out, const Path* path, Completeness completeness) {
    if (json.is_null()) return type.container->clear(out);
    // What is newly made has no present values to fall back on.
    if (type.container->size(out) == 0) completeness = Completeness::kFull;
    read(json, type.container->element(), rules, type.container->add(out, {}), path, completeness);
  }

  void read_list(const bj::value& json, const TypeInfo& type, const FieldRules& rules, void* out,
                 const Path* path) {
    const auto* array = json.if_array();
    if (array == nullptr) return wrong(path, "expected a list");
    check_length(array->size(), kEntries, rules, path);
    const FieldRules entry_rules = rules_of_entries(rules);
    type.container->clear(out);
    for (std::size_t i = 0; i < array->size() && !full(); ++i) {
      const Path entry{path, {}, i};
      read((*array)[i], type.container->element(), entry_rules, type.container->add(out, {}),
           &entry, Completeness::kFull);
    }
  }

  void read_map(const bj::value& json, const TypeInfo& type, const FieldRules& rules, void* out,
                const Path* path) {
    const auto* object = json.if_object();
    if (object == nullptr) return wrong(path, "expected an object");
    check_length(object->size(), kEntries, rules, path);
    const FieldRules entry_rules = rules_of_entries(rules);
    type.container->clear(out);
    for (const auto& member : *object) {
      if (full()) return;
      const Path entry{path, member.key()};
      read(member.value(), type.container->element(), entry_rules,
           type.container->add(out, member.key()), &entry, Completeness::kFull);
    }
  }

  static FieldRules rules_of_entries(FieldRules rules) {
    rules.min_length = 0;
    rules.max_length = std::numeric_limits<std::size_t>::max();
    return rules;
  }

  void read_struct(const bj::value& json, const TypeInfo& type, void* out, const Path* path,
                   Completeness completeness) {
    const auto* object = json.if_object();
    if (object == nullptr) return wrong(path, "expected an object");
    const bool takes_read_only = options_.read_only == ReadOptions::ReadOnly::kAccept;
    std::size_t next = 0;  // members usually come in declaration order
    for (const auto& member : *object) {
      if (full()) return;
      const Path here{path, member.key()};
      const FieldInfo* field = find_field(type, member.key(), next);
      if (field == nullptr) {
        if (options_.unknown == UnknownFields::kReject) {
          wrong(&here, unknown_field(member.key(), type, options_));
        }
      } else if (!field->rules.read_only || takes_read_only) {
        read(member.value(), field->type(), field->rules, field->get(out), &here, completeness);
      } else if (options_.read_only == ReadOptions::ReadOnly::kRefuse) {
        wrong(&here, "is set by the server and cannot be given");
      }
    }
    if (completeness == Completeness::kPartial) return;
    for (const auto& field : type.fields) {
      if (!field.rules.required || (field.rules.read_only && !takes_read_only)) continue;
      if (object->if_contains(field.rules.name) != nullptr) continue;
      const Path here{path, field.rules.name};
      wrong(&here, "is required");
    }
  }

  static const FieldInfo* find_field(const TypeInfo& type, std::string_view name,
                                     std::size_t& next) {
    const std::size_t count = type.fields.size();
    for (std::size_t step = 0; step < count; ++step) {
      const std::size_t i = next + step < count ? next + step : next + step - count;
      if (type.fields[i].rules.name == name) {
        next = i + 1 < count ? i + 1 : 0;
        return &type.fields[i];
      }
    }
    return nullptr;
  }

  const ReadOptions& options_;
  std::vector<FieldError> errors_;
};

}  // namespace

Result<void> read_json(const bj::value& json, const TypeInfo& type, void* out,
                       const ReadOptions& options) {
  Reader reader(options);
  reader.read(json, type, FieldRules{}, out, nullptr, options.completeness);
  return std::move(reader).finish();
}

}  // namespace personas::codec
