#include "personas/catalog/library.hpp"

#include <algorithm>
#include <cassert>
#include <set>

#include <fmt/format.h>

#include "personas/catalog/documents.hpp"
#include "personas/codec/json.hpp"
#include "personas/codec/yaml.hpp"

#include "embedded.hpp"

namespace personas::catalog {
namespace {

namespace bj = boost::json;

std::unexpected<Error> wrong(const EmbeddedFile& file, const Error& error) {
  return fail(ErrorCode::kInternal, fmt::format("{}: {}", file.name, error.describe()));
}

Result<std::vector<codec::YamlDocument>> documents_of(const EmbeddedFile& file,
                                                      std::size_t expected) {
  auto documents = codec::parse_yaml(file.text, std::string(file.name));
  if (!documents) return wrong(file, documents.error());
  if (documents->size() == expected) return documents;
  return fail(ErrorCode::kInternal, fmt::format("{}: expected {} documents, found {}", file.name,
                                                expected, documents->size()));
}

template <class T>
Result<T> value_in(const EmbeddedFile& file, bj::value json) {
  auto value = codec::from_json<T>(json);
  if (!value) return wrong(file, value.error());
  return value;
}

// The persona of a template, checked as any other document, and what follows from its tools.
Result<void> add_persona(const EmbeddedFile& file, const Library& library, const bj::value& json,
                         Template& made) {
  const auto document = read_document(json);
  if (!document) return wrong(file, document.error());
  made.persona = codec::RawJson{codec::serialize(json)};
  std::set<std::string> connectors;
  for (const auto& name : document->tools.value_or(std::vector<std::string>())) {
    const auto* tool = library.find_tool(name);
    if (tool == nullptr) {
      return fail(ErrorCode::kInternal,
                  fmt::format("{}: the library has no tool '{}'", file.name, name));
    }
    made.tools.push_back(name);
    if (tool->requires_credential_type) connectors.insert(*tool->requires_credential_type);
  }
  made.connectors.assign(connectors.begin(), connectors.end());
  return {};
}

Result<void> add_template(const EmbeddedFile& file, Library& library) {
  TRY(const auto documents, documents_of(file, 2));
  TRY(auto made, value_in<Template>(file, documents[0].json));
  TRY_VOID(add_persona(file, library, documents[1].json, made));
  if (file.name != made.id + ".yaml") {
    return fail(ErrorCode::kInternal, fmt::format("{} holds '{}'", file.name, made.id));
  }
  library.templates.push_back(std::move(made));
  return {};
}

template <class T>
const T* find(const std::vector<T>& all, std::string T::* name, std::string_view wanted) {
  const auto it = std::ranges::find(all, wanted, name);
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

std::vector<std::string> Library::tool_names() const {
  std::vector<std::string> names;
  for (const auto& tool : tools) names.push_back(tool.name);
  return names;
}

std::vector<std::string> Library::connector_types() const {
  std::vector<std::string> types;
  for (const auto& connector : connectors) types.push_back(connector.type);
  return types;
}

const Template* Library::find_template(std::string_view id) const {
  return find(templates, &Template::id, id);
}
const LibraryTool* Library::find_tool(std::string_view name) const {
  return find(tools, &LibraryTool::name, name);
}
const Connector* Library::find_connector(std::string_view type) const {
  return find(connectors, &Connector::type, type);
}

Result<Library> read_library() {
  Library library;
  for (const auto& file : kConnectorFiles) {
    TRY(const auto documents, documents_of(file, 1));
    TRY(auto connector, value_in<Connector>(file, documents[0].json));
    library.connectors.push_back(std::move(connector));
  }
  for (const auto& file : kToolFiles) {
    TRY(const auto documents, documents_of(file, 1));
    TRY(auto tool, value_in<LibraryTool>(file, documents[0].json));
    library.tools.push_back(std::move(tool));
  }
  for (const auto& file : kTemplateFiles) TRY_VOID(add_template(file, library));
  return library;
}

const Library& library() {
  static const Library all = [] {
    auto read = read_library();
    assert(read && "an embedded file is wrong; library_test says which");
    return std::move(*read);
  }();
  return all;
}

}  // namespace personas::catalog
