// Starts the supervisor of one attempt and holds our ends of what connects us. Private.
#pragma once

#include <string>
#include <sys/types.h>

#include "personas/base/error.hpp"
#include "personas/sandbox_linux/sandbox_linux.hpp"

#include "channel.hpp"
#include "fd.hpp"

namespace personas::sandbox_linux {

struct Launched {
  pid_t pid = 0;  // registered as a supervisor; unregister after reaping
  Fd process;     // pidfd
  Fd control;
  Fd agent_stdin;   // write end, all of ours non-blocking
  Fd agent_stdout;  // read ends
  Fd agent_stderr;
};

Result<Launched> launch_supervisor(const SandboxOptions& options, const std::string& label,
                                   const Plan& plan, int folder_lock);

// An anonymous file in memory that holds `content`, read from its start.
Result<Fd> memory_file(const char* name, std::string_view content);

}  // namespace personas::sandbox_linux
