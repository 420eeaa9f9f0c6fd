#include "personas/catalog/documents.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "personas/base/suggest.hpp"
#include "personas/codec/json.hpp"
#include "personas/codec/yaml.hpp"

namespace personas::catalog {
namespace {

namespace bj = boost::json;

constexpr std::array<std::string_view, 3> kKindNames{"Persona", "Tool", "Group"};

// What belongs to one installation, and is no part of a document that travels.
constexpr std::array<std::string_view, 5> kLocal{"id", "createdAt", "updatedAt", "version",
                                                 "webhookSecret"};
constexpr std::array<std::string_view, 3> kJsonTexts{"structuredPrompt", "designContext",
                                                     "inputSchema"};

template <class T>
bj::object object_of(const T& value) {
  auto json = codec::parse_json(codec::to_json(value));
  return json && json->is_object() ? std::move(json->get_object()) : bj::object();
}

template <class T>
bj::object without_local(const T& value) {
  bj::object view = object_of(value);
  for (const auto name : kLocal) view.stable_erase(name);
  return view;
}

// JSON that the API shows as text, as the value it is; text that is none stays.
void unfold(bj::object& fields) {
  for (const auto name : kJsonTexts) {
    auto* value = fields.if_contains(name);
    if (value == nullptr || !value->is_string()) continue;
    const auto& text = value->get_string();
    auto json = codec::parse_json(std::string_view(text.data(), text.size()));
    if (json && (json->is_object() || json->is_array())) *value = std::move(*json);
  }
}

bj::array list_of(std::vector<std::string> names) {
  std::ranges::sort(names);
  bj::array list;
  for (const auto& name : names) list.emplace_back(name);
  return list;
}

// The kind first, then what differs from the default.
std::string document_of(DocumentKind kind, const bj::object& view, const bj::object& defaults) {
  bj::object document{{"kind", name_of(kind)}};
  for (const auto& member : view) {
    const auto* usual = defaults.if_contains(member.key());
    if (usual != nullptr && *usual == member.value()) continue;
    document.emplace(member.key(), member.value());
  }
  unfold(document);
  return codec::write_yaml(document);
}

// ---- reading -----------------------------------------------------------------------------------

std::optional<DocumentKind> take_kind(bj::object& fields, std::vector<FieldError>& errors) {
  const auto it = fields.find("kind");
  if (it == fields.end()) return DocumentKind::kPersona;
  const std::string text = it->value().is_string() ? std::string(it->value().get_string()) : "";
  fields.stable_erase(it);
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (text == kKindNames[i]) return static_cast<DocumentKind>(i);
  }
  const auto near = closest(text, kKindNames);
  errors.push_back({"/kind", near.empty() ? "expected Persona, Tool or Group"
                                          : fmt::format("did you mean \"{}\"?", near)});
  return std::nullopt;
}

std::optional<std::vector<std::string>> take_names(bj::object& fields, std::string_view name,
                                                   std::vector<FieldError>& errors) {
  const auto it = fields.find(name);
  if (it == fields.end()) return std::nullopt;
  const bj::value value = it->value();
  fields.stable_erase(it);
  std::vector<std::string> names;
  const auto* list = value.if_array();
  if (list == nullptr || list->size() > kMaxToolsOfPersona) {
    errors.push_back({fmt::format("/{}", name),
                      fmt::format("expected a list of at most {} names", kMaxToolsOfPersona)});
    return names;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i].is_string() && !(*list)[i].get_string().empty()) {
      names.emplace_back((*list)[i].get_string());
    } else {
      errors.push_back({fmt::format("/{}/{}", name, i), "expected a name"});
    }
  }
  return names;
}

void take_tests(Document& document, std::vector<FieldError>& errors) {
  const auto it = document.fields.find("tests");
  if (it == document.fields.end()) return;
  if (it->value().is_array()) {
    document.tests = std::move(it->value().get_array());
  } else {
    errors.push_back({"/tests", "expected a list of scenarios"});
  }
  document.fields.stable_erase(it);
}

