#include "docs_page.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "personas/base/bytes.hpp"
#include "personas/codec/json.hpp"
#include "personas/crypto/hash.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--dim:#777}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.6rem;overflow:auto}
nav{columns:3 14rem;border-bottom:1px solid var(--line);padding-bottom:1rem}
h2{margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:4px;margin:.35rem 0}
summary{cursor:pointer;padding:.35rem .6rem}
details>div{padding:0 .8rem .6rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}
th,td{border-bottom:1px solid var(--line)}
.m{display:inline-block;min-width:4.2em;font-weight:700}
.get{color:#2a7ae2}.post{color:#2e8b57}.put,.patch{color:#b8860b}.delete{color:#c0392b}
.d{color:var(--dim)}
)";

std::string_view view(bj::string_view text) {
  return {text.data(), text.size()};
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string text_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? escaped(view(value->get_string()))
                                                : std::string();
}
const bj::object* object_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}
const bj::array* array_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

std::string type_of(const bj::value& schema);

std::string joined(const bj::array& parts, std::string_view between, auto text) {
  std::string out;
  for (const auto& part : parts) {
    if (!out.empty()) out += between;
    out += text(part);
  }
  return out;
}

std::string type_by_name(const bj::object& schema, std::string_view name) {
  if (name == "array") {
    const auto* items = schema.if_contains("items");
    return "list of " + (items == nullptr ? std::string("anything") : type_of(*items));
  }
  if (name == "object") {
    const auto* values = object_of(schema, "additionalProperties");
    return values == nullptr ? std::string("object") : "map of " + type_of(*values);
  }
  const auto format = text_of(schema, "format");
  return format.empty() || format == "int64" || format == "double"
             ? std::string(name)
             : fmt::format("{} ({})", name, format);
}

// "string", "list of Event", "integer or null"; names of schemas lead to them.
std::string type_of(const bj::value& json) {
  if (!json.is_object() || json.get_object().empty()) return "anything";
  const auto& schema = json.get_object();
  if (const auto* ref = schema.if_contains("$ref"); ref != nullptr && ref->is_string()) {
    const auto path = view(ref->get_string());
    const auto name = escaped(path.substr(path.rfind('/') + 1));
    return fmt::format("<a href=\"#schema-{0}\">{0}</a>", name);
  }
  for (const auto* several : {"anyOf", "oneOf"}) {
    if (const auto* forms = array_of(schema, several)) return joined(*forms, " or ", type_of);
  }
  if (const auto* values = array_of(schema, "enum")) {
    return joined(*values, " | ", [](const bj::value& value) {
      return "<code>" + escaped(codec::serialize(value)) + "</code>";
    });
  }
  const auto* type = schema.if_contains("type");
  if (type == nullptr) return "anything";
  const auto name_of = [&schema](const bj::value& one) {
    return type_by_name(schema, one.is_string() ? view(one.get_string()) : "");
  };
  return type->is_array() ? joined(type->get_array(), " or ", name_of) : name_of(*type);
}

std::string limits_of(const bj::value& json) {
  if (!json.is_object()) return {};
  std::string out;
  constexpr std::array kLimits{
      std::pair{"minimum", "at least "},          std::pair{"maximum", "at most "},
      std::pair{"minLength", "length at least "}, std::pair{"maxLength", "length at most "},
      std::pair{"minItems", "entries at least "}, std::pair{"maxItems", "entries at most "}};
  for (const auto& [name, words] : kLimits) {
    const auto* value = json.get_object().if_contains(name);
    if (value == nullptr) continue;
    out += (out.empty() ? "" : ", ") + std::string(words) + codec::serialize(*value);
  }
  return out.empty() ? out : " <span class=d>" + out + "</span>";
}

std::string fields_of(const bj::object& schema) {
  const auto* properties = object_of(schema, "properties");
  if (properties == nullptr || properties->empty()) return "<p>" + type_of(schema) + "</p>";
  const auto* required = array_of(schema, "required");
  std::string out = "<table><tr><th>Field<th>Type<th>\n";
  for (const auto& [name, property] : *properties) {
    const bool must =
        required != nullptr && std::ranges::find(*required, bj::value(name)) != required->end();
    const auto* members = property.if_object();
    out +=
        fmt::format("<tr><td><code>{}</code>{}<td>{}{}<td>{}\n", escaped(view(name)),
                    must ? "" : " <span class=d>?</span>", type_of(property), limits_of(property),
                    members == nullptr ? "" : text_of(*members, "description"));
  }
  return out + "</table>";
}

// Every kind of content, with its example.
std::string contents_of(const bj::object& holder) {
  const auto* content = object_of(holder, "content");
  if (content == nullptr) return {};
  std::string out;
  for (const auto& [type, media] : *content) {
    const auto* members = media.if_object();
    if (members == nullptr) continue;
    const auto* schema = members->if_contains("schema");
    out += fmt::format(" <code>{}</code> {}", escaped(view(type)),
                       schema == nullptr ? "" : type_of(*schema));
    if (const auto* example = members->if_contains("example")) {
      out += "<pre>" + escaped(codec::serialize(*example)) + "</pre>";
    }
  }
  return out;
}

