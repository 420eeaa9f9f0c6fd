#include "personas/operations/openapi.hpp"

#include <algorithm>

#include "personas/codec/json.hpp"
#include "personas/codec/schema.hpp"
#include "personas/model/journal_record_types.hpp"
#include "personas/operations/reports_described.hpp"
#include "personas/operations/runner.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

constexpr std::string_view kStreamEvent = "StreamEvent";
constexpr std::string_view kNoZeroByte = R"(^[^\x00]*$)";  // nor can a URL hold one

bj::value text(std::string_view value) {
  return bj::value(bj::string_view(value.data(), value.size()));
}

bj::object ref(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

bj::object content(std::string_view type, bj::value schema) {
  return {{type, bj::object{{"schema", std::move(schema)}}}};
}

// Whether a member takes any text; ids, times and names of values say themselves what they take.
bool is_free_text(const codec::TypeInfo& owner, std::string_view name) {
  const auto field =
      std::ranges::find(owner.fields, name, [](const auto& one) { return one.rules.name; });
  if (field == owner.fields.end()) return false;
  const auto* type = &field->type();
  if (type->kind == codec::Kind::kOptional) type = &type->container->element();
  return type->kind == codec::Kind::kString;
}

class Builder {
 public:
  explicit Builder(std::string_view version) : version_(version) {}

  bj::object document(std::span<const Operation> table) {
    bj::object paths;
    for (const auto& operation : table) {
      auto& item = paths[operation.path];
      if (!item.is_object()) item = bj::object{};
      std::string method(operation.method);
      std::ranges::transform(method, method.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      item.as_object()[method] = describe(operation);
    }
    static_cast<void>(codec::schema_of<Problem>(codec::SchemaUse::kResponse, schemas_));
    add_records();
    return {
        {"openapi", "3.1.0"},
        {"info", bj::object{{"title", "Personas"},
                            {"version", text(version_)},
                            {"description", "An always-on platform for AI agents."}}},
        {"servers", bj::array{bj::object{{"url", "/"}}}},
        {"security", bj::array{bj::object{{"key", bj::array{}}}}},
        {"paths", std::move(paths)},
        {"components",
         bj::object{{"schemas", std::move(schemas_)},
                    {"securitySchemes",
                     bj::object{{"key", bj::object{{"type", "http"}, {"scheme", "bearer"}}}}}}}};
  }

 private:
  bj::object describe(const Operation& operation) {
    bj::object result{{"operationId", text(operation.id)},
                      {"summary", text(operation.summary)},
                      {"tags", bj::array{text(operation.tag)}},
                      {"x-scope", text(codec::name_of(operation.scope))}};
    auto parameters = parameters_of(operation);
    if (!parameters.empty()) result["parameters"] = std::move(parameters);
    if (operation.body) {
      const auto use = operation.body.form == InputType::Form::kPartial
                           ? codec::SchemaUse::kPatch
                           : codec::SchemaUse::kRequest;
      auto schema = codec::schema_of(*operation.body.info(), use, schemas_);
      if (operation.body.info()->kind == codec::Kind::kRawJson) {
        schema = bj::object{{"type", "object"}};
      }
      auto media = content("application/json", std::move(schema));
      if (!operation.example.empty()) {
        media["application/json"].as_object()["example"] =
            codec::parse_json(operation.example).value();
      }
      result["requestBody"] =
          bj::object{{"required", operation.body.form != InputType::Form::kOptional},
                     {"content", std::move(media)}};
    }
    result["responses"] = responses_of(operation);
    if (operation.access == Access::kOpen) result["security"] = bj::array{};
    if (operation.access == Access::kProof && operation.method != "GET") {
      const bool form = operation.output.shape == OutputType::Shape::kHtml;
      const auto type = form ? "application/x-www-form-urlencoded" : "application/json";
      result["requestBody"] =
          bj::object{{"required", false}, {"content", content(type, bj::object{})}};
    }
    if (operation.access == Access::kLoopbackOrKey || operation.access == Access::kProof) {
      result["security"] = bj::array{bj::object{}, bj::object{{"key", bj::array{}}}};
    }
    if (operation.output.shape == OutputType::Shape::kEvents) {
      bj::object types;
      for (const auto& type : record::kRecordTypes) types[type.name] = ref(type.data().name);
      result["x-event-types"] = std::move(types);
    }
    return result;
  }

  bj::array parameters_of(const Operation& operation) {
    bj::array parameters;
    for (const auto& name : path_parameters(operation.path)) {
      parameters.push_back(bj::object{
          {"name", text(name)}, {"in", "path"}, {"required", true}, {"schema", id_schema()}});
    }
    if (operation.query) add_query(*operation.query.info(), parameters);
    if (operation.method == "POST" && operation.is_write()) {
      parameters.push_back(header("Idempotency-Key",
                                  "Makes a repeated request harmless: it gets the first answer "
                                  "again. Kept for 24 hours",
                                  kMaxIdempotencyKey));
    }
    if (operation.output.shape == OutputType::Shape::kEvents) {
      parameters.push_back(header("Last-Event-ID", "Id of the last event seen", 200));
    }
    return parameters;
  }

  // Whatever a path names is an id by its form.
  bj::value id_schema() {
    return codec::schema_of(codec::type_info<ExecutionId>(), codec::SchemaUse::kRequest, schemas_);
  }

  static bj::object header(std::string_view name, std::string_view doc, std::size_t max_length) {
    return {{"name", text(name)},
            {"in", "header"},
            {"description", text(doc)},
            {"schema",
             bj::object{{"type", "string"}, {"maxLength", max_length}, {"pattern", "^[ -~]*$"}}}};
  }

  // A query is a described struct; its properties, one by one, are the parameters.
  void add_query(const codec::TypeInfo& type, bj::array& parameters) {
    bj::object scratch;
    static_cast<void>(codec::schema_of(type, codec::SchemaUse::kRequest, scratch));
    const std::string name = std::string(type.name) + "Input";
    auto& properties = scratch[name].as_object()["properties"].as_object();
    for (auto& property : properties) {
      bj::object parameter{{"name", property.key()}, {"in", "query"}};
      auto& schema = property.value().as_object();
      if (const auto* doc = schema.if_contains("description")) {
        parameter["description"] = *doc;
        schema.erase("description");
      }
      if (is_free_text(type, property.key())) schema["pattern"] = kNoZeroByte;
      parameter["schema"] = std::move(property.value());
      parameters.push_back(std::move(parameter));
    }
    for (auto& component : scratch) {
      if (component.key() != name) schemas_[component.key()] = std::move(component.value());
    }
  }

  bj::object responses_of(const Operation& operation) {
    bj::object responses;
    responses[std::to_string(operation.status)] = success(operation.output);
    for (const auto& other : operation.other_successes) {
      responses[std::to_string(other.status)] = success(other.output);
    }
    std::vector<ErrorCode> errors = operation.errors;
    if (operation.access != Access::kOpen) {
      errors.insert(errors.end(), {ErrorCode::kUnauthorized, ErrorCode::kForbidden});
    }
    errors.insert(errors.end(),
                  {ErrorCode::kInvalidRequest, ErrorCode::kUriTooLong, ErrorCode::kHeadersTooLarge,
                   ErrorCode::kRateLimited, ErrorCode::kInternal, ErrorCode::kUnavailable});
    if (operation.body || operation.max_body_bytes > 0) {
      errors.push_back(ErrorCode::kPayloadTooLarge);
    }
    if (operation.method == "POST" && operation.is_write()) {
      errors.insert(errors.end(), {ErrorCode::kAlreadyIssued, ErrorCode::kIdempotencyMismatch});
    }
    for (const auto code : errors) add_error(responses, code);
    return responses;
  }

  // Beside what else is answered with this status.
  static void add_error(bj::object& responses, ErrorCode code) {
    const auto& row = info(code);
    auto& entry = responses[std::to_string(row.http_status)];
    if (!entry.is_object()) entry = bj::object{{"description", ""}, {"content", bj::object{}}};
    auto& response = entry.as_object();
    auto& description = response["description"].as_string();
    if (description.find(row.name) != bj::string::npos) return;
    if (!description.empty()) description += "; ";
    description += std::string(row.title) + " (" + std::string(row.name) + ")";
    response["content"].as_object()["application/problem+json"] =
        bj::object{{"schema", ref("Problem")}};
    const std::string_view header = row.http_status == 401   ? "WWW-Authenticate"
                                    : row.http_status == 429 ? "Retry-After"
                                                             : "";
    if (header.empty()) return;
    response["headers"] =
        bj::object{{header, bj::object{{"schema", bj::object{{"type", "string"}}}}}};
  }

  bj::object success(const OutputType& output) {
    using Shape = OutputType::Shape;
    bj::object response{{"description", "Done"}};
    if (output.shape == Shape::kNone) return response;
    if (output.shape == Shape::kText) {
      response["content"] = content("text/plain", bj::object{{"type", "string"}});
    } else if (output.shape == Shape::kHtml) {
      response["content"] = content("text/html", bj::object{{"type", "string"}});
    } else if (output.shape == Shape::kYaml) {
      response["content"] = content("application/yaml", bj::object{});
    } else if (output.shape == Shape::kJson) {
      response["content"] = content("application/json", bj::object{{"type", "object"}});
    } else if (output.shape == Shape::kEvents) {
      response["description"] =
          "Server-sent events. `event` is the type of a journal record, `id` a cursor, `data` one "
          "JSON object: `at` and the fields of the record (x-event-types); execution.output has "
          "the text as `chunk`, execution.turn the fields of the turn.";
      response["content"] = content("text/event-stream", ref(kStreamEvent));
    } else {
      auto schema = codec::schema_of(*output.info(), codec::SchemaUse::kResponse, schemas_);
      if (output.shape != Shape::kOne) {
        schema = bj::object{{"type", "array"}, {"items", std::move(schema)}};
      }
      response["content"] = content("application/json", std::move(schema));
    }
    if (output.shape == Shape::kPage) {
      const bj::object string_header{{"schema", bj::object{{"type", "string"}}}};
      response["headers"] = bj::object{{"X-Next-Cursor", string_header}, {"Link", string_header}};
    }
    return response;
  }

  // `data` of an event: the record with its time.
  static bj::object data_of(bj::value record) {
    const bj::object time{{"type", "string"}, {"format", "date-time"}};
    const bj::object schema{{"properties", bj::object{{"at", time}}},
                            {"required", bj::array{"at"}},
                            {"allOf", bj::array{std::move(record)}}};
    return {{"contentMediaType", "application/json"}, {"contentSchema", schema}};
  }

  // One event of a stream, by the members that server-sent events have.
  void add_records() {
    bj::array kinds;
    for (const auto& type : record::kRecordTypes) {
      auto record = codec::schema_of(type.data(), codec::SchemaUse::kResponse, schemas_);
      const bj::object event{{"const", text(type.name)}};
      const bj::object members{{"event", event}, {"data", data_of(std::move(record))}};
      kinds.push_back(bj::object{{"properties", members}});
    }
    const bj::object string{{"type", "string"}};
    const bj::object members{{"id", string}, {"event", string}, {"data", string}};
    schemas_[kStreamEvent] = bj::object{{"type", "object"},
                                        {"properties", members},
                                        {"required", bj::array{"event", "data"}},
                                        {"oneOf", std::move(kinds)}};
  }

  std::string_view version_;
  bj::object schemas_;
};

}  // namespace

std::vector<std::string> path_parameters(std::string_view pattern) {
  std::vector<std::string> names;
  for (auto open = pattern.find('{'); open != pattern.npos; open = pattern.find('{', open + 1)) {
    names.emplace_back(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
  }
  return names;
}

bj::object openapi_document(std::span<const Operation> table, std::string_view version) {
  return Builder(version).document(table);
}

}  // namespace personas::operations
