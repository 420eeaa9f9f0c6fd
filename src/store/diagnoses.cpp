#include "personas/store/diagnoses.hpp"

#include "repository_rows.hpp"

namespace personas::store {

Result<void> save_diagnosis(Transaction& tx, const TenantId& tenant, const Diagnosis& diagnosis) {
  static const Sql kForget("DELETE FROM diagnoses WHERE tenant_id = ? AND execution_id = ?");
  static const Sql kInsert(insert<Diagnosis>("diagnoses"));
  TRY_VOID(tx.execute(kForget, {tenant, diagnosis.execution_id}));
  TRY_VOID(tx.execute_cells(kInsert, cells_of(tenant, diagnosis)));
  return {};
}

Result<std::optional<Diagnosis>> find_diagnosis(Transaction& tx, const TenantId& tenant,
                                                const ExecutionId& execution) {
  static const Sql kFind(select<Diagnosis>("diagnoses") +
                         " WHERE tenant_id = ? AND execution_id = ?");
  return tx.find<Diagnosis>(kFind, {tenant, execution});
}

Result<std::vector<Diagnosis>> list_diagnoses(Transaction& tx, const TenantId& tenant,
                                              std::optional<DiagnosisStatus> status,
                                              const Page& page) {
  static const Sql kList(select<Diagnosis>("diagnoses") +
                         " WHERE tenant_id = ? AND execution_id < ? AND (? = '' OR status = ?) "
                         "ORDER BY execution_id DESC LIMIT ?");
  constexpr const char* kAfterAllIds = "\x7f";
  const std::string wanted = status ? std::string(codec::name_of(*status)) : std::string();
  return tx.list<Diagnosis>(
      kList, {tenant, page.after.value_or(kAfterAllIds), wanted, wanted, page.limit});
}

}  // namespace personas::store
