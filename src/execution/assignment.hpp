// Makes the `assign` frame of a run that has been claimed.
#pragma once

#include <vector>

#include "personas/agents/prompt.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/redactor.hpp"
#include "personas/execution/claim.hpp"
#include "personas/execution/dispatcher.hpp"
#include "personas/wire/frames.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::execution {

// What the prompt of a run is made of, save what only its launch knows; takes it from `run`.
// `variables` are the names of its secrets.
agents::PromptInput prompt_input(ClaimedRun& run, const std::vector<std::string>& variables,
                                 Timestamp now);

// kPayloadTooLarge if the assembled prompt is over its limit.
Result<wire::Assign> make_assign_frame(const effect::Claim& claim, ClaimedRun& run,
                                       const std::vector<NamedSecret>& secrets, Duration lease,
                                       Timestamp now, Random& random);

// The session's files as the frames that go before an assign.
std::vector<wire::SessionPart> session_frames(const wire::RunKey& run,
                                              const std::vector<SessionFile>& files);

// Whether the worker announced it (wire/protocol.hpp).
bool offers(const WorkerInfo& worker, std::string_view capability);

}  // namespace personas::execution
