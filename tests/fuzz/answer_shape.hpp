// Whether the body of an answer is what its operation's row says, by the described types alone.
#pragma once

#include <string>
#include <string_view>

#include "personas/operations/operation.hpp"

namespace personas::fuzz {

// Empty if all is well; else what is wrong and where.
std::string wrong_with(const operations::Operation& operation, int status, std::string_view body);

}  // namespace personas::fuzz
