// Groups of personas.
#include "personas/catalog/group_store.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/operations/requests_described.hpp"

#include "reply.hpp"
#include "subjects.hpp"

namespace personas::operations {
namespace {

using catalog::Group;
using identity::Scope;

Result<Group> require_group(const Call& call, store::Transaction& tx) {
  const auto id = call.id<GroupId>(0);
  return require(catalog::find_group(tx, call.tenant(), id), "group", id.str());
}

Result<void> record_group(const Call& call, store::Transaction& tx, std::string_view type,
                          const Group& group) {
  return record_fact(call, tx, type, record::Named{group.id.str(), group.name});
}

Result<Reply> list_groups(Call& call, store::Transaction& tx) {
  TRY(const auto groups, catalog::list_groups(tx, call.tenant()));
  return list_reply(groups);
}

Result<Reply> create_group(Call& call, store::Transaction& tx) {
  Group group = call.body<Group>();
  if (group.id.empty()) group.id = GroupId::make(call.now, call.services.random);
  TRY(const auto existing, catalog::find_group(tx, call.tenant(), group.id));
  if (existing) {
    return fail(ErrorCode::kConflict, "There is a group '" + group.id.str() + "' already",
                {{"/id", "is the id of another group"}});
  }
  group.created_at = group.updated_at = call.now;
  TRY_VOID(catalog::insert_group(tx, call.tenant(), group));
  TRY_VOID(record_group(call, tx, record::kGroupCreated, group));
  return json_reply(201, group);
}

Result<Reply> get_group(Call& call, store::Transaction& tx) {
  TRY(const auto group, require_group(call, tx));
  return json_reply(200, group);
}

Result<Reply> patch_group(Call& call, store::Transaction& tx) {
  const auto id = call.id<GroupId>(0);
  TRY(auto group, require_group(call, tx));
  TRY_VOID(merge_body(call, group));
  TRY_VOID(same_id(group.id, id));
  group.id = id;
  group.updated_at = call.now;
  TRY_VOID(catalog::update_group(tx, call.tenant(), group));
  TRY_VOID(record_group(call, tx, record::kGroupUpdated, group));
  return json_reply(200, group);
}

Result<Reply> delete_group(Call& call, store::Transaction& tx) {
  TRY(const auto group, require_group(call, tx));
  TRY_VOID(catalog::delete_group(tx, call.tenant(), group.id));
  TRY_VOID(record_group(call, tx, record::kGroupDeleted, group));
  return empty_reply();
}

}  // namespace

void add_groups(Table& table) {
  table.push_back({.id = "listGroups",
                   .method = "GET",
                   .path = "/api/groups",
                   .summary = "List the groups of personas, in their order",
                   .tag = "Groups",
                   .output = list<Group>(),
                   .handler = &list_groups});
  table.push_back({.id = "createGroup",
                   .method = "POST",
                   .path = "/api/groups",
                   .summary = "Create a group of personas",
                   .tag = "Groups",
                   .scope = Scope::kWrite,
                   .body = input<Group>(),
                   .example = R"({"name": "Mail"})",
                   .output = one<Group>(),
                   .status = 201,
                   .errors = {ErrorCode::kConflict, ErrorCode::kUnprocessable},
                   .handler = Write{&create_group}});
  table.push_back({.id = "getGroup",
                   .method = "GET",
                   .path = "/api/groups/{id}",
                   .summary = "Get a group",
                   .tag = "Groups",
                   .output = one<Group>(),
                   .errors = {ErrorCode::kNotFound},
                   .handler = &get_group});
  table.push_back({.id = "updateGroup",
                   .method = "PATCH",
                   .path = "/api/groups/{id}",
                   .summary = "Change some fields of a group; what is absent stays",
                   .tag = "Groups",
                   .scope = Scope::kWrite,
                   .body = input<Group>(InputType::Form::kPartial),
                   .output = one<Group>(),
                   .errors = {ErrorCode::kNotFound, ErrorCode::kConflict},
                   .handler = Write{&patch_group}});
  table.push_back({.id = "deleteGroup",
                   .method = "DELETE",
                   .path = "/api/groups/{id}",
                   .summary = "Delete a group; its personas stay, without a group",
                   .tag = "Groups",
                   .scope = Scope::kWrite,
                   .status = 204,
                   .errors = {ErrorCode::kNotFound},
                   .handler = Write{&delete_group}});
}

}  // namespace personas::operations
