// JSON Schema from type tables.
#include "personas/codec/schema.hpp"

#include <cmath>

#include <fmt/format.h>

#include "personas/base/id.hpp"

namespace personas::codec {
namespace {

namespace bj = boost::json;

constexpr std::string_view kIdPattern = "^[A-Za-z0-9_:-][A-Za-z0-9_.:-]*$";

class SchemaBuilder {
 public:
  explicit SchemaBuilder(bj::object& components) : components_(components) {}

  bj::value schema(const TypeInfo& type, const FieldRules& rules, SchemaUse use) {
    switch (type.kind) {
      case Kind::kBool:
        return bj::object{{"type", "boolean"}};
      case Kind::kInt32:
        return integer("int32", rules);
      case Kind::kInt64:
        return integer("int64", rules);
      case Kind::kDouble:
        return number(rules);
      case Kind::kString:
        return sized(bj::object{{"type", "string"}}, "minLength", "maxLength", rules);
      case Kind::kId:
        return bj::object{{"type", "string"}, {"maxLength", kMaxIdLength}, {"pattern", kIdPattern}};
      case Kind::kTimestamp:
        return bj::object{{"type", "string"}, {"format", "date-time"}};
      case Kind::kRawJson:
        return bj::object{};
      case Kind::kJsonText:
        if (use == SchemaUse::kResponse) return bj::object{{"type", "string"}};
        return bj::object{{"type", bj::array{"string", "object", "array"}},
                          {"contentMediaType", "application/json"}};
      case Kind::kEnum:
        return enumeration(type);
      case Kind::kStruct:
        return reference(type, use);
      case Kind::kOptional:
        return nullable(schema(type.container->element(), rules, use));
      case Kind::kList:
        return sized(bj::object{{"type", "array"}, {"items", entry(type, rules, use)}}, "minItems",
                     "maxItems", rules);
      case Kind::kMap:
        return sized(
            bj::object{{"type", "object"}, {"additionalProperties", entry(type, rules, use)}},
            "minProperties", "maxProperties", rules);
    }
    return bj::object{};
  }

 private:
  static bj::value integer(std::string_view format, const FieldRules& rules) {
    bj::object schema{{"type", "integer"}, {"format", format}};
    if (rules.min != std::numeric_limits<std::int64_t>::min()) schema["minimum"] = rules.min;
    if (rules.max != std::numeric_limits<std::int64_t>::max()) schema["maximum"] = rules.max;
    return schema;
  }

  static bj::value number(const FieldRules& rules) {
    bj::object schema{{"type", "number"}, {"format", "double"}};
    if (std::isfinite(rules.min_number)) schema["minimum"] = rules.min_number;
    if (std::isfinite(rules.max_number)) schema["maximum"] = rules.max_number;
    return schema;
  }

  static bj::value sized(bj::object schema, std::string_view min, std::string_view max,
                         const FieldRules& rules) {
    if (rules.min_length > 0) schema[min] = rules.min_length;
    if (rules.max_length != std::numeric_limits<std::size_t>::max()) {
      schema[max] = rules.max_length;
    }
    return schema;
  }

  // Entries take the number ranges of their list or map, not its length; and they are whole, even
  // where the object around them is partial.
  bj::value entry(const TypeInfo& type, FieldRules rules, SchemaUse use) {
    rules.min_length = 0;
    rules.max_length = std::numeric_limits<std::size_t>::max();
    return schema(type.container->element(), rules,
                  use == SchemaUse::kPatch ? SchemaUse::kRequest : use);
  }

  static bj::value nullable(bj::value schema) {
    auto& object = schema.as_object();
    if (object.empty()) return schema;  // anything, null included
    bj::value* type = object.if_contains("type");
    if (type == nullptr) {
      return bj::object{{"anyOf", bj::array{std::move(schema), bj::object{{"type", "null"}}}}};
    }
    if (!type->is_array()) *type = bj::array{*type};
    type->as_array().push_back("null");
    return schema;
  }

  static bj::value ref(std::string_view name) {
    return bj::object{{"$ref", fmt::format("#/components/schemas/{}", name)}};
  }

  bj::value enumeration(const TypeInfo& type) {
    if (!components_.contains(type.name)) {
      bj::array names;
      for (const auto name : type.enumerators) names.emplace_back(name);
      components_[type.name] = bj::object{{"type", "string"}, {"enum", std::move(names)}};
    }
    return ref(type.name);
  }

  bj::value reference(const TypeInfo& type, SchemaUse use) {
    std::string name(type.name);
    if (use == SchemaUse::kRequest) name += "Input";
    if (use == SchemaUse::kPatch) name += "Patch";
    if (!components_.contains(name)) {
      components_[name] = nullptr;  // ends the recursion of a type that contains itself
      components_[name] = structure(type, use);
    }
    return ref(name);
  }

  bj::object structure(const TypeInfo& type, SchemaUse use) {
    bj::object properties;
    bj::array required;
    for (const auto& field : type.fields) {
      const FieldRules& rules = field.rules;
      if (use == SchemaUse::kResponse ? rules.write_only : rules.read_only) continue;
      bj::value property = schema(field.type(), rules, use);
      if (!rules.doc.empty()) property.as_object()["description"] = rules.doc;
      properties[rules.name] = std::move(property);
      const bool always =
          use == SchemaUse::kResponse || (use == SchemaUse::kRequest && rules.required);
      if (always) required.emplace_back(rules.name);
    }
    bj::object result{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) result["required"] = std::move(required);
    if (use != SchemaUse::kResponse) result["additionalProperties"] = false;
    return result;
  }

  bj::object& components_;
};

}  // namespace

bj::value schema_of(const TypeInfo& type, SchemaUse use, bj::object& components) {
  return SchemaBuilder(components).schema(type, FieldRules{}, use);
}

}  // namespace personas::codec
