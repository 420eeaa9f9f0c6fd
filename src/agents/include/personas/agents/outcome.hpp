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

struct ProgramFailure {
  FailureReason reason = FailureReason::kUnknown;
  // With kProviderQuota, if the provider or the CLI said when it can go on.
  std::optional<Timestamp> quota_resets_at = {};
};

// Nothing if the run succeeded. `now` is when it ended: "resets 3pm" is meant from there.
std::optional<ProgramFailure> failure_of(const ProgramEnd& end, Timestamp now);
// The reason alone.
std::optional<FailureReason> classify(const ProgramEnd& end);

}  // namespace personas::agents
