// The claim of an attempt: won or lost in one transaction, with all that the assignment needs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "personas/agents/continuation.hpp"
#include "personas/base/id.hpp"
#include "personas/base/secret.hpp"
#include "personas/base/time.hpp"
#include "personas/execution/session_file.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/failure.hpp"
#include "personas/model/persona.hpp"
#include "personas/model/signals.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

struct ClaimRequest {
  TenantId tenant;
  ExecutionId id;
  std::int64_t attempt = 0;
  WorkerId worker;
  std::string worker_instance;  // empty: a seed worker
  NodeId node;
  Timestamp now;
  // Opens the session of an earlier attempt. Null: this worker cannot be given one.
  const Secret* session_key = nullptr;
};

// Why an attempt that was claimed cannot begin; its end is written without troubling a worker.
struct Refused {
  FailureReason reason = FailureReason::kUnknown;
  std::string message;
};

// Everything the assignment needs, read in the transaction that won the claim.
struct ClaimedRun {
  std::string prompt;
  std::optional<codec::RawJson> input_data;
  // The execution's over the persona's, with what is left of the budget.
  ExecutionConfig config;
  std::vector<CredentialId> credential_ids;
  // Set if the agent's own conversation is continued: it gets `continuation` alone, else after the
  // whole prompt.
  std::optional<std::string> session_id;
  std::vector<SessionFile> session;  // with it
  std::optional<agents::Continuation> continuation;
  std::optional<Persona> persona;
  std::vector<ToolDefinition> tools;
  std::vector<Memory> memories;
  bool cancel_requested = false;
  std::optional<Refused> refused;
};

// What the persona of a run brings into its prompt: its tools, and the memories that suit its task.
Result<void> load_belongings(store::Transaction& tx, const TenantId& tenant, Timestamp now,
                             ClaimedRun& run);

// nullopt: lost (not queued any more, or another attempt is on). A normal answer.
Result<std::optional<ClaimedRun>> claim(store::Transaction& tx, const ClaimRequest& request);

}  // namespace personas::execution
