// A schema is held against its own grammar once, so that checking values need not.
#include <algorithm>
#include <array>
#include <unordered_set>

#include <fmt/format.h>

#include "personas/base/suggest.hpp"
#include "personas/codec/json.hpp"

#include "keywords.hpp"

namespace personas::json_schema {
namespace {

namespace bj = boost::json;

constexpr std::array<std::string_view, 7> kTypes{"array",  "boolean", "integer", "null",
                                                 "number", "object",  "string"};
// Of which the keywords here are the same; a fragment without content may follow.
constexpr std::array<std::string_view, 3> kDialects{"//json-schema.org/draft/2020-12/schema",
                                                    "//json-schema.org/draft/2019-09/schema",
                                                    "//json-schema.org/draft-07/schema"};

struct Replaced {
  std::string_view name;
  std::string_view advice;
};
constexpr std::array kNotOffered{
    Replaced{"$anchor", "is not offered; use $defs and $ref"},
    Replaced{"$dynamicAnchor", "is not offered; use $defs and $ref"},
    Replaced{"$dynamicRef", "is not offered; use $defs and $ref"},
    Replaced{"$id", "is not offered; a schema is one document, and $ref points into it with #/…"},
    Replaced{"$vocabulary", "is not offered"},
    Replaced{"additionalItems", "is of an older draft; use prefixItems and items"},
    Replaced{"dependencies", "is of an older draft; use dependentRequired or dependentSchemas"},
    Replaced{"unevaluatedItems", "is not offered; use items"},
    Replaced{"unevaluatedProperties", "is not offered; use additionalProperties"},
};

std::string_view view(bj::string_view text) {
  return {text.data(), text.size()};
}

class Compiler {
 public:
  Compiler(Schema::Parts& parts, std::string_view at) : parts_(parts), at_(at) {}

  Result<void> run() {
    schema(parts_.root, Place{}, 1);
    for (const auto& [from, where] : references_) resolve(*from, where);
    if (errors_.empty()) find_circles();
    if (errors_.empty()) return {};
    std::string message = "This is no usable JSON Schema: ";
    for (const auto& error : errors_) {
      if (&error != &errors_.front()) message += "; ";
      message += error.path.empty() ? error.message : error.path + " " + error.message;
    }
    return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(errors_));
  }

 private:
  void wrong(std::string pointer, std::string message) {
    if (errors_.size() >= codec::kMaxFieldErrors) return;
    errors_.push_back({at_ + pointer, std::move(message)});
  }
  void wrong(const Place& place, std::string message) {
    wrong(place.pointer(), std::move(message));
  }

  void schema(const bj::value& json, const Place& place, std::size_t depth) {
    if (!json.is_object() && !json.is_bool()) {
      return wrong(place, json.is_array() && place.name == "items"
                              ? "expected a schema; a list of them is prefixItems"
                              : "expected a schema: an object, true or false");
    }
    if (depth > kMaxSchemaDepth) {
      return wrong(place, fmt::format("is deeper than {} schemas", kMaxSchemaDepth));
    }
    if (schemas_.size() == kMaxSubschemas) {
      wrong(place, fmt::format("is one schema more than {}", kMaxSubschemas));
    }
    if (schemas_.size() >= kMaxSubschemas) return;
    schemas_.insert(&json);
    if (json.is_bool()) return;
    for (const auto& [name, argument] : json.get_object()) {
      const Place here{&place, view(name)};
      if (const auto* keyword = find_keyword(view(name))) {
        shape(*keyword, argument, here, depth, json);
      } else {
        unknown(view(name), here);
      }
    }
  }

  void unknown(std::string_view name, const Place& place) {
    if (name.starts_with("x-")) return;  // of the tool that wrote it
    const auto* replaced = std::ranges::find(kNotOffered, name, &Replaced::name);
    if (replaced != kNotOffered.end()) return wrong(place, std::string(replaced->advice));
    std::vector<std::string_view> known;
    for (const auto& keyword : keywords()) known.push_back(keyword.name);
    const auto guess = closest(name, known);
    wrong(place, guess.empty() ? "is not a keyword of JSON Schema"
                               : fmt::format("is not a keyword; did you mean '{}'?", guess));
  }

  // One schema of a keyword. `here`: of the same value as the schema around it.
  void inner(const bj::value& json, const Place& place, std::size_t depth,
             const bj::value* around) {
    schema(json, place, depth + 1);
    if (around != nullptr) same_value_[around].push_back({&json, place.pointer()});
  }

