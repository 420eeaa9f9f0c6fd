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
using store::Sql;
using store::Transaction;

Result<std::optional<ToolDefinition>> find_tool(Transaction& tx, const TenantId& tenant,
                                                std::string_view name) {
  static const Sql kFind("SELECT " + codec::columns<ToolDefinition>() +
                         " FROM tool_definitions WHERE tenant_id = ? AND name = ?");
  return tx.find<ToolDefinition>(kFind, {tenant, name});
}

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
codec::JsonText design_context(const std::optional<Persona>& existing, const PersonaDraft& row,
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
  return codec::JsonText{codec::serialize(context)};
}

ToolDefinition new_tool(const DraftTool& tool) {
  ToolDefinition definition;
  definition.name = tool.name.value_or("");
  definition.category = tool.category;
  definition.description = tool.description;
  definition.implementation_guide = tool.implementation_guide;
  definition.input_schema = tool.input_schema;
  definition.requires_credential_type = tool.requires_credential_type;
  return definition;
}

Error conflict(const std::vector<Problem>& conflicts) {
  Error error{ErrorCode::kConflict, "The draft cannot be applied as it is: ", {}};
  for (std::size_t i = 0; i < conflicts.size(); ++i) {
    error.message += (i == 0 ? "" : "; ") + conflicts[i].message;
    error.fields.push_back({conflicts[i].path, conflicts[i].message});
  }
  return error;
}

// Tools that the persona has and the draft no longer lists.
Result<std::vector<ToolId>> dropped(Transaction& tx, const TenantId& tenant,
                                    const std::optional<Persona>& existing, const Draft& draft) {
  std::vector<ToolId> ids;
  if (!existing) return ids;
  TRY(const auto tools, store::tools_of(tx, tenant, existing->id));
  for (const auto& tool : tools) {
    const bool kept = std::ranges::any_of(draft.tools, [&tool](const DraftTool& wanted) {
      return wanted.library == tool.name || wanted.name == tool.name;
    });
    if (!kept) ids.push_back(tool.id);
  }
  return ids;
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
                                          const PersonaDraft& row, const ApplyOptions& options) {
  TRY(const auto draft, require_ready(row));
  TRY(const auto existing, existing_of(tx, tenant, row));
  TRY(const auto persona, resulting_persona(draft, existing));
  std::vector<Problem> conflicts;
  const std::string name = options.name.value_or(persona.name);
  TRY(const auto holder, store::find_persona_by_name(tx, tenant, name));
  if (holder && (!existing || holder->id != existing->id)) {
    conflicts.push_back(
        {"/persona/name", fmt::format("the name '{}' is that of persona {}; give another \"name\" "
                                      "when applying",
                                      name, holder->id.str())});
  }
  for (std::size_t i = 0; i < draft.tools.size(); ++i) {
    const auto& tool = draft.tools[i];
    TRY(const auto found, find_tool(tx, tenant, tool.library ? *tool.library : *tool.name));
    if (tool.library && !found) {
      conflicts.push_back({fmt::format("/tools/{}/library", i),
                           fmt::format("the tool '{}' is gone; revise the draft", *tool.library)});
    }
    if (!tool.library && found && options.taken_tools == ApplyOptions::TakenTools::kRefuse) {
      conflicts.push_back({fmt::format("/tools/{}/name", i),
                           fmt::format("there is a tool '{}' already; apply with \"reuseTools\": "
                                       "true to take that one",
                                       *tool.name)});
    }
  }
  return conflicts;
}

Result<Plan> plan_apply(Transaction& tx, const TenantId& tenant, const PersonaDraft& row,
                        const ApplyOptions& options) {
  TRY(const auto draft, require_ready(row));
  TRY(const auto conflicts, conflicts_of(tx, tenant, row, options));
  if (!conflicts.empty()) return fail(conflict(conflicts));
  TRY(const auto existing, existing_of(tx, tenant, row));
  Plan plan;
  plan.is_new = !existing;
  TRY(plan.persona, resulting_persona(draft, existing));
  if (options.name) plan.persona.name = *options.name;
  plan.persona.design_context = design_context(existing, row, draft);
  for (const auto& tool : draft.tools) {
    TRY(const auto found, find_tool(tx, tenant, tool.library ? *tool.library : *tool.name));
    if (found) {
      plan.links.push_back(found->id);
    } else {
      plan.new_tools.push_back(new_tool(tool));
    }
  }
  TRY(plan.unlinks, dropped(tx, tenant, existing, draft));
  return plan;
}

}  // namespace personas::design
