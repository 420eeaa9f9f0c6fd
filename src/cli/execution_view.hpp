// One execution, as the command line shows, names and judges it.
#pragma once

#include <string>

#include "personas/model/execution.hpp"

#include "api.hpp"

namespace personas::cli {

// Among so many of the newest, an abbreviated id is looked for.
inline constexpr int kRecentExecutions = 200;

// How it went, in one line, with reasons and what to do below; for standard error.
std::string summary(const Terminal& terminal, const Execution& execution);

// The exit code that an execution in this state means. Not final: that of kTimeout.
int exit_code(const Execution& execution);

// The whole id for "last", a whole id, or an unambiguous beginning or end of a recent one.
Task<Result<std::string>> resolve_execution(Api& api, std::string text);

}  // namespace personas::cli
