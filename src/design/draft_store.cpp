// Drafts as rows.
#include "personas/design/draft_store.hpp"

#include "personas/store/row_sql.hpp"

namespace personas::design {

using store::Row;
using store::Sql;
using store::Transaction;

Result<void> insert_draft(Transaction& tx, const TenantId& tenant, const PersonaDraft& draft) {
  static const Sql kCount("SELECT COUNT(*) FROM persona_drafts WHERE tenant_id = ?");
  static const Sql kInsert(store::insert<PersonaDraft>("persona_drafts"));
  std::int64_t count = 0;
  TRY_VOID(tx.query(kCount, {tenant}, [&](const Row& row) -> Result<bool> {
    count = row.integer(0);
    return false;
  }));
  if (count >= kMaxDrafts) {
    return fail(ErrorCode::kUnavailable,
                "There are too many drafts; delete some with DELETE /api/personas/drafts/{id}");
  }
  TRY_VOID(tx.execute_cells(kInsert, store::cells_of(tenant, draft)));
  return {};
}

Result<std::optional<PersonaDraft>> find_draft(Transaction& tx, const TenantId& tenant,
                                               const DraftId& id) {
  static const Sql kFind(store::select<PersonaDraft>("persona_drafts") +
                         " WHERE tenant_id = ? AND id = ?");
  return tx.find<PersonaDraft>(kFind, {tenant, id});
}

Result<std::vector<PersonaDraft>> list_drafts(Transaction& tx, const TenantId& tenant,
                                              const store::Page& page) {
  static const Sql kList(store::select<PersonaDraft>("persona_drafts") +
                         " WHERE tenant_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
  TRY(auto drafts, tx.list<PersonaDraft>(kList, {tenant, page.after.value_or("\x7f"), page.limit}));
  for (auto& draft : drafts) draft.draft.reset();
  return drafts;
}

Result<void> update_draft(Transaction& tx, const TenantId& tenant, const PersonaDraft& draft) {
  static const Sql kUpdate(store::update<PersonaDraft>("persona_drafts"));
  TRY_VOID(tx.execute_cells(kUpdate, store::cells_and_key(tenant, draft)));
  return {};
}

Result<bool> delete_draft(Transaction& tx, const TenantId& tenant, const DraftId& id) {
  static const Sql kDelete("DELETE FROM persona_drafts WHERE tenant_id = ? AND id = ?");
  TRY(const auto deleted, tx.execute(kDelete, {tenant, id}));
  return deleted > 0;
}

Result<Vocabulary> vocabulary_of(Transaction& tx, const TenantId& tenant) {
  static const Sql kTools("SELECT name FROM tool_definitions WHERE tenant_id = ? ORDER BY name");
  static const Sql kConnectors(
      "SELECT DISTINCT service_type FROM credentials WHERE tenant_id = ? ORDER BY service_type");
  Vocabulary vocabulary;
  TRY_VOID(tx.query(kTools, {tenant}, [&](const Row& row) -> Result<bool> {
    vocabulary.tools.emplace_back(row.text(0));
    return true;
  }));
  TRY_VOID(tx.query(kConnectors, {tenant}, [&](const Row& row) -> Result<bool> {
    vocabulary.connectors.emplace_back(row.text(0));
    return true;
  }));
  return vocabulary;
}

}  // namespace personas::design
