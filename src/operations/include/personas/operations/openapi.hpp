// OpenAPI 3.1 of a table of operations.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "personas/operations/operation.hpp"

namespace personas::operations {

boost::json::object openapi_document(std::span<const Operation> table, std::string_view version);

// The parameters of a path pattern: "/a/{id}" → "id".
std::vector<std::string> path_parameters(std::string_view pattern);

}  // namespace personas::operations
