// What the status tells of the tokens.
#pragma once

#include <map>
#include <string>

#include "personas/operations/credential_requests.hpp"
#include "personas/operations/operation.hpp"

namespace personas::operations {

// By provider.
Result<std::map<std::string, TokenState>> token_states(const Call& call, store::Transaction& tx);

}  // namespace personas::operations
