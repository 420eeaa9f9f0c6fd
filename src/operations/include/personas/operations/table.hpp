// The table of operations.
#pragma once

#include <span>

#include "personas/operations/operation.hpp"

namespace personas::operations {

// All there are; the same objects at every call.
std::span<const Operation> all_operations();

}  // namespace personas::operations
