#include "personas/vault/credential_value.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"

namespace personas::vault {
namespace {

namespace bj = boost::json;

constexpr std::string_view kPrefix = "CONNECTOR_";

std::unexpected<Error> wrong(std::string_view field, std::string_view why) {
  const std::string what = field.empty() ? std::string("The value") : fmt::format("'{}'", field);
  return fail(ErrorCode::kInvalidRequest, fmt::format("{} {}", what, why),
              {{field.empty() ? "/value" : fmt::format("/fields/{}", field), std::string(why)}});
}

void append_name(std::string_view name, std::string& out) {
  for (const char c : name) {
    if (c >= 'a' && c <= 'z') {
      out += static_cast<char>(c - 'a' + 'A');
    } else {
      out += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }
  }
}

// Every value becomes a variable of a process.
Result<void> check_value(std::string_view field, std::string_view value) {
  if (value.empty()) return wrong(field, "is empty");
  if (value.contains('\0')) return wrong(field, "holds a zero byte, which no variable can");
  // It is kept as JSON, which would change it.
  if (!is_utf8(value)) return wrong(field, "is not UTF-8 text; give bytes as base64");
  return {};
}

Result<Secret> field_value(std::string_view name, const bj::value& value) {
  if (value.is_string()) return Secret(std::string(value.get_string()));
  if (value.is_number() || value.is_bool()) return Secret(codec::serialize(value));
  return wrong(name, "must be a text; give an object or a list as its JSON text");
}

Result<CredentialValue> read_fields(const bj::object& object) {
  CredentialValue read;
  if (object.empty() || object.size() > kMaxCredentialFields) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("A credential has 1 to {} fields", kMaxCredentialFields),
                {{"/fields", fmt::format("has 1 to {} members", kMaxCredentialFields)}});
  }
  for (const auto& member : object) {
    const std::string name(member.key());
    if (name.empty() || name.size() > kMaxCredentialName || name.contains('\0')) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("The name of a field has 1 to {} bytes", kMaxCredentialName),
                  {{"/fields", fmt::format("has names of 1 to {} bytes", kMaxCredentialName)}});
    }
    TRY(auto value, field_value(name, member.value()));
    TRY_VOID(check_value(name, value.reveal()));
    read.fields.push_back({name, std::move(value)});
  }
  return read;
}

std::unexpected<Error> not_packed() {
  return fail(ErrorCode::kCorrupt, "A stored credential cannot be read. Store it again");
}

}  // namespace

std::string connector_variable(std::string_view name, std::string_view field) {
  std::string variable(kPrefix);
  append_name(name, variable);
  if (field.empty()) return variable;
  variable += '_';
  append_name(field, variable);
  return variable;
}

std::vector<std::string> connector_variables(const Credential& credential) {
  if (credential.fields.empty()) return {connector_variable(credential.name, {})};
  std::vector<std::string> variables;
  for (const auto& field : credential.fields) {
    variables.push_back(connector_variable(credential.name, field));
  }
  return variables;
}

Result<CredentialValue> read_credential(const Secret& text) {
  const auto json = codec::parse_json(text.reveal());
  if (json && json->is_object()) return read_fields(json->get_object());
  TRY_VOID(check_value({}, text.reveal()));
  CredentialValue read;
  read.fields.push_back({{}, text.clone()});
  return read;
}

Result<std::vector<std::string>> plain_fields_of(const Credential& credential) {
  std::vector<std::string> names;
  if (!credential.metadata || credential.metadata->text.empty()) return names;
  const auto json = codec::parse_json(credential.metadata->text);
  const auto* object = json ? json->if_object() : nullptr;
  const auto* list = object != nullptr ? object->if_contains("plainFields") : nullptr;
  if (list == nullptr) return names;
  const auto refused = [] {
    return fail(ErrorCode::kInvalidRequest, "metadata.plainFields must be a list of field names",
                {{"/metadata/plainFields", "must be a list of field names"}});
  };
  if (!list->is_array()) return refused();
  for (const auto& entry : list->get_array()) {
    if (!entry.is_string()) return refused();
    names.emplace_back(entry.get_string());
  }
  return names;
}

Result<void> describe_values(const CredentialValue& value,
                             const std::vector<std::string>& plain_fields, Credential& credential) {
  credential.fields.clear();
  credential.unmasked_fields.clear();
  std::size_t bytes = 0;
  std::size_t masked = 0;
  for (const auto& field : value.fields) {
    bytes += field.value.size();
    const bool is_plain = std::ranges::find(plain_fields, field.name) != plain_fields.end();
    const bool is_masked = !is_plain && field.value.size() >= kMinRedactedLength;
    masked += is_masked ? 1 : 0;
    if (field.name.empty()) continue;
    credential.fields.push_back(field.name);
    if (!is_masked) credential.unmasked_fields.push_back(field.name);
  }
  for (const auto& name : plain_fields) {
    if (std::ranges::find(credential.fields, name) == credential.fields.end()) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("metadata.plainFields names '{}', which is no field", name),
                  {{"/metadata/plainFields", fmt::format("'{}' is no field", name)}});
    }
  }
  const std::string values = credential.fields.empty() ? "/value" : "/fields";
  if (masked == 0) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("A credential needs a secret value of at least {} bytes: shorter ones "
                            "cannot be masked in what agents write",
                            kMinRedactedLength),
                {{values, fmt::format("needs a secret of {} bytes", kMinRedactedLength)}});
  }
  if (bytes > kMaxCredentialBytes) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("The values of a credential have at most {} KiB together",
                            kMaxCredentialBytes / 1024),
                {{values, fmt::format("has at most {} KiB", kMaxCredentialBytes / 1024)}});
  }
  std::set<std::string> variables;
  for (const auto& variable : connector_variables(credential)) {
    if (variables.insert(variable).second) continue;
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("Two fields would both be the variable {}; rename one", variable),
                {{values, fmt::format("names {} twice", variable)}});
  }
  credential.value_bytes = static_cast<std::int64_t>(bytes);
  return {};
}

Secret pack(const CredentialValue& value) {
  std::string text;
  text.reserve(2 * kMaxCredentialBytes);  // so that growing leaves no copies behind
  const bool plain = value.fields.size() == 1 && value.fields.front().name.empty();
  text += plain ? R"({"value":)" : R"({"fields":{)";
  for (const auto& field : value.fields) {
    if (!plain) {
      if (&field != &value.fields.front()) text += ',';
      codec::append_json_string(field.name, text);
      text += ':';
    }
    codec::append_json_string(field.value.reveal(), text);
  }
  if (!plain) text += '}';
  if (!value.use.empty()) text += R"(,"use":)" + value.use;
  text += '}';
  return Secret(std::move(text));
}

Result<CredentialValue> unpack(const Secret& packed) {
  const auto json = codec::parse_json(packed.reveal());
  if (!json || !json->is_object()) return not_packed();
  const auto& object = json->get_object();
  CredentialValue value;
  if (const auto* use = object.if_contains("use")) value.use = codec::serialize(*use);
  if (const auto* plain = object.if_contains("value"); plain != nullptr && plain->is_string()) {
    value.fields.push_back({{}, Secret(std::string(plain->get_string()))});
    return value;
  }
  const auto* fields = object.if_contains("fields");
  if (fields == nullptr || !fields->is_object()) return not_packed();
  for (const auto& member : fields->get_object()) {
    if (!member.value().is_string()) return not_packed();
    value.fields.push_back(
        {std::string(member.key()), Secret(std::string(member.value().get_string()))});
  }
  return value;
}

}  // namespace personas::vault
