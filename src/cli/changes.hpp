// Differences as a person reads them.
#pragma once

#include <string>
#include <vector>

#include "personas/catalog/types.hpp"
#include "personas/cli/terminal.hpp"

namespace personas::cli {

std::string show_changes(const Terminal& terminal,
                         const std::vector<catalog::FieldChange>& changes);

}  // namespace personas::cli
