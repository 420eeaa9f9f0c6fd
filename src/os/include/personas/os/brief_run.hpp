// Programs that are asked one short question ("which version are you?"), side by side. Blocking;
// for start-up and for diagnosis. Agents are run by a sandbox, not here.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "personas/base/time.hpp"

namespace personas::os {

inline constexpr std::size_t kMaxBriefOutput = 4 * 1024;  // of each program, then cut

struct BriefRun {
  enum class Ending { kExited, kSignalled, kTimedOut, kNotStarted } ending = Ending::kNotStarted;
  int code = 0;  // exit code, signal, or errno of the start
  std::string out;
  std::string err;
};

// Each command gets exactly `environment`, no input, a process group of its own, and is killed with
// its group after `limit`. A command is an absolute path and its arguments; the answers stand in
// the order of the commands.
std::vector<BriefRun> run_briefly(const std::vector<std::vector<std::string>>& commands,
                                  const std::map<std::string, std::string>& environment,
                                  Duration limit);

}  // namespace personas::os
