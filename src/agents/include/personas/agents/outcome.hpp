// Why an agent's run failed, from what its program left behind. Runs that the worker ended itself
// (time, output, lease, cancel) are known to it; they are not asked here.
#pragma once

#include <optional>
#include <string_view>

#include "personas/agents/stream.hpp"
#include "personas/model/failure.hpp"

namespace personas::agents {

struct ProgramEnd {
  OutputFormat format = OutputFormat::kClaudeStreamJson;
  const Final* final = nullptr;  // the last line of stream-json, if there was one
  int exit_code = 0;
  std::optional<int> signal = {};
  std::string_view stderr_tail = {};
};

// Nothing if the run succeeded.
std::optional<FailureReason> classify(const ProgramEnd& end);

}  // namespace personas::agents
