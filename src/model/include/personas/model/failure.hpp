// The closed list of reasons for which an attempt can fail, each with its cure.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "personas/codec/described.hpp"

namespace personas {

enum class FailureReason : std::uint8_t {
  kAgentExit,
  kAgentSignal,
  kAgentNotFound,
  kAgentNotAuthenticated,
  kBackendUnknown,
  kTimeout,
  kIdleTimeout,
  kOutputLimit,
  kTurnLimit,
  kBudgetExceeded,
  kProviderQuota,
  kProviderError,
  kProtocolError,
  kPromptTooLarge,
  kPersonaMissing,
  kPersonaDisabled,
  kCredentialMissing,
  kSandboxUnavailable,
  kWorkspaceError,
  kWorkerLost,
  kLeaseExpired,
  kWorkerShutdown,
  kWorkerError,
  kReviewExpired,
  kCancelled,
  kRejectedByWorker,
  kSessionLost,
  kToolDenied,
  kModelUnavailable,
  kParkedTooOften,
  kUnknown,
};

// Losses of our own machinery are always tried again (three attempts unless the persona says
// otherwise). What the agent itself did wrong is tried again only if the persona asks for it: a
// second run costs money and may repeat outside effects.
enum class Retryable : std::uint8_t { kNo, kIfAsked, kAlways };

struct FailureReasonInfo {
  FailureReason reason;
  std::string_view name;        // stable wire name
  std::string_view what_to_do;  // a sentence for whoever looks at the failed run
  Retryable retryable;
};

// One row per reason, in enum order.
inline constexpr std::array kFailureReasons = {
    FailureReasonInfo{FailureReason::kAgentExit, "agent_exit",
                      "The agent program ended with an error; read the end of its output.",
                      Retryable::kIfAsked},
    FailureReasonInfo{FailureReason::kAgentSignal, "agent_signal",
                      "The agent program was killed, perhaps for memory; give the worker more or "
                      "lower maxConcurrent.",
                      Retryable::kIfAsked},
    FailureReasonInfo{
        FailureReason::kAgentNotFound, "agent_not_found",
        "The agent CLI is not installed on the worker; install it or set its path (CLAUDE_PATH, "
        "CODEX_PATH, GEMINI_PATH).",
        Retryable::kNo},
    FailureReasonInfo{FailureReason::kAgentNotAuthenticated, "agent_not_authenticated",
                      "The agent has no valid provider token; set CLAUDE_TOKEN (OPENAI_API_KEY, "
                      "GEMINI_API_KEY) or POST /api/token.",
                      Retryable::kNo},
    FailureReasonInfo{
        FailureReason::kBackendUnknown, "backend_unknown",
        "No such backend; set the persona's backend to claude, codex, gemini, command or demo.",
        Retryable::kNo},
    FailureReasonInfo{FailureReason::kTimeout, "timeout",
                      "It ran longer than timeoutMs; raise the limit or give it a smaller task.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kIdleTimeout, "idle_timeout",
                      "The agent wrote nothing for idleTimeoutMs; it probably hung.",
                      Retryable::kIfAsked},
    FailureReasonInfo{FailureReason::kOutputLimit, "output_limit",
                      "It wrote more than maxOutputBytes; raise the limit or make it terser.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kTurnLimit, "turn_limit",
                      "It used all of maxTurns; raise the limit or narrow the task.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kBudgetExceeded, "budget_exceeded",
                      "It reached maxBudgetUsd; raise the budget or narrow the task.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kProviderQuota, "provider_quota",
                      "The provider's usage limit is reached; it can run again when that resets.",
                      Retryable::kIfAsked},
    FailureReasonInfo{FailureReason::kProviderError, "provider_error",
                      "The model provider answered with an error; it is tried again by itself.",
                      Retryable::kIfAsked},
    FailureReasonInfo{FailureReason::kProtocolError, "protocol_error",
                      "The agent CLI's output could not be understood; check its version.",
                      Retryable::kIfAsked},
    FailureReasonInfo{FailureReason::kPromptTooLarge, "prompt_too_large",
                      "The assembled prompt is over the limit; shorten the persona or its input.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kPersonaMissing, "persona_missing",
                      "The persona was deleted before the run started.", Retryable::kNo},
    FailureReasonInfo{FailureReason::kPersonaDisabled, "persona_disabled",
                      "The persona is disabled; enable it and run again.", Retryable::kNo},
    FailureReasonInfo{FailureReason::kCredentialMissing, "credential_missing",
                      "A credential it needs is gone; add it again and link it.", Retryable::kNo},
    FailureReasonInfo{FailureReason::kSandboxUnavailable, "sandbox_unavailable",
                      "The sandbox could not be set up on the worker; its log says why.",
                      Retryable::kAlways},
    FailureReasonInfo{FailureReason::kWorkspaceError, "workspace_error",
                      "The worker could not make the private folders; check its disk.",
                      Retryable::kAlways},
    FailureReasonInfo{FailureReason::kWorkerLost, "worker_lost",
                      "The worker went away during the run; it is tried again elsewhere.",
                      Retryable::kAlways},
    FailureReasonInfo{FailureReason::kLeaseExpired, "lease_expired",
                      "The worker was not heard of for a whole lease; it is tried again.",
                      Retryable::kAlways},
    FailureReasonInfo{FailureReason::kWorkerShutdown, "worker_shutdown",
                      "The worker was stopped during the run; it is tried again.",
                      Retryable::kAlways},
    FailureReasonInfo{FailureReason::kWorkerError, "worker_error",
                      "The worker reported an internal error; see its log.", Retryable::kAlways},
    FailureReasonInfo{FailureReason::kReviewExpired, "review_expired",
                      "Nobody answered its question in time.", Retryable::kNo},
    FailureReasonInfo{FailureReason::kCancelled, "cancelled", "Somebody cancelled it.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kRejectedByWorker, "rejected_by_worker",
                      "Workers kept refusing it; see their logs.", Retryable::kNo},
    FailureReasonInfo{FailureReason::kSessionLost, "session_lost",
                      "The agent's conversation could not be continued; it is started anew.",
                      Retryable::kAlways},
    FailureReasonInfo{FailureReason::kToolDenied, "tool_denied",
                      "The permission policy denied a tool it needed; allow the tool or change the "
                      "task.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kModelUnavailable, "model_unavailable",
                      "The provider does not offer this model to the account; set another model.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kParkedTooOften, "parked_too_often",
                      "It kept asking, or kept running into the provider's limit; answer it in its "
                      "instructions, or set reviewPolicy to never.",
                      Retryable::kNo},
    FailureReasonInfo{FailureReason::kUnknown, "unknown",
                      "The worker gave no reason; read the end of the output.",
                      Retryable::kIfAsked},
};

constexpr const FailureReasonInfo& info(FailureReason reason) {
  return kFailureReasons[static_cast<std::size_t>(reason)];
}

namespace codec {
template <>
struct Described<FailureReason> {
  static constexpr std::string_view name = "FailureReason";
  static constexpr auto values = [] {
    std::array<EnumValue<FailureReason>, kFailureReasons.size()> result{};
    for (std::size_t i = 0; i < kFailureReasons.size(); ++i) {
      result[i] = {kFailureReasons[i].name, kFailureReasons[i].reason};
    }
    return result;
  }();
};
}  // namespace codec

namespace detail {
constexpr bool failure_reasons_are_in_order() {
  for (std::size_t i = 0; i < kFailureReasons.size(); ++i) {
    if (static_cast<std::size_t>(kFailureReasons[i].reason) != i) return false;
  }
  return kFailureReasons.size() == static_cast<std::size_t>(FailureReason::kUnknown) + 1;
}
static_assert(failure_reasons_are_in_order());
}  // namespace detail

}  // namespace personas
