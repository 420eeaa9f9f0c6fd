#include "answer_shape.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/base/time.hpp"
#include "personas/codec/json.hpp"

namespace personas::fuzz {
namespace {

namespace bj = boost::json;
using codec::Kind;
using codec::TypeInfo;
using operations::OutputType;

std::string wrong_value(const bj::value& json, const TypeInfo& type, const std::string& at);

std::string wrong_members(const bj::value& json, const TypeInfo& type, const std::string& at) {
  if (!json.is_object()) return at + ": not an object";
  const auto& object = json.get_object();
  std::size_t expected = 0;
  for (const auto& field : type.fields) {
    if (field.rules.write_only) continue;
    ++expected;
    const auto* member = object.if_contains(field.rules.name);
    const std::string path = fmt::format("{}/{}", at, field.rules.name);
    if (member == nullptr) return path + ": missing";
    if (auto wrong = wrong_value(*member, field.type(), path); !wrong.empty()) return wrong;
  }
  return object.size() == expected ? "" : at + ": more members than described";
}

std::string wrong_entries(const bj::value& json, const TypeInfo& type, const std::string& at) {
  if (!json.is_array()) return at + ": not a list";
  for (std::size_t i = 0; i < json.get_array().size(); ++i) {
    auto wrong = wrong_value(json.get_array()[i], type, fmt::format("{}/{}", at, i));
    if (!wrong.empty()) return wrong;
  }
  return {};
}

bool is_scalar_of(const bj::value& json, const TypeInfo& type) {
  switch (type.kind) {
    case Kind::kBool:
      return json.is_bool();
    case Kind::kInt32:
    case Kind::kInt64:
      return json.is_int64();
    case Kind::kDouble:
      return json.is_number();
    case Kind::kString:
    case Kind::kId:
    case Kind::kJsonText:
      return json.is_string();
    case Kind::kTimestamp:
      return json.is_string() && parse_rfc3339(std::string_view(json.get_string())).has_value();
    case Kind::kEnum:
      return json.is_string() &&
             std::ranges::find(type.enumerators, std::string_view(json.get_string())) !=
                 type.enumerators.end();
    default:
      return true;
  }
}

std::string wrong_value(const bj::value& json, const TypeInfo& type, const std::string& at) {
  switch (type.kind) {
    case Kind::kStruct:
      return wrong_members(json, type, at);
    case Kind::kOptional:
      return json.is_null() ? "" : wrong_value(json, type.container->element(), at);
    case Kind::kList:
      return wrong_entries(json, type.container->element(), at);
    case Kind::kMap:
      if (!json.is_object()) return at + ": not a map";
      for (const auto& member : json.get_object()) {
        auto wrong = wrong_value(member.value(), type.container->element(),
                                 fmt::format("{}/{}", at, std::string_view(member.key())));
        if (!wrong.empty()) return wrong;
      }
      return {};
    default:
      return is_scalar_of(json, type) ? "" : at + ": of another type: " + codec::serialize(json);
  }
}

std::string wrong_output(const OutputType& output, std::string_view body) {
  using Shape = OutputType::Shape;
  if (output.shape == Shape::kNone) return body.empty() ? "" : "a body where none belongs";
  const bool is_json = output.shape == Shape::kOne || output.shape == Shape::kList ||
                       output.shape == Shape::kPage || output.shape == Shape::kJson;
  if (!is_json) return {};
  const auto json = codec::parse_json(body, {.max_bytes = 64 * 1024 * 1024});
  if (!json) return "not JSON: " + json.error().describe();
  if (output.shape == Shape::kJson) return {};
  const bool is_list = output.shape == Shape::kList || output.shape == Shape::kPage;
  return is_list ? wrong_entries(*json, *output.info(), "")
                 : wrong_value(*json, *output.info(), "");
}

}  // namespace

std::string wrong_with(const operations::Operation& operation, int status, std::string_view body) {
  if (status == operation.status) return wrong_output(operation.output, body);
  for (const auto& other : operation.other_successes) {
    if (other.status == status) return wrong_output(other.output, body);
  }
  return "a status that the operation does not list";
}

}  // namespace personas::fuzz
