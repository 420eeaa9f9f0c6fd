// What the exit codes of commands that run or follow something mean; for help, the man page and
// docs/command-line.md.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "personas/cli/commands.hpp"

namespace personas::cli {

struct ExitCode {
  int code;
  std::string_view meaning;
};

inline constexpr std::array kExitCodes{
    ExitCode{kExitDone, "done: the execution completed, and accomplished what it was for"},
    ExitCode{kExitFailed, "the execution failed (of doctor: there is a problem)"},
    ExitCode{kExitUsage, "the command line is wrong"},
    ExitCode{kExitCancelled, "the execution was cancelled"},
    ExitCode{kExitNotAccomplished, "the execution completed without accomplishing it"},
    ExitCode{kExitDetached, "left by Ctrl-C; the execution goes on"},
    ExitCode{kExitNeedsAnswer, "--wait is over; the execution waits for a person's answer"},
    ExitCode{64, "what was asked for is not valid"},
    ExitCode{66, "there is no such thing"},
    ExitCode{69, "the server cannot be reached"},
    ExitCode{75, "--wait is over and the execution goes on; or try again later"},
    ExitCode{77, "the key is missing or wrong"},
    ExitCode{78, "the configuration is not valid"}};

inline std::string exit_code_help() {
  std::string out = "Exit codes:\n";
  for (const auto& row : kExitCodes) out += fmt::format("  {:<3} {}\n", row.code, row.meaning);
  return out;
}

}  // namespace personas::cli
