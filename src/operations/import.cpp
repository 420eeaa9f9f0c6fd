#include "import.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "personas/catalog/diff.hpp"
#include "personas/catalog/group_store.hpp"
#include "personas/catalog/library.hpp"
#include "personas/catalog/versions.hpp"
#include "personas/evaluation/documents.hpp"
#include "personas/evaluation/test_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"
#include "personas/vault/webhook_secrets.hpp"

#include "call_form.hpp"
#include "import_tests.hpp"
#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

namespace bj = boost::json;

using catalog::Document;
using catalog::DocumentKind;

std::vector<std::string> names_of(const std::vector<ToolDefinition>& tools) {
  std::vector<std::string> names;
  for (const auto& tool : tools) names.push_back(tool.name);
  return names;
}

// An error of one document, with its place in the request before its paths.
std::unexpected<Error> in_document(std::size_t index, Error error) {
  for (auto& field : error.fields) field.path = fmt::format("/documents/{}{}", index, field.path);
  return fail(std::move(error));
}

class Importer {
 public:
  Importer(Call& call, store::Transaction& tx, const ImportBody& body)
      : call_(call), tx_(tx), body_(body) {}

  Result<ImportReply> run() {
    TRY(const auto documents, read());
    ImportReply reply;
    reply.dry_run = body_.dry_run;
    reply.things.resize(documents.size());
    // What is named comes before what names it, wherever it stands.
    for (const auto kind : {DocumentKind::kGroup, DocumentKind::kTool, DocumentKind::kPersona}) {
      for (std::size_t i = 0; i < documents.size(); ++i) {
        if (documents[i].kind != kind) continue;
        auto made = make(documents[i]);
        if (!made) return in_document(i, made.error());
        reply.things[i] = std::move(*made);
      }
    }
    reply.connectors.assign(connectors_.begin(), connectors_.end());
    return reply;
  }

 private:
  Result<std::vector<Document>> read() const {
    std::vector<Document> documents;
    std::vector<FieldError> errors;
    for (std::size_t i = 0; i < body_.documents.size(); ++i) {
      bj::value json;  // null is kept as no text
      if (const auto& text = body_.documents[i].text; !text.empty()) {
        TRY(json, codec::parse_json(text));
      }
      auto document = catalog::read_document(json);
      const auto tests = document && document->tests ? evaluation::read_tests(*document->tests)
                                                     : Result<std::vector<evaluation::Scenario>>();
      if (document && tests) {
        documents.push_back(std::move(*document));
        continue;
      }
      for (const auto& field : (document ? tests.error() : document.error()).fields) {
        errors.push_back({fmt::format("/documents/{}{}", i, field.path), field.message});
      }
    }
    if (errors.empty()) return documents;
    return fail(ErrorCode::kInvalidRequest, "A document is not valid", std::move(errors));
  }

  Result<ImportedThing> make(const Document& document) {
    switch (document.kind) {
      case DocumentKind::kGroup:
        return make_group(document);
      case DocumentKind::kTool:
        return make_tool(document);
      case DocumentKind::kPersona:
        break;
    }
    return make_persona(document);
  }

  bool writes() const { return !body_.dry_run; }

  // The value a document asks for: over what exists, or whole.
  template <class T>
  Result<T> wanted(const Document& document, const std::optional<T>& existing) const {
    const bool merges = existing && body_.mode == ImportMode::kMerge;
    T value = merges ? *existing : T{};
    TRY_VOID(codec::read_into(document.fields, value,
                              {.completeness = merges ? codec::ReadOptions::Completeness::kPartial
                                                      : codec::ReadOptions::Completeness::kFull}));
    if (existing) {
      value.id = existing->id;
      value.created_at = existing->created_at;
    } else if (value.id.empty()) {
      value.id = decltype(value.id)::make(call_.now, call_.services.random);
    }
    if (!existing) value.created_at = call_.now;
    value.updated_at = call_.now;
    return value;
  }

  template <class T>
  ImportedThing thing(const Document& document, const std::optional<T>& existing, const T& value,
                      std::vector<catalog::FieldChange> changes) const {
    const auto result = !existing         ? ImportResult::kCreated
                        : changes.empty() ? ImportResult::kUnchanged
                                          : ImportResult::kUpdated;
    return {.kind = std::string(catalog::name_of(document.kind)),
            .name = value.name,
            .id = existing || writes() ? value.id.str() : std::string(),
            .result = result,
            .changes = std::move(changes)};
  }

