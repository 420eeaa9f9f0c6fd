// Derives the tables of type_table.hpp from descriptions, once per type.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/codec/type_table.hpp"

namespace personas::codec {
namespace detail {

template <class T>
struct IsId : std::false_type {};
template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};

template <class T>
struct Container;  // optional, vector, map

template <class T>
struct Container<std::optional<T>> {
  static constexpr Kind kind = Kind::kOptional;
  using Value = std::optional<T>;
  static constexpr ContainerOps ops{
      &type_info<T>,
      [](const void* c) -> std::size_t { return static_cast<const Value*>(c)->has_value(); },
      [](void* c) { static_cast<Value*>(c)->reset(); },
      [](void* c, std::string_view) -> void* {
        auto& value = *static_cast<Value*>(c);
        return value ? &*value : &value.emplace();
      },
      [](const void* c, void* context, auto visit) {
        const auto& value = *static_cast<const Value*>(c);
        if (value) visit(context, {}, &*value);
      }};
};

template <class T>
struct Container<std::vector<T>> {
  static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no elements to point at");
  static constexpr Kind kind = Kind::kList;
  using Value = std::vector<T>;
  static constexpr ContainerOps ops{
      &type_info<T>, [](const void* c) { return static_cast<const Value*>(c)->size(); },
      [](void* c) { static_cast<Value*>(c)->clear(); },
      [](void* c, std::string_view) -> void* { return &static_cast<Value*>(c)->emplace_back(); },
      [](const void* c, void* context, auto visit) {
        for (const auto& element : *static_cast<const Value*>(c)) visit(context, {}, &element);
      }};
};

template <class T>
struct Container<std::map<std::string, T>> {
  static constexpr Kind kind = Kind::kMap;
  using Value = std::map<std::string, T>;
  static constexpr ContainerOps ops{
      &type_info<T>, [](const void* c) { return static_cast<const Value*>(c)->size(); },
      [](void* c) { static_cast<Value*>(c)->clear(); },
      [](void* c, std::string_view key) -> void* {
        return &(*static_cast<Value*>(c))[std::string(key)];
      },
      [](const void* c, void* context, auto visit) {
        for (const auto& [key, element] : *static_cast<const Value*>(c)) {
          visit(context, key, &element);
        }
      }};
};

template <class T>
concept IsContainer = requires { Container<T>::kind; };

template <class T, std::size_t I>
constexpr FieldInfo make_field_info() {
  constexpr auto& described = std::get<I>(Described<T>::fields);
  using Member = std::remove_cvref_t<decltype(std::declval<T&>().*(described.member))>;
  return {described.rules, &type_info<Member>, [](void* owner) -> void* {
            return &(static_cast<T*>(owner)->*(std::get<I>(Described<T>::fields).member));
          }};
}

template <class T>
struct StructTable {
  static constexpr std::size_t count = std::tuple_size_v<decltype(Described<T>::fields)>;
  static constexpr std::array<FieldInfo, count> fields =
      []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<FieldInfo, count>{make_field_info<T, I>()...};
      }(std::make_index_sequence<count>{});
};

template <class T>
struct EnumTable {
  static constexpr std::size_t count = Described<T>::values.size();
  static constexpr std::array<std::string_view, count> names = [] {
    std::array<std::string_view, count> result{};
    for (std::size_t i = 0; i < count; ++i) result[i] = Described<T>::values[i].name;
    return result;
  }();
};

template <class T>
constexpr TypeInfo make_type_info() {
  TypeInfo info{};
  if constexpr (std::is_same_v<T, bool>) {
    info.kind = Kind::kBool;
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    info.kind = Kind::kInt32;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    info.kind = Kind::kInt64;
  } else if constexpr (std::is_same_v<T, double>) {
    info.kind = Kind::kDouble;
  } else if constexpr (std::is_same_v<T, std::string>) {
    info.kind = Kind::kString;
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    info.kind = Kind::kTimestamp;
  } else if constexpr (std::is_same_v<T, RawJson>) {
    info.kind = Kind::kRawJson;
  } else if constexpr (std::is_same_v<T, JsonText>) {
    info.kind = Kind::kJsonText;
  } else if constexpr (IsId<T>::value) {
    info.kind = Kind::kId;
    info.id_text = [](const void* value) -> const std::string& {
      return static_cast<const T*>(value)->str();
    };
    info.set_id_text = [](void* value, std::string text) {
      *static_cast<T*>(value) = T(std::move(text));
    };
  } else if constexpr (DescribedEnum<T>) {
    info.kind = Kind::kEnum;
    info.name = Described<T>::name;
    info.enumerators = EnumTable<T>::names;
    info.enum_index = [](const void* value) {
      for (std::size_t i = 0; i < EnumTable<T>::count; ++i) {
        if (Described<T>::values[i].value == *static_cast<const T*>(value)) {
          return static_cast<int>(i);
        }
      }
      return -1;
    };
    info.set_enum_index = [](void* value, int index) {
      *static_cast<T*>(value) = Described<T>::values[static_cast<std::size_t>(index)].value;
    };
  } else if constexpr (IsContainer<T>) {
    info.kind = Container<T>::kind;
    info.container = &Container<T>::ops;
  } else {
    static_assert(DescribedStruct<T>, "describe this type (personas/codec/described.hpp)");
    info.kind = Kind::kStruct;
    info.name = Described<T>::name;
    info.fields = StructTable<T>::fields;
  }
  return info;
}

}  // namespace detail

template <class T>
const TypeInfo& type_info() {
  static constexpr TypeInfo info = detail::make_type_info<T>();
  return info;
}

}  // namespace personas::codec
