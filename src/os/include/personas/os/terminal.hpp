// The terminal a person sits at. Blocking; for the commands of the command line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"

namespace personas::os {

inline constexpr std::size_t kMaxTyped = 64 * 1024;
inline constexpr std::size_t kMaxShown = 1024 * 1024;  // kept of what a program shows, its end

// Asks at the controlling terminal; what is typed is not shown. kUnavailable without a terminal,
// kCancelled when the person ends the input instead.
Result<Secret> ask_hidden(std::string_view question);

// Runs a program at this terminal as if it had been started there, and returns what it showed. The
// program is an absolute path and gets exactly `environment`.
Result<Secret> run_at_terminal(const std::vector<std::string>& command,
                               const std::map<std::string, std::string>& environment);

}  // namespace personas::os
