// Rows of diagnoses: at most one per execution, of its latest attempt that needed one.
#pragma once

#include <optional>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/model/diagnosis.hpp"
#include "personas/store/repositories.hpp"
#include "personas/store/store.hpp"

namespace personas::store {

// In place of an earlier attempt's.
Result<void> save_diagnosis(Transaction& tx, const TenantId& tenant, const Diagnosis& diagnosis);
Result<std::optional<Diagnosis>> find_diagnosis(Transaction& tx, const TenantId& tenant,
                                                const ExecutionId& execution);
// Newest execution first; `page.after` is an execution's id.
Result<std::vector<Diagnosis>> list_diagnoses(Transaction& tx, const TenantId& tenant,
                                              std::optional<DiagnosisStatus> status,
                                              const Page& page);

}  // namespace personas::store