  void shape(const Keyword& keyword, const bj::value& argument, const Place& place,
             std::size_t depth, const bj::value& around) {
    switch (keyword.shape) {
      case Shape::kAnything:
        return;
      case Shape::kSchema:
        return inner(argument, place, depth, nullptr);
      case Shape::kSchemaHere:
        return inner(argument, place, depth, &around);
      case Shape::kSchemas:
        return schemas(argument, place, depth, nullptr);
      case Shape::kSchemasHere:
        return schemas(argument, place, depth, &around);
      case Shape::kSchemaMap:
        return schema_map(argument, place, depth, nullptr);
      case Shape::kSchemaMapHere:
        return schema_map(argument, place, depth, &around);
      case Shape::kPatternMap:
        if (argument.is_object()) {
          for (const auto& member : argument.get_object()) {
            expression(view(member.key()), Place{&place, view(member.key())});
          }
        }
        return schema_map(argument, place, depth, nullptr);
      case Shape::kReference:
        return reference(argument, place, around);
      default:
        return plain(keyword.shape, argument, place);
    }
  }

  void plain(Shape shape, const bj::value& argument, const Place& place) {
    switch (shape) {
      case Shape::kCount:
        return count(argument, place);
      case Shape::kNumber:
        if (!argument.is_number()) wrong(place, "expected a number");
        return;
      case Shape::kAboveZero:
        if (!argument.is_number() || argument.to_number<double>() <= 0) {
          wrong(place, "expected a number above 0");
        }
        return;
      case Shape::kBool:
        if (!argument.is_bool()) wrong(place, "expected true or false");
        return;
      case Shape::kNames:
        return names(argument, place);
      case Shape::kNamesMap:
        if (!argument.is_object()) return wrong(place, "expected an object of lists of names");
        for (const auto& member : argument.get_object()) {
          names(member.value(), Place{&place, view(member.key())});
        }
        return;
      case Shape::kTypes:
        return types(argument, place);
      case Shape::kValues:
        if (!argument.is_array() || argument.get_array().empty()) {
          return wrong(place, "expected a list of at least one value");
        }
        for (const auto& one : argument.get_array()) {
          parts_.allowed[&argument].insert(canonical(one));
        }
        return;
      case Shape::kValue:
        parts_.allowed[&argument].insert(canonical(argument));
        return;
      case Shape::kPattern:
        if (!argument.is_string()) return wrong(place, "expected a string");
        return expression(view(argument.get_string()), place);
      case Shape::kDialect:
        return dialect(argument, place);
      default:
        return;
    }
  }

  void schemas(const bj::value& argument, const Place& place, std::size_t depth,
               const bj::value* around) {
    if (!argument.is_array() || argument.get_array().empty()) {
      return wrong(place, "expected a list of at least one schema");
    }
    std::size_t index = 0;
    for (const auto& one : argument.get_array()) {
      inner(one, Place{&place, {}, index++}, depth, around);
    }
  }

  void schema_map(const bj::value& argument, const Place& place, std::size_t depth,
                  const bj::value* around) {
    if (!argument.is_object()) return wrong(place, "expected an object of schemas");
    for (const auto& member : argument.get_object()) {
      inner(member.value(), Place{&place, view(member.key())}, depth, around);
    }
  }

  void count(const bj::value& argument, const Place& place) {
    constexpr double kMost = 1e15;
    const double number = argument.is_number() ? argument.to_number<double>() : -1;
    if (number < 0 || number > kMost ||
        number != static_cast<double>(static_cast<std::int64_t>(number))) {
      wrong(place, "expected a whole number of at least 0");
    }
  }

  void names(const bj::value& argument, const Place& place) {
    const auto is_name = [](const bj::value& name) { return name.is_string(); };
    if (!argument.is_array() || !std::ranges::all_of(argument.get_array(), is_name)) {
      return wrong(place, "expected a list of names");
    }
    std::unordered_set<std::string_view> seen;
    for (const auto& name : argument.get_array()) {
      if (!seen.insert(view(name.get_string())).second) wrong(place, "names the same twice");
    }
  }

  void types(const bj::value& argument, const Place& place) {
    const auto is_type = [](const bj::value& name) {
      return name.is_string() && std::ranges::find(kTypes, view(name.get_string())) != kTypes.end();
    };
    const bool good = argument.is_array() ? !argument.get_array().empty() &&
                                                std::ranges::all_of(argument.get_array(), is_type)
                                          : is_type(argument);
    if (!good) wrong(place, fmt::format("must be one of: {}", fmt::join(kTypes, ", ")));
  }

  void expression(std::string_view text, const Place& place) {
    if (parts_.patterns.contains(text)) return;
    auto pattern = pattern::Pattern::compile(text, pattern::Borders::kText);
    if (!pattern) return wrong(place, pattern.error().message);
    parts_.patterns.emplace(text, *std::move(pattern));
  }