std::string parameters_of(const bj::object& operation) {
  const auto* parameters = array_of(operation, "parameters");
  if (parameters == nullptr || parameters->empty()) return {};
  std::string out = "<table><tr><th>Parameter<th>In<th>Type<th>\n";
  for (const auto& one : *parameters) {
    const auto* members = one.if_object();
    if (members == nullptr) continue;
    const auto* schema = members->if_contains("schema");
    out +=
        fmt::format("<tr><td><code>{}</code><td>{}<td>{}{}<td>{}\n", text_of(*members, "name"),
                    text_of(*members, "in"), schema == nullptr ? "" : type_of(*schema),
                    schema == nullptr ? "" : limits_of(*schema), text_of(*members, "description"));
  }
  return out + "</table>";
}

std::string answers_of(const bj::object& operation) {
  const auto* responses = object_of(operation, "responses");
  if (responses == nullptr) return {};
  std::string out = "<table><tr><th>Answer<th>\n";
  for (const auto& [status, response] : *responses) {
    const auto* members = response.if_object();
    if (members == nullptr) continue;
    out += fmt::format("<tr><td><code>{}</code><td>{}{}\n", escaped(view(status)),
                       text_of(*members, "description"), contents_of(*members));
  }
  return out + "</table>";
}

std::string operation_html(std::string_view path, std::string_view method,
                           const bj::object& operation) {
  std::string upper(method);
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  const auto* body = object_of(operation, "requestBody");
  const auto* security = array_of(operation, "security");
  const bool open = security != nullptr && security->empty();
  return fmt::format(
      "<details id=\"{}\"><summary><span class=\"m {}\">{}</span> <code>{}</code> {}</summary><div>"
      "<p class=d>{}{}</p>{}{}{}</div></details>\n",
      text_of(operation, "operationId"), escaped(method), escaped(upper), escaped(path),
      text_of(operation, "summary"), text_of(operation, "operationId"),
      open ? std::string(" · no key needed") : " · scope " + text_of(operation, "x-scope"),
      parameters_of(operation),
      body == nullptr ? std::string() : "<p>Body:" + contents_of(*body) + "</p>",
      answers_of(operation));
}

struct Section {
  std::string tag;
  std::string html;
  std::size_t operations = 0;
};

// By their tags, in the order in which the table names them first.
std::vector<Section> sections_of(const bj::object& openapi) {
  std::vector<Section> sections;
  const auto* paths = object_of(openapi, "paths");
  if (paths == nullptr) return sections;
  for (const auto& [path, item] : *paths) {
    const auto* methods = item.if_object();
    if (methods == nullptr) continue;
    for (const auto& [method, described] : *methods) {
      const auto* operation = described.if_object();
      const auto* tags = operation == nullptr ? nullptr : array_of(*operation, "tags");
      if (tags == nullptr || tags->empty() || !tags->front().is_string()) continue;
      const std::string tag(view(tags->front().get_string()));
      auto section = std::ranges::find(sections, tag, &Section::tag);
      if (section == sections.end())
        section = sections.insert(sections.end(), Section{.tag = tag, .html = {}});
      section->html += operation_html(view(path), view(method), *operation);
      ++section->operations;
    }
  }
  return sections;
}

std::string schemas_html(const bj::object& openapi) {
  const auto* components = object_of(openapi, "components");
  const auto* schemas = components == nullptr ? nullptr : object_of(*components, "schemas");
  if (schemas == nullptr) return {};
  std::map<std::string_view, const bj::object*> sorted;
  for (const auto& [name, schema] : *schemas) {
    if (const auto* members = schema.if_object()) sorted[view(name)] = members;
  }
  std::string out;
  for (const auto& [name, schema] : sorted) {
    out += fmt::format("<h3 id=\"schema-{0}\">{0}</h3>{1}\n", escaped(name), fields_of(*schema));
  }
  return out;
}

}  // namespace

DocsPage docs_page(const bj::object& openapi) {
  const auto* info = object_of(openapi, "info");
  const std::string version = info == nullptr ? std::string() : text_of(*info, "version");
  const auto sections = sections_of(openapi);
  std::string html = fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width\"><title>Personas API</title><style>{}</style>\n"
      "<h1>Personas API <span class=d>{}</span></h1>\n<p>Send <code>Authorization: Bearer "
      "KEY</code>. Errors are <a href=\"#schema-Problem\">application/problem+json</a>. A POST may "
      "carry <code>Idempotency-Key</code>. The same as a document: <a "
      "href=\"openapi.json\">openapi.json</a>.</p>\n<nav>",
      kStyle, version);
  for (const auto& section : sections) {
    html += fmt::format("<div><a href=\"#tag-{0}\">{0}</a> <span class=d>{1}</span></div>",
                        escaped(section.tag), section.operations);
  }
  html += "<div><a href=\"#schemas\">Schemas</a></div></nav>\n";
  for (const auto& section : sections) {
    html += fmt::format("<h2 id=\"tag-{0}\">{0}</h2>\n{1}", escaped(section.tag), section.html);
  }
  html += "<h2 id=schemas>Schemas</h2>\n" + schemas_html(openapi);
  const auto hash = crypto::sha256(as_bytes(kStyle));
  return {.html = std::move(html),
          .policy = fmt::format("default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; "
                                "form-action 'none'; frame-ancestors 'none'",
                                to_base64(hash))};
}

}  // namespace personas::operations
