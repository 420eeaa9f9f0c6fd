// The scenarios of a persona as its document lists them. All or nothing, like the rest of an
// import.
#pragma once

#include <vector>

#include "personas/catalog/types.hpp"
#include "personas/evaluation/scenario.hpp"
#include "personas/operations/catalog_requests.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

// Makes them so, unless it is a dry run; returns what differs, as changes of "tests.<name>". With
// kReplace those that are not listed go.
Result<std::vector<catalog::FieldChange>> import_tests(
    Call& call, store::Transaction& tx, const PersonaId& persona,
    const std::vector<evaluation::Scenario>& wanted, const ImportBody& body);

}  // namespace personas::operations
