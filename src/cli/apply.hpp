// `personas apply -f file.yaml`: personas and tools as files, made so on the server.
//
// Each YAML document is one of them: its `kind` (Persona, the default, or Tool) and the fields of
// the API. Everything is checked before anything is sent; what exists already is found by id or by
// name, and left alone when it is the same.
#pragma once

#include <string>
#include <vector>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

Task<Result<void>> apply(Context& context, std::vector<std::string> files, Format format);

}  // namespace personas::cli