  void dialect(const bj::value& argument, const Place& place) {
    std::string_view name = argument.is_string() ? view(argument.get_string()) : "";
    if (name.ends_with('#')) name.remove_suffix(1);
    name.remove_prefix(std::min(name.find("//"), name.size()));
    if (std::ranges::find(kDialects, name) == kDialects.end()) {
      wrong(place, "must be https://json-schema.org/draft/2020-12/schema, or absent");
    }
  }

  void reference(const bj::value& argument, const Place& place, const bj::value& around) {
    if (!argument.is_string() || !argument.get_string().starts_with('#')) {
      return wrong(place,
                   "must point into this schema, such as #/$defs/address; others are not fetched");
    }
    references_.emplace_back(&argument, place.pointer());
    around_[&argument] = &around;
  }

  // The place a fragment points to; nullptr if there is none.
  const bj::value* target_of(std::string_view fragment) const {
    const bj::value* at = &parts_.root;
    fragment.remove_prefix(1);
    if (!fragment.empty() && fragment.front() != '/') return nullptr;
    while (!fragment.empty()) {
      fragment.remove_prefix(1);
      const auto end = std::min(fragment.find('/'), fragment.size());
      const auto name = unescaped(fragment.substr(0, end));
      fragment.remove_prefix(end);
      if (at->is_object()) {
        at = at->get_object().if_contains(name);
      } else if (at->is_array()) {
        at = entry_of(at->get_array(), name);
      } else {
        at = nullptr;
      }
      if (at == nullptr) return nullptr;
    }
    return at;
  }
  static const bj::value* entry_of(const bj::array& list, std::string_view text) {
    std::size_t index = 0;
    for (const char c : text) {
      if (c < '0' || c > '9' || index > list.size()) return nullptr;
      index = index * 10 + static_cast<std::size_t>(c - '0');
    }
    return !text.empty() && index < list.size() ? &list[index] : nullptr;
  }
  static std::string unescaped(std::string_view text) {
    std::string out;
    const std::string plain = percent_decoded(text);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      const bool escape = plain[i] == '~' && i + 1 < plain.size();
      out += escape ? (plain[++i] == '1' ? '/' : '~') : plain[i];
    }
    return out;
  }
  static std::string percent_decoded(std::string_view text) {
    const auto digit = [](char c) {
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                    : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
          digit(text[i + 2]) >= 0) {
        out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  void resolve(const bj::value& reference, const std::string& where) {
    const auto* target = target_of(view(reference.get_string()));
    if (target == nullptr || !schemas_.contains(target)) {
      return wrong(where,
                   fmt::format("{} is no schema of this document", view(reference.get_string())));
    }
    parts_.targets[&reference] = target;
    same_value_[around_[&reference]].push_back({target, where});
  }

  // A schema that asks itself about the same value never answers.
  void find_circles() {
    std::unordered_map<const bj::value*, bool> finished;
    const auto visit = [&](const auto& self, const bj::value* at) -> void {
      finished[at] = false;
      for (const auto& [next, where] : same_value_[at]) {
        const auto known = finished.find(next);
        if (known == finished.end()) {
          self(self, next);
        } else if (!known->second) {
          wrong(where, "leads back to itself without end");
        }
      }
      finished[at] = true;
    };
    for (const auto* one : schemas_) {
      if (!finished.contains(one)) visit(visit, one);
    }
  }

  struct Step {
    const bj::value* to;
    std::string where;
  };

  Schema::Parts& parts_;
  std::string at_;
  std::vector<FieldError> errors_;
  std::unordered_set<const bj::value*> schemas_;
  std::vector<std::pair<const bj::value*, std::string>> references_;
  std::unordered_map<const bj::value*, const bj::value*> around_;  // the schema a $ref stands in
  std::unordered_map<const bj::value*, std::vector<Step>> same_value_;
};

}  // namespace

Result<Schema> Schema::compile(bj::value json, std::string_view at) {
  if (codec::serialize(json).size() > kMaxSchemaBytes) {
    const std::string why = fmt::format("is larger than {} bytes", kMaxSchemaBytes);
    return fail(ErrorCode::kInvalidRequest, "The JSON Schema " + why, {{std::string(at), why}});
  }
  auto parts = std::make_shared<Parts>();
  parts->root = std::move(json);
  TRY_VOID(Compiler(*parts, at).run());
  return Schema(std::move(parts));
}

Result<Schema> Schema::parse(std::string_view text, std::string_view at) {
  TRY(auto json, codec::parse_json(text));
  return compile(std::move(json), at);
}

}  // namespace personas::json_schema