void take_group(Document& document, std::vector<FieldError>& errors) {
  const auto it = document.fields.find("group");
  if (it == document.fields.end()) return;
  if (it->value().is_string()) {
    document.group = std::string(it->value().get_string());
  } else {
    errors.push_back({"/group", "expected the name of a group"});
  }
  document.fields.stable_erase(it);
  if (document.fields.contains("groupId")) {
    errors.push_back({"/groupId", "give either group (a name) or groupId"});
  }
}

template <class T>
void check(Document& document, std::vector<FieldError>& errors) {
  const auto value = codec::from_json<T>(document.fields);
  if (value) {
    document.id = value->id.str();
    document.name = value->name;
    return;
  }
  std::ranges::copy(value.error().fields, std::back_inserter(errors));
  if (value.error().fields.empty()) errors.push_back({"", value.error().message});
}

}  // namespace

std::string_view name_of(DocumentKind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

Result<Document> read_document(const bj::value& json) {
  constexpr std::string_view kWrong = "The document is not valid";
  if (!json.is_object()) {
    return fail(ErrorCode::kInvalidRequest, std::string(kWrong),
                {{"", "expected the fields of a persona, such as \"name: Reviewer\""}});
  }
  Document document;
  document.fields = json.get_object();
  std::vector<FieldError> errors;
  const auto kind = take_kind(document.fields, errors);
  if (!kind) return fail(ErrorCode::kInvalidRequest, std::string(kWrong), std::move(errors));
  document.kind = *kind;
  switch (*kind) {
    case DocumentKind::kPersona:
      document.tools = take_names(document.fields, "tools", errors);
      (void)take_names(document.fields, "connectors", errors);
      take_group(document, errors);
      take_tests(document, errors);
      check<Persona>(document, errors);
      break;
    case DocumentKind::kTool:
      check<ToolDefinition>(document, errors);
      break;
    case DocumentKind::kGroup:
      check<Group>(document, errors);
      break;
  }
  if (errors.empty()) return document;
  return fail(ErrorCode::kInvalidRequest, std::string(kWrong), std::move(errors));
}

bj::object view_of(const Persona& persona, const std::vector<std::string>& tools,
                   const std::optional<std::string>& group) {
  bj::object view = without_local(persona);
  if (group) {
    view.stable_erase("groupId");
    view["group"] = *group;
  }
  view["tools"] = list_of(tools);
  return view;
}

bj::object view_of(const ToolDefinition& tool) {
  return without_local(tool);
}

bj::object view_of(const Group& group) {
  return without_local(group);
}

std::string export_yaml(const Export& what) {
  std::string out;
  const auto add = [&out](std::string document) { out += (out.empty() ? "" : "---\n") + document; };
  std::optional<std::string> group;
  if (what.group) {
    group = what.group->name;
    add(document_of(DocumentKind::kGroup, view_of(*what.group), view_of(Group{})));
  }
  auto tools = what.tools;
  std::ranges::sort(tools, {}, &ToolDefinition::name);
  std::vector<std::string> names;
  std::set<std::string> connectors;
  for (const auto& tool : tools) {
    add(document_of(DocumentKind::kTool, view_of(tool), view_of(ToolDefinition{})));
    names.push_back(tool.name);
    if (tool.requires_credential_type) connectors.insert(*tool.requires_credential_type);
  }
  auto view = view_of(what.persona, names, group);
  view["connectors"] = list_of({connectors.begin(), connectors.end()});
  if (!what.tests.empty()) view["tests"] = what.tests;
  auto defaults = view_of(Persona{}, {}, {});
  defaults["connectors"] = bj::array();
  add(document_of(DocumentKind::kPersona, view, defaults));
  return out;
}

}  // namespace personas::catalog
