// Applying a draft: what it would write, and what stands in its way.
#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/codec/json.hpp"
#include "personas/design/draft_store.hpp"
#include "personas/design/read.hpp"

namespace personas::design {
namespace {

namespace bj = boost::json;
using store::Transaction;

Result<std::optional<Persona>> existing_of(Transaction& tx, const TenantId& tenant,
                                           const PersonaDraft& draft) {
  if (!draft.persona_id) return std::optional<Persona>();
  TRY(auto persona, store::find_persona(tx, tenant, *draft.persona_id));
  if (!persona) {
    return fail(ErrorCode::kNotFound,
                "The persona that this draft changes is gone; describe a "
                "new one with POST /api/personas/compile");
  }
  return persona;
}

template <class T>
bj::value to_value(const T& value) {
  return *codec::parse_json(codec::to_json(value));
}

// Triggers and connectors are wishes until somebody creates them; the persona keeps them.
bj::object design_context(const std::optional<Persona>& existing, const PersonaDraft& row,
                          const Draft& draft) {
  bj::object context;
  if (existing && existing->design_context) {
    if (auto before = codec::parse_json(existing->design_context->text);
        before && before->is_object()) {
      context = std::move(before->as_object());
    }
  }
  context["description"] = row.description;
  context["draftId"] = row.id.str();
  context["triggers"] = to_value(draft.triggers);
  context["connectors"] = to_value(draft.connectors);
  context["feasibility"] = to_value(draft.feasibility);
  return context;
}

bj::object tool_document(const DraftTool& tool) {
  bj::object document{{"kind", "Tool"},
                      {"name", tool.name.value_or("")},
                      {"category", tool.category},
                      {"description", tool.description},
                      {"implementationGuide", tool.implementation_guide}};
  if (tool.input_schema) document["inputSchema"] = tool.input_schema->text;
  if (tool.requires_credential_type) {
    document["requiresCredentialType"] = *tool.requires_credential_type;
  }
  return document;
}

Error conflict(const std::vector<Problem>& conflicts) {
  Error error{ErrorCode::kConflict, "The draft cannot be applied as it is: ", {}};
  for (std::size_t i = 0; i < conflicts.size(); ++i) {
    error.message += (i == 0 ? "" : "; ") + conflicts[i].message;
    error.fields.push_back({conflicts[i].path, conflicts[i].message});
  }
  return error;
}

Result<Draft> require_ready(const PersonaDraft& draft) {
  if (draft.status == DraftStatus::kReady && draft.draft) return parse_draft(*draft.draft);
  const std::string cure =
      draft.status == DraftStatus::kRunning
          ? "wait for its execution to end"
          : "revise it with POST /api/personas/drafts/" + draft.id.str() + "/revise";
  const auto status = codec::name_of(draft.status);
  if (draft.status == DraftStatus::kApplied) {
    return fail(ErrorCode::kConflict, "The draft is applied already, to persona " +
                                          (draft.persona_id ? draft.persona_id->str() : "?"));
  }
  return fail(ErrorCode::kUnprocessable, fmt::format("The draft is {}; {}", status, cure));
}

}  // namespace

Result<std::vector<Problem>> conflicts_of(Transaction& tx, const TenantId& tenant,
                                          const PersonaDraft& row, const Vocabulary& vocabulary,
                                          const ApplyOptions& options) {
  TRY(const auto draft, require_ready(row));
  TRY(const auto existing, existing_of(tx, tenant, row));
  TRY(const auto fields, codec::parse_json(draft.persona.text));
  std::vector<Problem> conflicts;
  const auto* own_name = fields.as_object().if_contains("name");
  const std::string name = options.name          ? *options.name
                           : own_name != nullptr ? std::string(own_name->as_string())
                           : existing            ? existing->name
                                                 : std::string();
  TRY(const auto holder, store::find_persona_by_name(tx, tenant, name));
  if (holder && (!existing || holder->id != existing->id)) {
    conflicts.push_back(
        {"/persona/name", fmt::format("the name '{}' is that of persona {}; give another \"name\" "
                                      "when applying",
                                      name, holder->id.str())});
  }
  const auto has = [](const std::vector<std::string>& names, const std::string& wanted) {
    return std::ranges::find(names, wanted) != names.end();
  };
  for (std::size_t i = 0; i < draft.tools.size(); ++i) {
    const auto& tool = draft.tools[i];
    if (tool.library && !has(vocabulary.tools, *tool.library) &&
        !has(vocabulary.library, *tool.library)) {
      conflicts.push_back({fmt::format("/tools/{}/library", i),
                           fmt::format("the tool '{}' is gone; revise the draft", *tool.library)});
    }
    if (tool.name && has(vocabulary.tools, *tool.name) &&
        options.taken_tools == ApplyOptions::TakenTools::kRefuse) {
      conflicts.push_back({fmt::format("/tools/{}/name", i),
                           fmt::format("there is a tool '{}' already; apply with \"reuseTools\": "
                                       "true to take that one",
                                       *tool.name)});
    }
  }
  return conflicts;
}

Result<std::vector<codec::RawJson>> documents_of(Transaction& tx, const TenantId& tenant,
                                                 const PersonaDraft& row,
                                                 const Vocabulary& vocabulary,
                                                 const ApplyOptions& options) {
  TRY(const auto conflicts, conflicts_of(tx, tenant, row, vocabulary, options));
  if (!conflicts.empty()) return fail(conflict(conflicts));
  TRY(const auto draft, require_ready(row));
  TRY(const auto existing, existing_of(tx, tenant, row));
  TRY(auto persona, codec::parse_json(draft.persona.text));
  auto& document = persona.as_object();
  if (existing) {
    document["id"] = existing->id.str();
    document.emplace("name", existing->name);
  }
  if (options.name) document["name"] = *options.name;
  document["designContext"] = design_context(existing, row, draft);
  std::vector<codec::RawJson> documents;
  bj::array names;
  for (const auto& tool : draft.tools) {
    const std::string& name = tool.library ? *tool.library : *tool.name;
    names.emplace_back(name);
    const bool taken = std::ranges::find(vocabulary.tools, name) != vocabulary.tools.end();
    if (!tool.library && !taken) {
      documents.push_back(codec::RawJson{codec::serialize(tool_document(tool))});
    }
  }
  document["tools"] = std::move(names);
  documents.push_back(codec::RawJson{codec::serialize(persona)});
  return documents;
}

}  // namespace personas::design
