// What worker and supervisor say to each other. Private.
//
// The plan (with the environment, hence secrets) is handed over in a memfd: never in argv, never in
// a file. Commands and reports are fixed structs over a SOCK_SEQPACKET pair, one per packet; both
// ends run the same build, which the plan's version checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"

namespace personas::sandbox_linux {

// The supervisor's descriptors.
inline constexpr int kControlFd = 3;
inline constexpr int kPlanFd = 4;
inline constexpr int kAgentStdinFd = 5;
inline constexpr int kAgentStdoutFd = 6;
inline constexpr int kAgentStderrFd = 7;
inline constexpr int kFolderLockFd = 8;  // held open: the folder is in use until we end
inline constexpr int kFirstUnusedFd = 9;

// The descriptors that bubblewrap gets beside 0, 1, 2; it closes both before the agent starts.
inline constexpr int kBubblewrapArgumentsFd = 3;
inline constexpr int kBubblewrapStatusFd = 4;

struct Plan {
  std::string program;  // absolute
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=value
  std::string working_directory;
  std::string bubblewrap_arguments;  // each ended by NUL; empty: `program` is the agent itself
  std::int64_t lease_until = 0;      // CLOCK_BOOTTIME, microseconds
  std::int64_t wall_limit = 0;       // microseconds from start; 0: none
  std::int64_t max_file_bytes = 0;   // 0: as inherited
  std::int64_t max_processes = 0;
  std::int64_t max_data_bytes = 0;
};

std::string encode(const Plan& plan);
Result<Plan> decode(std::string_view text);

enum class CommandKind : std::uint32_t { kRenew = 1, kKill = 2 };
struct Command {
  CommandKind kind{};
  std::uint32_t unused = 0;
  std::int64_t lease_until = 0;
};

enum class ReportKind : std::uint32_t { kStarted = 1, kRefused = 2, kGone = 3 };
enum class Cause : std::uint32_t { kNone, kAgentEnded, kCommand, kLease, kWallLimit, kWorkerLost };
enum class Stage : std::uint32_t { kNone, kPlan, kSetup, kFork, kLimits, kWorkspace, kExec };
struct Report {
  ReportKind kind{};
  Cause cause{};                // kGone: what ended it
  std::int32_t pid = 0;         // kStarted
  std::int32_t status = 0;      // kGone: wait status of the direct child
  Stage stage{};                // kRefused
  std::int32_t error = 0;       // kRefused: errno
  std::uint32_t agent_ran = 0;  // kGone: 0 if bubblewrap did not get as far as the agent
};

}  // namespace personas::sandbox_linux
