// What each keyword demands of a value. A keyword about numbers says nothing of a string, and so
// on.
#include "keywords.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "personas/base/suggest.hpp"
#include "personas/codec/json.hpp"

namespace personas::json_schema {
namespace {

namespace bj = boost::json;

constexpr std::uint64_t kBytesPerWork = 16;  // of values that are compared as texts
constexpr std::size_t kMaxShownValues = 200;

std::string_view view(const bj::value& text) {
  return {text.get_string().data(), text.get_string().size()};
}
std::string_view view(bj::string_view text) {
  return {text.data(), text.size()};
}

// Exact for every number JSON text can give here: int64, uint64, double.
long double number_of(const bj::value& value) {
  if (value.is_int64()) return static_cast<long double>(value.get_int64());
  if (value.is_uint64()) return static_cast<long double>(value.get_uint64());
  return static_cast<long double>(value.get_double());
}
std::size_t count_of(const bj::value& argument) {
  return static_cast<std::size_t>(number_of(argument));
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_of_type(const bj::value& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (!value.is_number()) return false;
  return type == "number" || !value.is_double() ||
         std::trunc(value.get_double()) == value.get_double();
}

bool type(Checker& checker, const Applied& a) {
  std::vector<std::string_view> names;
  if (a.argument.is_string()) names.push_back(view(a.argument));
  if (a.argument.is_array()) {
    for (const auto& name : a.argument.get_array()) names.push_back(view(name));
  }
  if (std::ranges::any_of(names, [&a](auto name) { return is_of_type(a.value, name); })) {
    return true;
  }
  return checker.wrong(a.place, fmt::format("expected {}", fmt::join(names, " or ")));
}

bool enumeration(Checker& checker, const Applied& a) {
  const std::string text = canonical(a.value);
  checker.work(text.size() / kBytesPerWork);
  if (checker.parts().allowed.at(&a.argument).contains(text)) return true;
  std::string shown = codec::serialize(a.argument);
  if (a.argument.is_array()) shown = shown.substr(1, shown.size() - 2);
  if (shown.size() > kMaxShownValues)
    return checker.wrong(a.place, "is none of the allowed values");
  return checker.wrong(a.place, "must be one of: " + shown);
}
bool constant(Checker& checker, const Applied& a) {
  const std::string text = canonical(a.value);
  checker.work(text.size() / kBytesPerWork);
  if (checker.parts().allowed.at(&a.argument).contains(text)) return true;
  const std::string shown = codec::serialize(a.argument);
  if (shown.size() > kMaxShownValues) return checker.wrong(a.place, "is not the value that is due");
  return checker.wrong(a.place, "must be " + shown);
}

// ---- numbers ----

template <class Holds>
bool compare(Checker& checker, const Applied& a, std::string_view demand, Holds holds) {
  if (!a.value.is_number() || holds(number_of(a.value), number_of(a.argument))) return true;
  return checker.wrong(a.place, fmt::format("{} {}", demand, codec::serialize(a.argument)));
}
bool minimum(Checker& c, const Applied& a) {
  return compare(c, a, "must be at least", std::greater_equal<>());
}
bool maximum(Checker& c, const Applied& a) {
  return compare(c, a, "must be at most", std::less_equal<>());
}
bool exclusive_minimum(Checker& c, const Applied& a) {
  return compare(c, a, "must be greater than", std::greater<>());
}
bool exclusive_maximum(Checker& c, const Applied& a) {
  return compare(c, a, "must be less than", std::less<>());
}
bool multiple_of(Checker& c, const Applied& a) {
  return compare(c, a, "must be a multiple of", [](long double value, long double step) {
    constexpr long double kNearly = 1e-9L;  // 0.3 is three times 0.1, whatever binary has of them
    constexpr long double kNoFraction = 9e15L;
    const long double times = value / step;
    if (std::abs(times) > kNoFraction) return std::fmod(value, step) == 0;
    return std::abs(times - std::round(times)) <= kNearly;
  });
}

// ---- strings ----

bool min_length(Checker& c, const Applied& a) {
  if (!a.value.is_string() || characters(view(a.value)) >= count_of(a.argument)) return true;
  return c.wrong(a.place, fmt::format("needs at least {} characters", count_of(a.argument)));
}
bool max_length(Checker& c, const Applied& a) {
  if (!a.value.is_string() || characters(view(a.value)) <= count_of(a.argument)) return true;
  return c.wrong(a.place, fmt::format("may have at most {} characters", count_of(a.argument)));
}
bool pattern(Checker& c, const Applied& a) {
  if (!a.value.is_string() || c.matches(view(a.argument), view(a.value))) return true;
  return c.wrong(a.place, fmt::format("must match the pattern {}", view(a.argument)));
}

// ---- lists ----

bool min_items(Checker& c, const Applied& a) {
  if (!a.value.is_array() || a.value.get_array().size() >= count_of(a.argument)) return true;
  return c.wrong(a.place, fmt::format("needs at least {} entries", count_of(a.argument)));
}
bool max_items(Checker& c, const Applied& a) {
  if (!a.value.is_array() || a.value.get_array().size() <= count_of(a.argument)) return true;
  return c.wrong(a.place, fmt::format("may have at most {} entries", count_of(a.argument)));
}
bool unique_items(Checker& c, const Applied& a) {
  if (!a.value.is_array() || !a.argument.get_bool()) return true;
  std::set<std::string> seen;
  for (const auto& entry : a.value.get_array()) {
    auto text = canonical(entry);
    c.work(1 + text.size() / kBytesPerWork);
    if (c.exhausted()) return false;
    if (!seen.insert(std::move(text)).second) {
      return c.wrong(a.place, "has the same entry more than once");
    }
  }
  return true;
}
bool entries(Checker& c, const Applied& a, std::size_t from, std::size_t to,
             const auto& schema_of) {
  bool all = true;
  const auto& list = a.value.get_array();
  for (std::size_t i = from; i < std::min(to, list.size()) && !c.exhausted(); ++i) {
    const Place place{&a.place, {}, i};
    all = c.fits(schema_of(i), list[i], place) && all;
  }
  return all;
}
bool prefix_items(Checker& c, const Applied& a) {
  if (!a.value.is_array()) return true;
  const auto& schemas = a.argument.get_array();
  return entries(c, a, 0, schemas.size(),
                 [&schemas](std::size_t i) -> const bj::value& { return schemas[i]; });
}
bool items(Checker& c, const Applied& a) {
  if (!a.value.is_array()) return true;
  const auto* prefix = a.schema.if_contains("prefixItems");
  return entries(c, a, prefix == nullptr ? 0 : prefix->get_array().size(),
                 a.value.get_array().size(),
                 [&a](std::size_t) -> const bj::value& { return a.argument; });
}
bool contains(Checker& c, const Applied& a) {
  if (!a.value.is_array()) return true;
  const auto* fewest = a.schema.if_contains("minContains");
  const auto* most = a.schema.if_contains("maxContains");
  std::size_t found = 0;
  for (const auto& entry : a.value.get_array()) {
    if (c.would_fit(a.argument, entry, a.place)) ++found;
  }
  if (found < (fewest == nullptr ? 1 : count_of(*fewest))) {
    return c.wrong(a.place, "has too few entries of the form in contains");
  }
  if (most == nullptr || found <= count_of(*most)) return true;
  return c.wrong(a.place, "has too many entries of the form in contains");
}

// ---- objects ----

bool min_properties(Checker& c, const Applied& a) {
  if (!a.value.is_object() || a.value.get_object().size() >= count_of(a.argument)) return true;
  return c.wrong(a.place, fmt::format("needs at least {} fields", count_of(a.argument)));
}
bool max_properties(Checker& c, const Applied& a) {
  if (!a.value.is_object() || a.value.get_object().size() <= count_of(a.argument)) return true;
  return c.wrong(a.place, fmt::format("may have at most {} fields", count_of(a.argument)));
}
bool has_all(Checker& c, const Applied& a, const bj::array& names) {
  bool all = true;
  for (const auto& name : names) {
    c.work(1);
    if (a.value.get_object().contains(name.get_string())) continue;
    all = c.wrong(Place{&a.place, view(name)}, "is required");
  }
  return all;
}
bool required(Checker& c, const Applied& a) {
  return !a.value.is_object() || has_all(c, a, a.argument.get_array());
}
bool dependent_required(Checker& c, const Applied& a) {
  if (!a.value.is_object()) return true;
  bool all = true;
  for (const auto& [name, names] : a.argument.get_object()) {
    if (a.value.get_object().contains(name)) all = has_all(c, a, names.get_array()) && all;
  }
  return all;
}
bool dependent_schemas(Checker& c, const Applied& a) {
  if (!a.value.is_object()) return true;
  bool all = true;
  for (const auto& [name, schema] : a.argument.get_object()) {
    if (a.value.get_object().contains(name)) all = c.fits(schema, a.value, a.place) && all;
  }
  return all;
}
bool properties(Checker& c, const Applied& a) {
  if (!a.value.is_object()) return true;
  bool all = true;
  for (const auto& [name, schema] : a.argument.get_object()) {
    const auto* member = a.value.get_object().if_contains(name);
    if (member == nullptr) continue;
    const Place place{&a.place, view(name)};
    all = c.fits(schema, *member, place) && all;
  }
  return all;
}
bool pattern_properties(Checker& c, const Applied& a) {
  if (!a.value.is_object()) return true;
  bool all = true;
  for (const auto& [expression, schema] : a.argument.get_object()) {
    for (const auto& [name, member] : a.value.get_object()) {
      if (c.exhausted() || !c.matches(view(expression), view(name))) continue;
      const Place place{&a.place, view(name)};
      all = c.fits(schema, member, place) && all;
    }
  }
  return all;
}
bool is_listed(Checker& c, const bj::object& schema, bj::string_view name) {
  const auto* listed = schema.if_contains("properties");
  if (listed != nullptr && listed->get_object().contains(name)) return true;
  const auto* by_pattern = schema.if_contains("patternProperties");
  return by_pattern != nullptr &&
         std::ranges::any_of(by_pattern->get_object(), [&](const auto& one) {
           return c.matches(view(one.key()), view(name));
         });
}
std::string unknown_field(const bj::object& schema, bj::string_view name) {
  std::vector<std::string_view> known;
  if (const auto* listed = schema.if_contains("properties")) {
    for (const auto& one : listed->get_object()) known.push_back(view(one.key()));
  }
  const auto guess = closest(view(name), known);
  return guess.empty() ? "unknown field" : fmt::format("unknown field, did you mean '{}'?", guess);
}
bool additional_properties(Checker& c, const Applied& a) {
  if (!a.value.is_object()) return true;
  bool all = true;
  for (const auto& [name, member] : a.value.get_object()) {
    if (c.exhausted() || is_listed(c, a.schema, name)) continue;
    const Place place{&a.place, view(name)};
    if (a.argument.is_bool() && !a.argument.get_bool()) {
      all = c.wrong(place, unknown_field(a.schema, name));
    } else {
      all = c.fits(a.argument, member, place) && all;
    }
  }
  return all;
}
bool property_names(Checker& c, const Applied& a) {
  if (!a.value.is_object()) return true;
  bool all = true;
  for (const auto& member : a.value.get_object()) {
    if (c.would_fit(a.argument, bj::value(member.key()), a.place)) continue;
    all = c.wrong(Place{&a.place, view(member.key())}, "is not a name that is allowed");
  }
  return all;
}

// ---- the same value by other schemas ----

bool reference(Checker& c, const Applied& a) {
  return c.fits(*c.parts().targets.at(&a.argument), a.value, a.place);
}
bool all_of(Checker& c, const Applied& a) {
  bool all = true;
  for (const auto& schema : a.argument.get_array()) {
    all = c.fits(schema, a.value, a.place) && all;
  }
  return all;
}
std::size_t count_fitting(Checker& c, const Applied& a, std::size_t enough) {
  std::size_t fitting = 0;
  for (const auto& schema : a.argument.get_array()) {
    if (fitting >= enough || c.exhausted()) break;
    if (c.would_fit(schema, a.value, a.place)) ++fitting;
  }
  return fitting;
}
bool any_of(Checker& c, const Applied& a) {
  return count_fitting(c, a, 1) == 1 || c.wrong(a.place, "has none of the forms in anyOf");
}
bool one_of(Checker& c, const Applied& a) {
  const auto fitting = count_fitting(c, a, 2);
  if (fitting == 1) return true;
  return c.wrong(a.place, fitting == 0 ? "has none of the forms in oneOf"
                                       : "has more than one of the forms in oneOf");
}
bool negation(Checker& c, const Applied& a) {
  return !c.would_fit(a.argument, a.value, a.place) ||
         c.wrong(a.place, "has a form it must not have");
}
bool condition(Checker& c, const Applied& a) {
  const auto* then =
      a.schema.if_contains(c.would_fit(a.argument, a.value, a.place) ? "then" : "else");
  return then == nullptr || c.fits(*then, a.value, a.place);
}

constexpr std::array kKeywords{
    Keyword{"$comment", Shape::kAnything},
    Keyword{"$defs", Shape::kSchemaMap},
    Keyword{"$ref", Shape::kReference, &reference},
    Keyword{"$schema", Shape::kDialect},
    Keyword{"additionalProperties", Shape::kSchema, &additional_properties},
    Keyword{"allOf", Shape::kSchemasHere, &all_of},
    Keyword{"anyOf", Shape::kSchemasHere, &any_of},
    Keyword{"const", Shape::kValue, &constant},
    Keyword{"contains", Shape::kSchema, &contains},
    Keyword{"contentEncoding", Shape::kAnything},
    Keyword{"contentMediaType", Shape::kAnything},
    Keyword{"contentSchema", Shape::kAnything},
    Keyword{"default", Shape::kAnything},
    Keyword{"definitions", Shape::kSchemaMap},
    Keyword{"dependentRequired", Shape::kNamesMap, &dependent_required},
    Keyword{"dependentSchemas", Shape::kSchemaMapHere, &dependent_schemas},
    Keyword{"deprecated", Shape::kAnything},
    Keyword{"description", Shape::kAnything},
    Keyword{"else", Shape::kSchemaHere},
    Keyword{"enum", Shape::kValues, &enumeration},
    Keyword{"examples", Shape::kAnything},
    Keyword{"exclusiveMaximum", Shape::kNumber, &exclusive_maximum},
    Keyword{"exclusiveMinimum", Shape::kNumber, &exclusive_minimum},
    Keyword{"format", Shape::kAnything},
    Keyword{"if", Shape::kSchemaHere, &condition},
    Keyword{"items", Shape::kSchema, &items},
    Keyword{"maxContains", Shape::kCount},
    Keyword{"maxItems", Shape::kCount, &max_items},
    Keyword{"maxLength", Shape::kCount, &max_length},
    Keyword{"maxProperties", Shape::kCount, &max_properties},
    Keyword{"maximum", Shape::kNumber, &maximum},
    Keyword{"minContains", Shape::kCount},
    Keyword{"minItems", Shape::kCount, &min_items},
    Keyword{"minLength", Shape::kCount, &min_length},
    Keyword{"minProperties", Shape::kCount, &min_properties},
    Keyword{"minimum", Shape::kNumber, &minimum},
    Keyword{"multipleOf", Shape::kAboveZero, &multiple_of},
    Keyword{"not", Shape::kSchemaHere, &negation},
    Keyword{"oneOf", Shape::kSchemasHere, &one_of},
    Keyword{"pattern", Shape::kPattern, &pattern},
    Keyword{"patternProperties", Shape::kPatternMap, &pattern_properties},
    Keyword{"prefixItems", Shape::kSchemas, &prefix_items},
    Keyword{"properties", Shape::kSchemaMap, &properties},
    Keyword{"propertyNames", Shape::kSchema, &property_names},
    Keyword{"readOnly", Shape::kAnything},
    Keyword{"required", Shape::kNames, &required},
    Keyword{"then", Shape::kSchemaHere},
    Keyword{"title", Shape::kAnything},
    Keyword{"type", Shape::kTypes, &type},
    Keyword{"uniqueItems", Shape::kBool, &unique_items},
    Keyword{"writeOnly", Shape::kAnything},
};
static_assert(std::ranges::is_sorted(kKeywords, {}, &Keyword::name));

}  // namespace

std::span<const Keyword> keywords() {
  return kKeywords;
}

const Keyword* find_keyword(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kKeywords, name, {}, &Keyword::name);
  return found != kKeywords.end() && found->name == name ? found : nullptr;
}

}  // namespace personas::json_schema
