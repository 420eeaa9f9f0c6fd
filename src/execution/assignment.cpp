#include "assignment.hpp"

#include <algorithm>

#include "personas/agents/prompt.hpp"
#include "personas/base/bytes.hpp"
#include "personas/execution/attempt_store.hpp"
#include "personas/wire/protocol.hpp"

namespace personas::execution {
namespace {

constexpr std::string_view kConnectorPrefix = "CONNECTOR_";

}  // namespace

agents::PromptInput prompt_input(ClaimedRun& run, const std::vector<std::string>& variables,
                                 Timestamp now) {
  agents::PromptInput input;
  input.persona = std::move(run.persona);
  input.tools = std::move(run.tools);
  input.memories = std::move(run.memories);
  // Not the provider's own token: it is the CLI's, not the agent's.
  for (const auto& name : variables) {
    if (name.starts_with(kConnectorPrefix)) input.credential_names.push_back(name);
  }
  if (run.input_data) input.input_data = run.input_data->text;
  input.time = now;
  input.prompt = std::move(run.prompt);
  return input;
}

Result<wire::Assign> make_assign_frame(const effect::Claim& claim, ClaimedRun& run,
                                       const std::vector<NamedSecret>& secrets, Duration lease,
                                       Timestamp now, Random& random) {
  wire::Assign frame;
  frame.execution_id = claim.entry.id.str();
  frame.attempt = claim.attempt;
  frame.lease_ms = to_millis(lease);
  if (!claim.entry.persona.empty()) frame.persona_id = claim.entry.persona.str();

  const auto& config = run.config;
  frame.config.timeout_ms = config.timeout_ms.value_or(kDefaultTimeoutMs);
  frame.config.idle_timeout_ms = config.idle_timeout_ms;
  frame.config.max_output_bytes = config.max_output_bytes.value_or(kDefaultMaxOutputBytes);
  frame.config.max_budget_usd = config.max_budget_usd;
  frame.config.max_turns = config.max_turns;
  frame.config.model = config.model;
  frame.config.backend = config.backend.value_or(claim.entry.backend);
  frame.config.network_policy = config.network_policy;
  frame.permission_policy = config.permission_policy;
  frame.resume_session_id = run.session_id;

  std::vector<std::string> variables;
  frame.secrets.emplace();
  for (const auto& secret : secrets) {
    frame.env[secret.name] = std::string(secret.value.reveal());
    variables.push_back(secret.name);
    if (secret.masked == Masked::kYes) frame.secrets->push_back(secret.name);
  }

  if (run.session_id && run.continuation) {
    frame.prompt = agents::continuation_prompt(*run.continuation, random);
    return frame;
  }
  agents::PromptInput input = prompt_input(run, variables, now);
  input.backend = *frame.config.backend;
  input.continuation = std::move(run.continuation);
  TRY(frame.prompt, agents::assemble_prompt(input, random));
  return frame;
}

std::vector<wire::SessionPart> session_frames(const wire::RunKey& run,
                                              const std::vector<SessionFile>& files) {
  std::vector<wire::SessionPart> frames;
  for (const auto& file : files) {
    for (std::size_t at = 0; at < file.content.size(); at += wire::kMaxSessionPiece) {
      const auto piece = std::string_view(file.content).substr(at, wire::kMaxSessionPiece);
      frames.push_back({run.execution.str(), run.attempt, file.path, static_cast<std::int64_t>(at),
                        to_base64(as_bytes(piece))});
    }
  }
  return frames;
}

bool offers(const WorkerInfo& worker, std::string_view capability) {
  const auto& offered = worker.capabilities;
  return std::find(offered.begin(), offered.end(), capability) != offered.end();
}

}  // namespace personas::execution
