// Our own process: how it is hardened, what it was given, where it lives.
#pragma once

#include <map>
#include <string>

#include "personas/base/error.hpp"

namespace personas::os {

// Called once at start, before other threads: a closed pipe is an error and not a death, a crash
// leaves no core file with secrets in it, and other processes of the same user cannot read our
// memory.
void harden_process();

// A worker is a connection and a connection is a descriptor; the usual soft limit of 1,024 is for
// programs of one user. Not more than this: some programs, agents among them, walk all they may
// have.
inline constexpr unsigned long kWantedDescriptors = 65'536;
void raise_descriptor_limit();

// A copy of the environment; later changes do not show.
std::map<std::string, std::string> environment();

// Absolute path of the running executable, also after it was replaced on disk.
Result<std::string> self_executable();

}  // namespace personas::os