  Result<ImportedThing> make_group(const Document& document) {
    TRY(const auto existing, document.id.empty()
                                 ? catalog::find_group_by_name(tx_, call_.tenant(), document.name)
                                 : catalog::find_group(tx_, call_.tenant(), GroupId(document.id)));
    TRY(const auto group, wanted(document, existing));
    groups_[group.name] = group.id.str();
    auto made = thing(document, existing, group,
                      catalog::diff_objects(catalog::view_of(existing.value_or(catalog::Group{})),
                                            catalog::view_of(group)));
    if (!writes() || made.result == ImportResult::kUnchanged) return made;
    TRY_VOID(existing ? catalog::update_group(tx_, call_.tenant(), group)
                      : catalog::insert_group(tx_, call_.tenant(), group));
    TRY_VOID(record_fact(call_, tx_, existing ? record::kGroupUpdated : record::kGroupCreated,
                         record::Named{group.id.str(), group.name}));
    return made;
  }

  Result<ImportedThing> make_tool(const Document& document) {
    TRY(const auto existing, document.id.empty()
                                 ? catalog::find_tool_by_name(tx_, call_.tenant(), document.name)
                                 : store::find_tool(tx_, call_.tenant(), ToolId(document.id)));
    TRY(const auto tool, wanted(document, existing));
    tools_[tool.name] = tool;
    auto made = thing(document, existing, tool,
                      catalog::diff_objects(catalog::view_of(existing.value_or(ToolDefinition{})),
                                            catalog::view_of(tool)));
    if (!writes() || made.result == ImportResult::kUnchanged) return made;
    TRY_VOID(existing ? store::update_tool(tx_, call_.tenant(), tool)
                      : store::insert_tool(tx_, call_.tenant(), tool));
    TRY_VOID(record_fact(call_, tx_, existing ? record::kToolUpdated : record::kToolCreated,
                         record::Named{tool.id.str(), tool.name}));
    return made;
  }

  // A tool of this request, of the tenant, or of the library, which is then installed.
  Result<ToolDefinition> tool_named(const std::string& name) {
    if (const auto it = tools_.find(name); it != tools_.end()) return it->second;
    TRY(auto tool, catalog::find_tool_by_name(tx_, call_.tenant(), name));
    if (!tool) {
      const auto* known = catalog::library().find_tool(name);
      if (known == nullptr) {
        return fail(
            ErrorCode::kInvalidRequest, fmt::format("There is no tool '{}'", name),
            {{"/tools", fmt::format("there is no tool '{}', here or in the library", name)}});
      }
      if (writes()) {
        TRY(auto installed, install_library_tool(call_, tx_, *known, catalog::Overwrite::kNever));
        tool = std::move(installed.tool);
      } else {
        tool = ToolDefinition{};
        tool->name = name;
        tool->requires_credential_type = known->requires_credential_type;
      }
    }
    tools_[name] = *tool;
    return std::move(*tool);
  }

  Result<std::vector<ToolDefinition>> tools_wanted(const Document& document,
                                                   std::vector<ToolDefinition> linked) {
    if (!document.tools && body_.mode == ImportMode::kMerge) return linked;
    std::vector<ToolDefinition> tools;
    for (const auto& name : document.tools.value_or(std::vector<std::string>())) {
      TRY(auto tool, tool_named(name));
      const auto same = std::ranges::find(tools, tool.name, &ToolDefinition::name);
      if (same == tools.end()) tools.push_back(std::move(tool));
    }
    return tools;
  }

  Result<void> set_group(const Document& document, Persona& persona) {
    if (!document.group) return {};
    if (const auto it = groups_.find(*document.group); it != groups_.end()) {
      persona.group_id = it->second;
      return {};
    }
    TRY(const auto group, catalog::find_group_by_name(tx_, call_.tenant(), *document.group));
    if (!group) {
      return fail(ErrorCode::kInvalidRequest,
                  fmt::format("There is no group '{}'", *document.group),
                  {{"/group", "is not the name of a group; add a document of kind Group"}});
    }
    persona.group_id = group->id.str();
    return {};
  }

  Result<std::optional<std::string>> group_name(const Persona& persona) {
    if (!persona.group_id) return std::optional<std::string>();
    for (const auto& [name, id] : groups_) {
      if (id == *persona.group_id) return std::optional(name);
    }
    TRY(const auto group, catalog::find_group(tx_, call_.tenant(), GroupId(*persona.group_id)));
    return group ? std::optional(group->name) : std::optional<std::string>();
  }

