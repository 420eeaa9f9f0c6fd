// What comes with the program: templates, the tool library, connectors.
#include "personas/catalog/library.hpp"

#include "personas/catalog/tool_installs.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/catalog_requests.hpp"
#include "personas/operations/requests_described.hpp"

#include "import.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using catalog::Connector;
using catalog::LibraryEntry;
using catalog::Template;
using identity::Scope;

template <class T>
Result<const T*> found(const T* one, std::string_view what, const std::string& name) {
  if (one == nullptr) return not_found(what, name);
  return one;
}

Result<Reply> list_templates(Call&, store::Transaction&) {
  return list_reply(catalog::library().templates);
}

Result<Reply> get_template(Call& call, store::Transaction&) {
  const auto& id = call.ids.at(0);
  TRY(const auto* one, found(catalog::library().find_template(id), "template", id));
  return json_reply(200, *one);
}

Result<Reply> from_template(Call& call, store::Transaction& tx) {
  const auto& body = call.body<FromTemplateBody>();
  const auto* one = catalog::library().find_template(body.template_);
  if (one == nullptr) {
    return fail(ErrorCode::kNotFound, "There is no template '" + body.template_ + "'",
                {{"/template", "is not the id of a template; GET /api/templates lists them"}});
  }
  TRY(const auto persona, make_from_template(call, tx, *one, body.name));
  return json_reply(201, persona);
}

Result<Reply> list_library(Call& call, store::Transaction& tx) {
  std::vector<LibraryEntry> entries;
  for (const auto& tool : catalog::library().tools) {
    TRY(auto entry, catalog::library_entry(tx, call.tenant(), tool));
    entries.push_back(std::move(entry));
  }
  return list_reply(entries);
}

Result<Reply> install(Call& call, store::Transaction& tx) {
  const auto& name = call.ids.at(0);
  TRY(const auto* tool, found(catalog::library().find_tool(name), "tool in the library", name));
  const auto overwrite =
      call.query<InstallQuery>().force ? catalog::Overwrite::kAlways : catalog::Overwrite::kNever;
  TRY(const auto installed, install_library_tool(call, tx, *tool, overwrite));
  const bool is_new = installed.what == catalog::Installed::What::kCreated;
  return json_reply(is_new ? 201 : 200, installed.tool);
}

Result<Reply> list_connectors(Call&, store::Transaction&) {
  return list_reply(catalog::library().connectors);
}

Result<Reply> get_connector(Call& call, store::Transaction&) {
  const auto& type = call.ids.at(0);
  TRY(const auto* one, found(catalog::library().find_connector(type), "connector", type));
  return json_reply(200, *one);
}

}  // namespace

void add_library(Table& table) {
  table.push_back({.id = "listTemplates",
                   .method = "GET",
                   .path = "/api/templates",
                   .summary = "List the templates of personas",
                   .tag = "Library",
                   .output = list<Template>(),
                   .handler = &list_templates});
  table.push_back({.id = "getTemplate",
                   .method = "GET",
                   .path = "/api/templates/{id}",
                   .summary = "Get a template",
                   .tag = "Library",
                   .output = one<Template>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_template});
  table.push_back({.id = "createPersonaFromTemplate",
                   .method = "POST",
                   .path = "/api/personas/from-template",
                   .summary = "Make a persona from a template, with the tools it needs",
                   .tag = "Library",
                   .scope = Scope::kWrite,
                   .body = input<FromTemplateBody>(),
                   .example = R"({"template": "code-reviewer", "name": "My reviewer"})",
                   .output = one<Persona>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&from_template}});
  table.push_back({.id = "listToolLibrary",
                   .method = "GET",
                   .path = "/api/tool-library",
                   .summary = "List the tools that come with the program, and which are installed",
                   .tag = "Library",
                   .output = list<LibraryEntry>(),
                   .handler = &list_library});
  table.push_back({.id = "installTool",
                   .method = "POST",
                   .path = "/api/tool-library/{name}/install",
                   .summary = "Install a tool of the library, or its newer version",
                   .tag = "Library",
                   .scope = Scope::kWrite,
                   .query = input<InstallQuery>(),
                   .output = one<ToolDefinition>(),
                   .status = 201,
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .other_successes = {{200, one<ToolDefinition>()}},
                   .handler = Write{&install}});
  table.push_back({.id = "listConnectors",
                   .method = "GET",
                   .path = "/api/connectors",
                   .summary = "List the types of credentials, their fields and where to get them",
                   .tag = "Library",
                   .output = list<Connector>(),
                   .handler = &list_connectors});
  table.push_back({.id = "getConnector",
                   .method = "GET",
                   .path = "/api/connectors/{type}",
                   .summary = "Get a type of credentials",
                   .tag = "Library",
                   .output = one<Connector>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_connector});
}

}  // namespace personas::operations
