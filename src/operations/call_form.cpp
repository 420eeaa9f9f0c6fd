#include "call_form.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/json_schema/schema.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

constexpr std::string_view kField = "/inputSchema";
constexpr int kExampleDepth = 5;

bj::value schema_of(const Persona& persona) {
  if (!persona.input_schema || persona.input_schema->text.empty()) return true;
  auto json = codec::parse_json(persona.input_schema->text);
  return json ? *std::move(json) : bj::value(true);
}

bool names_object(const bj::value& type) {
  if (type.is_array()) return std::ranges::any_of(type.get_array(), names_object);
  return type.is_string() && type.get_string() == "object";
}

bj::value example_of(const bj::value& schema, int depth);

bj::value example_of_type(const bj::object& schema, std::string_view type, int depth) {
  if (type == "string") return "…";
  if (type == "boolean") return true;
  if (type == "null") return nullptr;
  if (type == "integer" || type == "number") {
    const auto* least = schema.if_contains("minimum");
    return least != nullptr && least->is_number() ? *least : bj::value(1);
  }
  if (type == "array") {
    const auto* items = schema.if_contains("items");
    bj::array list;
    if (items != nullptr && depth > 0) list.push_back(example_of(*items, depth - 1));
    return list;
  }
  bj::object object;
  const auto* properties = schema.if_contains("properties");
  if (properties == nullptr || !properties->is_object() || depth == 0) return object;
  for (const auto& [name, one] : properties->get_object()) {
    object[name] = example_of(one, depth - 1);
  }
  return object;
}

bj::value example_of(const bj::value& schema, int depth) {
  if (!schema.is_object()) return bj::object();
  const auto& members = schema.get_object();
  for (const auto* name : {"const", "default"}) {
    if (const auto* value = members.if_contains(name)) return *value;
  }
  for (const auto* name : {"examples", "enum"}) {
    const auto* values = members.if_contains(name);
    if (values != nullptr && values->is_array() && !values->get_array().empty()) {
      return values->get_array().front();
    }
  }
  const auto* type = members.if_contains("type");
  if (type != nullptr && type->is_array() && !type->get_array().empty()) {
    type = &type->get_array().front();
  }
  const bool said = type != nullptr && type->is_string();
  return example_of_type(
      members,
      said ? std::string_view(type->get_string().data(), type->get_string().size()) : "object",
      depth);
}

// As one word of a shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace

Result<void> check_input_schema(const Persona& persona) {
  if (!persona.input_schema || persona.input_schema->text.empty()) return {};
  TRY(auto json, codec::parse_json(persona.input_schema->text));
  if (!json.is_object()) {
    return fail(ErrorCode::kInvalidRequest, "inputSchema is a JSON Schema: an object",
                {{std::string(kField), "expected an object"}});
  }
  const auto* type = json.get_object().if_contains("type");
  const bool takes_none = type != nullptr && !names_object(*type);
  TRY_VOID(json_schema::Schema::compile(std::move(json), kField));
  if (!takes_none) return {};
  return fail(ErrorCode::kInvalidRequest, "A call's input is an object, so its schema is of one",
              {{fmt::format("{}/type", kField), "must be object"}});
}

Result<void> check_input(const Persona& persona, const bj::object& input) {
  const auto json = schema_of(persona);
  if (!json.is_object()) return {};
  TRY(const auto schema, json_schema::Schema::compile(json, kField));
  return schema.check(input);
}

bj::object example_input(const Persona& persona) {
  auto example = example_of(schema_of(persona), kExampleDepth);
  return example.is_object() ? std::move(example.get_object()) : bj::object();
}

std::string curl_line(std::string_view url, const bj::object& input) {
  return fmt::format(
      "curl -sS \"$PERSONAS_URL{}?wait=60s\" -H \"Authorization: Bearer $TEAM_API_KEY\" -d {}", url,
      quoted(codec::serialize(input)));
}

}  // namespace personas::operations
