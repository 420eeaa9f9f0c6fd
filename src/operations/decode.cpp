// Query strings and bodies → described values.
#include <algorithm>
#include <charconv>
#include <optional>

#include "personas/codec/json.hpp"
#include "personas/operations/runner.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

// The text as the JSON value its field expects; what does not fit stays a string, and the reader
// says what was expected.
bj::value json_of(std::string_view text, const codec::TypeInfo& type) {
  switch (type.kind) {
    case codec::Kind::kOptional:
      return json_of(text, type.container->element());
    case codec::Kind::kInt32:
    case codec::Kind::kInt64: {
      std::int64_t number = 0;
      const auto* end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data(), end, number);
      if (parsed.ec == std::errc() && parsed.ptr == end) return number;
      break;
    }
    case codec::Kind::kBool:
      if (text == "true" || text == "false") return text == "true";
      break;
    default:
      break;
  }
  return bj::value(bj::string_view(text.data(), text.size()));
}

std::string query_path(std::string_view pointer) {
  return "query." + std::string(pointer.substr(pointer.starts_with('/') ? 1 : 0));
}

void read_query(Call& call, const RawInput& raw, std::vector<FieldError>& errors) {
  const InputType& expected = call.operation.query;
  bj::object object;
  for (const auto& [name, text] : raw.query) {
    if (object.contains(name)) {
      errors.push_back({query_path(name), "is given more than once"});
      continue;
    }
    bj::value value(text);
    if (expected) {
      const auto& fields = expected.info()->fields;
      const auto field = std::ranges::find_if(
          fields, [&name](const auto& candidate) { return candidate.rules.name == name; });
      if (field != fields.end()) value = json_of(text, field->type());
    }
    object.emplace(name, std::move(value));
  }
  if (!expected) {
    for (const auto& member : object) {
      errors.push_back({query_path(member.key()), "this operation takes no parameters"});
    }
    return;
  }
  call.query_input = {expected.info(), expected.make()};
  const auto read = codec::read_json(object, *expected.info(), call.query_input.value.get(), {});
  if (read) return;
  for (const auto& field : read.error().fields) {
    errors.push_back({query_path(field.path), field.message});
  }
}

Result<void> read_body(Call& call, const RawInput& raw, std::vector<FieldError>& errors) {
  const InputType& expected = call.operation.body;
  if (!expected) return {};  // a body that nobody needs is ignored
  if (call.body_text.empty()) {
    if (expected.form == InputType::Form::kOptional) {
      call.body_input = {expected.info(), expected.make()};
      return {};
    }
    return fail(ErrorCode::kMalformedJson, "The body is empty; send a JSON object");
  }
  TRY(call.json, codec::parse_json(call.body_text, raw.limits));
  if (!call.json.is_object()) {
    errors.push_back({"", "expected an object"});
    return {};
  }
  if (expected.form == InputType::Form::kPartial) return {};
  call.body_input = {expected.info(), expected.make()};
  auto read = codec::read_json(call.json, *expected.info(), call.body_input.value.get(), {});
  if (!read) std::ranges::move(read.error().fields, std::back_inserter(errors));
  return {};
}

}  // namespace

Result<void> decode(Call& call, const RawInput& raw) {
  std::vector<FieldError> errors;
  read_query(call, raw, errors);
  auto body = read_body(call, raw, errors);
  if (!body) {
    body.error().fields = std::move(errors);
    return body;
  }
  if (errors.empty()) return {};
  std::string message = errors.size() == 1 ? "One field is wrong: "
                                           : std::to_string(errors.size()) + " fields are wrong: ";
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (i > 0) message += "; ";
    message +=
        errors[i].path.empty() ? errors[i].message : errors[i].path + " " + errors[i].message;
  }
  return fail(ErrorCode::kInvalidRequest, std::move(message), std::move(errors));
}

}  // namespace personas::operations
