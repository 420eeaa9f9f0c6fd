// The short commands: cancel and status.
#pragma once

#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

Task<Result<void>> cancel(Context& context, std::string execution, Format format);

// Workers, queue, and why queued executions wait.
Task<Result<void>> status(Context& context, Format format);

}  // namespace personas::cli
