// From a run's end to its cause and cure. Pure: the caller stores it, and applies the fix if it is
// told to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/model/diagnosis.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/persona.hpp"

namespace personas::agents {

struct EndedRun {
  ExecutionStatus status = ExecutionStatus::kFailed;
  std::optional<FailureReason> reason = {};
  std::string message = {};         // masked already
  std::optional<Persona> persona = {};
  ExecutionConfig config = {};      // as it ran: the execution's over the persona's
  std::optional<Outcome> outcome = {};
  std::vector<std::string> denied_tools = {};  // by the permission policy
  // Whether it called tools, and so may have acted outside.
  bool used_tools = false;
};

struct Finding {
  std::string cause;
  std::string explanation;
  std::optional<std::string> evidence;
  Fix fix;
};

// Nothing for runs that did their work, and for those that somebody cancelled.
std::optional<Finding> diagnose(const EndedRun& run);

}  // namespace personas::agents
