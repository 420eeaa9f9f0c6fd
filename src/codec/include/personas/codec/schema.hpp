// JSON Schema (2020-12, the dialect of OpenAPI 3.1) from described types.
#pragma once

#include <cstdint>

#include <boost/json.hpp>

#include "personas/codec/type_info.hpp"

namespace personas::codec {

// Where a schema is used decides which fields it shows.
enum class SchemaUse : std::uint8_t {
  kRequest,   // without read_only fields, additionalProperties: false
  kPatch,     // like kRequest, but nothing is required at the top (ReadOptions kPartial)
  kResponse,  // without write_only fields; every member is always present
};

// Schema of a type. Structs and enums become {"$ref": "#/components/schemas/<name>"} and are added
// to `components` (named "<Name>" for responses, "<Name>Input" for requests of structs,
// "<Name>Patch" for partial ones). What a client may send that a schema cannot say (lengths are in
// bytes, not characters) is checked when reading.
boost::json::value schema_of(const TypeInfo& type, SchemaUse use, boost::json::object& components);

template <class T>
boost::json::value schema_of(SchemaUse use, boost::json::object& components) {
  return schema_of(type_info<T>(), use, components);
}

}  // namespace personas::codec