  Result<bj::object> view(const Persona& persona, const std::vector<ToolDefinition>& tools) {
    TRY(const auto group, group_name(persona));
    return catalog::view_of(persona, names_of(tools), group);
  }

  Result<ImportedThing> make_persona(const Document& document) {
    TRY(const auto existing,
        document.id.empty() ? store::find_persona_by_name(tx_, call_.tenant(), document.name)
                            : store::find_persona(tx_, call_.tenant(), PersonaId(document.id)));
    TRY(auto persona, wanted(document, existing));
    TRY_VOID(check_input_schema(persona));
    std::vector<ToolDefinition> linked;
    if (existing) {
      persona.version = existing->version;
      if (!document.fields.contains("webhookSecret")) {
        persona.webhook_secret = existing->webhook_secret;
      }
      TRY(linked, store::tools_of(tx_, call_.tenant(), existing->id));
    }
    TRY_VOID(set_group(document, persona));
    TRY(const auto tools, tools_wanted(document, linked));
    for (const auto& tool : tools) {
      if (tool.requires_credential_type) connectors_.insert(*tool.requires_credential_type);
    }
    TRY(const auto before, view(existing.value_or(Persona{}), linked));
    TRY(const auto after, view(persona, tools));
    auto changes = catalog::diff_objects(before, after);
    const auto secret_before = existing ? existing->webhook_secret : std::nullopt;
    if (vault::is_new_webhook_secret(call_.services.vault, secret_before, persona)) {
      changes.push_back({"webhookSecret", {}, {}, {}});
    }
    auto made = thing(document, existing, persona, std::move(changes));
    if (writes() && made.result != ImportResult::kUnchanged) {
      TRY_VOID(write(existing, persona, tools));
    }
    TRY_VOID(make_tests(document, persona.id, made));
    return made;
  }

  Result<void> make_tests(const Document& document, const PersonaId& persona, ImportedThing& made) {
    if (!document.tests && body_.mode == ImportMode::kMerge) return {};
    TRY(const auto wanted, evaluation::read_tests(document.tests.value_or(bj::array())));
    TRY(auto changes, import_tests(call_, tx_, persona, wanted, body_));
    if (!changes.empty() && made.result == ImportResult::kUnchanged) {
      made.result = ImportResult::kUpdated;
    }
    std::ranges::move(changes, std::back_inserter(made.changes));
    return {};
  }

  Result<void> write(const std::optional<Persona>& existing, Persona& persona,
                     const std::vector<ToolDefinition>& tools) {
    std::vector<ToolId> ids;
    for (const auto& tool : tools) ids.push_back(tool.id);
    const std::string note = body_.note.value_or("imported");
    if (existing) {
      TRY(const auto before, catalog::state_of(tx_, call_.tenant(), *existing));
      TRY_VOID(store_changed(call_, tx_, *existing, persona));
      TRY_VOID(catalog::link_exactly(tx_, call_.tenant(), persona.id, ids, call_.now));
      return catalog::note_change(tx_, call_.tenant(), before, persona, note, call_.now);
    }
    TRY_VOID(require_free_name(call_, tx_, persona));
    TRY_VOID(catalog::check_group(tx_, call_.tenant(), {}, persona.group_id));
    TRY_VOID(vault::keep_webhook_secret(tx_, call_.services.vault, call_.tenant(), {}, persona,
                                        call_.now));
    TRY_VOID(store::insert_persona(tx_, call_.tenant(), persona));
    TRY_VOID(catalog::link_exactly(tx_, call_.tenant(), persona.id, ids, call_.now));
    TRY_VOID(catalog::note_creation(tx_, call_.tenant(), persona, note, call_.now));
    return record_persona(call_, tx_, record::kPersonaCreated, persona);
  }

  Call& call_;
  store::Transaction& tx_;
  const ImportBody& body_;
  std::map<std::string, std::string> groups_;  // ids by name, of this request
  std::map<std::string, ToolDefinition> tools_;
  std::set<std::string> connectors_;
};

