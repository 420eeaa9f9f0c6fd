// Described structs: one declaration gives JSON in and out, validation, JSON Schema and SQL
// columns.
//
//   struct Retry { std::int64_t max_attempts = 3; };
//   template <> struct codec::Described<Retry> {
//     static constexpr std::string_view name = "Retry";
//     static constexpr auto fields = std::tuple{
//         codec::field("maxAttempts", &Retry::max_attempts)
//             .range(1, 20).doc("How often it is tried, the first time included")};
//   };
//
// The name is the JSON member (camelCase); the SQL column is its snake_case form. A member of type
// std::optional may be missing or null. Any other member keeps its default when it is missing,
// unless the field is .required().
//
// Field values may be: bool, std::int64_t, std::int32_t, double, std::string, Id<…>, Timestamp
// (RFC 3339 text in JSON, microseconds in SQL), Described enums and structs, RawJson, JsonText,
// std::optional<T>, std::vector<T>, std::map<std::string, T>.
//
// Specialisations of Described are written in namespace personas (not personas::<module>).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace personas::codec {

// Holds any JSON value as its compact text; written verbatim. Empty stands for null, both ways.
struct RawJson {
  std::string text;
  bool operator==(const RawJson&) const = default;
};

// A string that holds JSON. Read from a JSON string whose content is JSON, or from an object or
// array directly; always written back as a string, the form clients of the seed expect. The empty
// string is allowed and stands for "nothing".
struct JsonText {
  std::string text;
  bool operator==(const JsonText&) const = default;
};

// What a field promises beyond its type. Kept apart from the member's type so that the code that
// enforces it is compiled once, not once per field. The rules of an optional field hold for its
// value; of a list or map, number ranges hold for the entries and lengths for their count.
struct FieldRules {
  std::string_view name;
  std::string_view doc = {};
  bool required = false;    // must be present on creation
  bool read_only = false;   // the server sets it: refused or dropped in requests
  bool write_only = false;  // not written to JSON (a secret), unless WriteOptions ask for it
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  double min_number = -std::numeric_limits<double>::infinity();
  double max_number = std::numeric_limits<double>::infinity();
  std::size_t min_length = 0;  // characters of a string, entries of a list or map
  std::size_t max_length = std::numeric_limits<std::size_t>::max();
};

template <class Owner, class Member>
struct Field {
  FieldRules rules;
  Member Owner::* member;

  constexpr Field doc(std::string_view text) const { return with(&FieldRules::doc, text); }
  constexpr Field required() const { return with(&FieldRules::required, true); }
  constexpr Field read_only() const { return with(&FieldRules::read_only, true); }
  constexpr Field write_only() const { return with(&FieldRules::write_only, true); }
  constexpr Field range(std::int64_t min, std::int64_t max) const {
    return with(&FieldRules::min, min).with(&FieldRules::max, max);
  }
  constexpr Field number_range(double min, double max) const {
    return with(&FieldRules::min_number, min).with(&FieldRules::max_number, max);
  }
  constexpr Field length(std::size_t min, std::size_t max) const {
    return with(&FieldRules::min_length, min).with(&FieldRules::max_length, max);
  }

 private:
  template <class T>
  constexpr Field with(T FieldRules::* rule, std::type_identity_t<T> value) const {
    Field copy = *this;
    copy.rules.*rule = value;
    return copy;
  }
};

template <class Owner, class Member>
constexpr Field<Owner, Member> field(std::string_view name, Member Owner::* member) {
  return {FieldRules{.name = name}, member};
}

// Specialise for a struct (name, fields) or for an enum (name, values).
//
//   template <> struct codec::Described<Status> {
//     static constexpr std::string_view name = "ExecutionStatus";
//     static constexpr std::array values{codec::value("queued", Status::kQueued), …};
//   };
template <class T>
struct Described;

template <class Enum>
struct EnumValue {
  std::string_view name;
  Enum value;
};
template <class Enum>
constexpr EnumValue<Enum> value(std::string_view name, Enum value) {
  return {name, value};
}

template <class T>
concept DescribedStruct = requires { Described<T>::fields; };
template <class T>
concept DescribedEnum = requires { Described<T>::values; };

template <DescribedEnum E>
constexpr std::string_view name_of(E value) {
  for (const auto& entry : Described<E>::values) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}
// Returns false and leaves `out` alone if there is no such name.
template <DescribedEnum E>
constexpr bool value_of(std::string_view name, E& out) {
  for (const auto& entry : Described<E>::values) {
    if (entry.name == name) {
      out = entry.value;
      return true;
    }
  }
  return false;
}

}  // namespace personas::codec
