// The health check of a connector as a program for a worker. Pure.
//
// A check talks to a host that somebody typed in, with a secret. So it never runs in the
// orchestrator: it is an execution like any other, with the credential in its environment, and its
// result is its outcome. The script holds names of variables and constants of the connector, never
// a value; values go through files of the private working directory, not through arguments.
#pragma once

#include <string>
#include <string_view>

#include "personas/base/error.hpp"
#include "personas/catalog/types.hpp"
#include "personas/model/credential.hpp"

namespace personas::catalog {

// For /bin/sh with curl. `variable_of` names the environment variable of a field. kUnprocessable if
// the connector has no check, or the credential lacks a field it needs.
Result<std::string> check_script(const Connector& connector, const Credential& credential,
                                 std::string (*variable_of)(std::string_view credential,
                                                            std::string_view field));

}  // namespace personas::catalog
