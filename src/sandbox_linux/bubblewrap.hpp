// bubblewrap: its arguments, and whether it works on this machine. Private.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "personas/sandbox/sandbox.hpp"
#include "personas/sandbox_linux/sandbox_linux.hpp"

#include "folder.hpp"

namespace personas::sandbox_linux {

// The options, each ended by NUL, for `--args FD`: with them the environment stays out of argv.
// `program` (absolute) is made readable where it is, with what a script of Node's needs.
std::string bubblewrap_arguments(const IsolationProbe& probe, const sandbox::Policy& policy,
                                 const Folder& folder, const std::string& program,
                                 const std::map<std::string, std::string>& environment);

// An executable file named `name` on the colon-separated `path`; a name with a slash is taken as it
// is. Empty if there is none.
std::string find_program(const std::string& name, const std::string& path);

}  // namespace personas::sandbox_linux