// What a template expects stands there in words, so a model judges it.
Result<bj::array> tests_of(const catalog::Template& from) {
  bj::array tests;
  for (const auto& scenario : from.scenarios) {
    std::string criteria;
    for (const auto& line : scenario.expect) criteria += "- " + line + "\n";
    bj::object test{{"name", scenario.name},
                    {"prompt", scenario.prompt},
                    {"expectations", {{{"judge", {{"criteria", criteria}}}}}}};
    if (scenario.input) {
      TRY(test["input"], codec::parse_json(scenario.input->text));
    }
    tests.push_back(std::move(test));
  }
  return tests;
}

Result<Reply> import_them(Call& call, store::Transaction& tx) {
  TRY(const auto reply, import_documents(call, tx, call.body<ImportBody>()));
  return json_reply(200, reply);
}

Result<Reply> export_it(Call& call, store::Transaction& tx) {
  catalog::Export what;
  TRY(what.persona, require_persona(call, tx, call.id<PersonaId>(0)));
  TRY(what.tools, store::tools_of(tx, call.tenant(), what.persona.id));
  if (what.persona.group_id) {
    TRY(what.group, catalog::find_group(tx, call.tenant(), GroupId(*what.persona.group_id)));
  }
  TRY(const auto tests, evaluation::list_scenarios(tx, call.tenant(), what.persona.id));
  for (const auto& one : tests) what.tests.push_back(evaluation::document_of(one));
  Reply reply;
  reply.content_type = "application/yaml; charset=utf-8";
  reply.body = catalog::export_yaml(what);
  return reply;
}

}  // namespace

Result<ImportReply> import_documents(Call& call, store::Transaction& tx, const ImportBody& body) {
  Importer importer(call, tx, body);
  return importer.run();
}

Result<Persona> make_from_template(Call& call, store::Transaction& tx,
                                   const catalog::Template& from,
                                   const std::optional<std::string>& name) {
  TRY(auto json, codec::parse_json(from.persona.text));
  auto& document = json.as_object();
  if (name) document["name"] = *name;
  const std::string wanted(document.at("name").as_string());
  TRY(const auto holder, store::find_persona_by_name(tx, call.tenant(), wanted));
  if (holder) {
    return fail(ErrorCode::kConflict,
                fmt::format("The name '{}' is that of persona {}; give another one", wanted,
                            holder->id.str()),
                {{"/name", "is the name of another persona"}});
  }
  bj::object context{{"template", from.id}};
  if (from.trigger) {
    TRY(context["suggestedTrigger"], codec::parse_json(codec::to_json(*from.trigger)));
  }
  document["designContext"] = std::move(context);
  TRY(document["tests"], tests_of(from));
  const ImportBody body{.documents = {codec::RawJson{codec::serialize(json)}},
                        .mode = ImportMode::kMerge,
                        .dry_run = false,
                        .note = "from template " + from.id};
  TRY(const auto reply, import_documents(call, tx, body));
  return require_persona(call, tx, PersonaId(reply.things.front().id));
}

Result<catalog::Installed> install_library_tool(Call& call, store::Transaction& tx,
                                                const catalog::LibraryTool& tool,
                                                catalog::Overwrite overwrite) {
  TRY(auto installed,
      catalog::install_tool(tx, call.tenant(), tool, overwrite, call.now, call.services.random));
  if (installed.what != catalog::Installed::What::kUnchanged) {
    const bool is_new = installed.what == catalog::Installed::What::kCreated;
    TRY_VOID(record_fact(call, tx, is_new ? record::kToolCreated : record::kToolUpdated,
                         record::Named{installed.tool.id.str(), installed.tool.name}));
  }
  return installed;
}

void add_import(Table& table) {
  table.push_back(
      {.id = "importDocuments",
       .method = "POST",
       .path = "/api/import",
       .summary = "Make personas, tools and groups what documents say, all or none; "
                  "a dry run only says what would change",
       .tag = "Personas",
       .scope = identity::Scope::kWrite,
       .body = input<ImportBody>(),
       .example = R"({"documents": [{"kind": "Group", "name": "Mail"}], "dryRun": true})",
       .output = one<ImportReply>(),
       .errors = {ErrorCode::kConflict, ErrorCode::kUnprocessable},
       .handler = Write{&import_them}});
  table.push_back({.id = "exportPersona",
                   .method = "GET",
                   .path = "/api/personas/{id}/export",
                   .summary = "Get a persona with its tools and group as YAML, without secrets",
                   .tag = "Personas",
                   .output = {.info = nullptr, .shape = OutputType::Shape::kYaml},
                   .errors = {ErrorCode::kNotFound},
                   .handler = &export_it});
}

}  // namespace personas::operations
