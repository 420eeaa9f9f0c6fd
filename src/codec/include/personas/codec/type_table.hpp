// The type-erased tables that read, write and describe values. Everything that walks them is
// ordinary, compiled-once code; type_info.hpp generates them from descriptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "personas/codec/described.hpp"

namespace personas::codec {

enum class Kind : std::uint8_t {
  kBool,
  kInt32,
  kInt64,
  kDouble,
  kString,
  kId,
  kTimestamp,
  kEnum,
  kStruct,
  kRawJson,
  kJsonText,
  kOptional,
  kList,
  kMap,
};

struct TypeInfo;

struct FieldInfo {
  FieldRules rules;
  const TypeInfo& (*type)();
  void* (*get)(void* owner);
};

// How to reach into a container without knowing its element type.
struct ContainerOps {
  const TypeInfo& (*element)();
  std::size_t (*size)(const void* container);
  void (*clear)(void* container);
  // Returns the element to fill. kOptional: the present one, or a new one; kList: appended;
  // kMap: the one under `key`.
  void* (*add)(void* container, std::string_view key);
  // Calls visit(context, key, element) for each element; the key is empty but for maps.
  void (*each)(const void* container, void* context,
               void (*visit)(void* context, std::string_view key, const void* element));
};

struct TypeInfo {
  Kind kind;
  std::string_view name;              // of structs and enums; the schema's component name
  std::span<const FieldInfo> fields;  // kStruct
  std::span<const std::string_view> enumerators;  // kEnum
  int (*enum_index)(const void* value);           // kEnum: index into enumerators
  void (*set_enum_index)(void* value, int index);
  const std::string& (*id_text)(const void* value);  // kId
  void (*set_id_text)(void* value, std::string text);
  const ContainerOps* container;  // kOptional, kList, kMap
};

template <class T>
const TypeInfo& type_info();

}  // namespace personas::codec
