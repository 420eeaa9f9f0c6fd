// Tool definitions.
#include "personas/model/journal_records.hpp"
#include "personas/model/persona.hpp"
#include "personas/operations/requests_described.hpp"
#include "personas/store/repositories.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using identity::Scope;

Result<ToolDefinition> require_tool(const Call& call, store::Transaction& tx, const ToolId& id) {
  return require(store::find_tool(tx, call.tenant(), id), "tool definition", id.str());
}

Result<void> record_tool(const Call& call, store::Transaction& tx, std::string_view type,
                         const ToolDefinition& tool) {
  return record_fact(call, tx, type, record::Named{tool.id.str(), tool.name});
}

Error with_name_in_use(Error error, const ToolDefinition& tool) {
  if (error.code != ErrorCode::kConflict) return error;
  return {ErrorCode::kConflict,
          "Another tool definition is named '" + tool.name + "'",
          {{"/name", "is the name of another tool definition"}}};
}

Result<Reply> replace_with(Call& call, store::Transaction& tx, const ToolDefinition& existing) {
  ToolDefinition tool = call.body<ToolDefinition>();
  tool.id = existing.id;
  tool.created_at = existing.created_at;
  tool.updated_at = call.now;
  const auto updated = store::update_tool(tx, call.tenant(), tool);
  if (!updated) return fail(with_name_in_use(updated.error(), tool));
  TRY_VOID(record_tool(call, tx, record::kToolUpdated, tool));
  return json_reply(200, tool);
}

Result<Reply> list_tools(Call& call, store::Transaction& tx) {
  const auto& query = call.query<PageQuery>();
  TRY(const auto page, page_of(call, query.limit, query.cursor));
  TRY(auto rows, store::list_tools(tx, call.tenant(), page));
  return page_reply(call, std::move(rows), query.limit);
}

Result<Reply> create_tool(Call& call, store::Transaction& tx) {
  ToolDefinition tool = call.body<ToolDefinition>();
  if (tool.id.empty()) {
    tool.id = ToolId::make(call.now, call.services.random);
  } else {
    TRY(const auto existing, store::find_tool(tx, call.tenant(), tool.id));
    if (existing) return replace_with(call, tx, *existing);
  }
  tool.created_at = tool.updated_at = call.now;
  const auto inserted = store::insert_tool(tx, call.tenant(), tool);
  if (!inserted) return fail(with_name_in_use(inserted.error(), tool));
  TRY_VOID(record_tool(call, tx, record::kToolCreated, tool));
  return json_reply(201, tool);
}

Result<Reply> get_tool(Call& call, store::Transaction& tx) {
  TRY(const auto tool, require_tool(call, tx, call.id<ToolId>(0)));
  return json_reply(200, tool);
}

Result<Reply> replace_tool(Call& call, store::Transaction& tx) {
  const auto id = call.id<ToolId>(0);
  TRY_VOID(same_id(call.body<ToolDefinition>().id, id));
  TRY(const auto existing, require_tool(call, tx, id));
  return replace_with(call, tx, existing);
}

Result<Reply> delete_tool(Call& call, store::Transaction& tx) {
  TRY(const auto tool, require_tool(call, tx, call.id<ToolId>(0)));
  TRY_VOID(store::delete_tool(tx, call.tenant(), tool.id));
  TRY_VOID(record_tool(call, tx, record::kToolDeleted, tool));
  return empty_reply();
}

}  // namespace

void add_tools(Table& table) {
  table.push_back({.id = "listToolDefinitions",
                   .method = "GET",
                   .path = "/api/tool-definitions",
                   .summary = "List tool definitions",
                   .tag = "Tools",
                   .query = input<PageQuery>(),
                   .output = page<ToolDefinition>(),
                   .handler = &list_tools});
  table.push_back(
      {.id = "createToolDefinition",
       .method = "POST",
       .path = "/api/tool-definitions",
       .summary = "Create a tool definition, or replace the one with the given id",
       .tag = "Tools",
       .scope = Scope::kWrite,
       .body = input<ToolDefinition>(),
       .example = R"({"name": "changelog", "implementationGuide": "git log --oneline"})",
       .output = one<ToolDefinition>(),
       .status = 201,
       .errors = {ErrorCode::kConflict},
       .other_successes = {{200, one<ToolDefinition>()}},
       .handler = Write{&create_tool}});
  table.push_back({.id = "getToolDefinition",
                   .method = "GET",
                   .path = "/api/tool-definitions/{id}",
                   .summary = "Get a tool definition",
                   .tag = "Tools",
                   .output = one<ToolDefinition>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_tool});
  table.push_back({.id = "replaceToolDefinition",
                   .method = "PUT",
                   .path = "/api/tool-definitions/{id}",
                   .summary = "Replace a tool definition; what is absent takes its default",
                   .tag = "Tools",
                   .scope = Scope::kWrite,
                   .body = input<ToolDefinition>(),
                   .output = one<ToolDefinition>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&replace_tool}});
  table.push_back({.id = "deleteToolDefinition",
                   .method = "DELETE",
                   .path = "/api/tool-definitions/{id}",
                   .summary = "Delete a tool definition; personas lose it",
                   .tag = "Tools",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_tool}});
}

}  // namespace personas::operations
