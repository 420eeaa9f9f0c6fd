#include "personas/agents/outcome.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace personas::agents {
namespace {

struct Sign {
  std::string_view words;  // lower case
  FailureReason reason;
};

// The subtypes with which the CLIs end.
constexpr std::array kSubtypes = {
    Sign{"error_max_turns", FailureReason::kTurnLimit},
    Sign{"error_max_budget_usd", FailureReason::kBudgetExceeded},
    Sign{"FatalTurnLimitedError", FailureReason::kTurnLimit},  // Gemini CLI
    Sign{"FatalAuthenticationError", FailureReason::kAgentNotAuthenticated},
};

// Words of the CLI and of the provider. The first that is found decides, so the narrower come
// first.
constexpr std::array kWords = {
    // Codex and Gemini CLI.
    Sign{"no rollout found for thread", FailureReason::kSessionLost},
    Sign{"error resuming session", FailureReason::kSessionLost},
    Sign{"exceeds the context window", FailureReason::kPromptTooLarge},
    Sign{"ran out of room in the model's context window", FailureReason::kPromptTooLarge},
    Sign{"api key not valid", FailureReason::kAgentNotAuthenticated},
    Sign{"specify the gemini_api_key", FailureReason::kAgentNotAuthenticated},
    Sign{"set an auth method", FailureReason::kAgentNotAuthenticated},
    Sign{"quota exceeded", FailureReason::kProviderQuota},
    Sign{"exceeded your current quota", FailureReason::kProviderQuota},
    Sign{"exhausted your", FailureReason::kProviderQuota},
    Sign{"resource_exhausted", FailureReason::kProviderQuota},
    Sign{"model_not_found", FailureReason::kModelUnavailable},
    Sign{"experiencing high demand", FailureReason::kProviderError},
    Sign{"stream disconnected", FailureReason::kProviderError},
    // Claude Code, and what all of them say.
    Sign{"prompt is too long", FailureReason::kPromptTooLarge},
    Sign{"reached maximum budget", FailureReason::kBudgetExceeded},
    Sign{"exceeded usd budget", FailureReason::kBudgetExceeded},
    Sign{"reached maximum number of turns", FailureReason::kTurnLimit},
    Sign{"reached max turns", FailureReason::kTurnLimit},
    Sign{"invalid api key", FailureReason::kAgentNotAuthenticated},
    Sign{"please run /login", FailureReason::kAgentNotAuthenticated},
    Sign{"not logged in", FailureReason::kAgentNotAuthenticated},
    Sign{"failed to authenticate", FailureReason::kAgentNotAuthenticated},
    Sign{"authentication_error", FailureReason::kAgentNotAuthenticated},
    Sign{"oauth token", FailureReason::kAgentNotAuthenticated},
    Sign{"unauthorized", FailureReason::kAgentNotAuthenticated},
    Sign{"credit balance", FailureReason::kProviderQuota},
    Sign{"usage limit", FailureReason::kProviderQuota},
    Sign{"session limit", FailureReason::kProviderQuota},
    Sign{"weekly limit", FailureReason::kProviderQuota},
    Sign{"spend limit", FailureReason::kProviderQuota},
    Sign{"hit your", FailureReason::kProviderQuota},
    Sign{"rate limit", FailureReason::kProviderQuota},
    Sign{"rate_limit", FailureReason::kProviderQuota},
    Sign{"overloaded", FailureReason::kProviderError},
    Sign{"internal server error", FailureReason::kProviderError},
    Sign{"connection error", FailureReason::kProviderError},
    Sign{"unable to connect", FailureReason::kProviderError},
    Sign{"econnrefused", FailureReason::kProviderError},
    Sign{"econnreset", FailureReason::kProviderError},
    Sign{"etimedout", FailureReason::kProviderError},
    Sign{"request timed out", FailureReason::kProviderError},
    Sign{"fetch failed", FailureReason::kProviderError},
    Sign{"api error", FailureReason::kProviderError},
};

std::optional<FailureReason> by_words(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const auto& sign : kWords) {
    if (lower.contains(sign.words)) return sign.reason;
  }
  return std::nullopt;
}

std::optional<FailureReason> by_status(std::int64_t status) {
  if (status == 401 || status == 403) return FailureReason::kAgentNotAuthenticated;
  if (status == 402 || status == 429) return FailureReason::kProviderQuota;
  if (status == 404) return FailureReason::kModelUnavailable;
  if (status == 413) return FailureReason::kPromptTooLarge;
  if (status >= 500) return FailureReason::kProviderError;
  return std::nullopt;
}

FailureReason reason_of(const Final& final) {
  for (const auto& sign : kSubtypes) {
    if (final.subtype == sign.words) return sign.reason;
  }
  if (final.api_error_status) {
    if (const auto reason = by_status(*final.api_error_status)) return *reason;
  }
  return by_words(final.result).value_or(FailureReason::kAgentExit);
}

}  // namespace

std::optional<FailureReason> classify(const ProgramEnd& end) {
  if (end.final != nullptr && end.final->is_error) return reason_of(*end.final);
  if (end.signal) return FailureReason::kAgentSignal;
  if (end.exit_code == 0) {
    const bool unfinished = end.format != OutputFormat::kPlain && end.final == nullptr;
    return unfinished ? std::optional(FailureReason::kProtocolError) : std::nullopt;
  }
  // A command's words on stderr are its own; only an agent CLI's speak of the provider.
  if (end.format == OutputFormat::kPlain || end.final != nullptr) return FailureReason::kAgentExit;
  return by_words(end.stderr_tail).value_or(FailureReason::kAgentExit);
}

}  // namespace personas::agents
