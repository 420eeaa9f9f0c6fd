#include "personas/agents/outcome.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "quota.hpp"

namespace personas::agents {
namespace {

struct Sign {
  std::string_view words;  // lower case
  FailureReason reason;
};

// The subtypes with which the CLIs end. Claude Code before 2.1 called them no error.
constexpr std::array kSubtypes = {
    Sign{"error_max_turns", FailureReason::kTurnLimit},
    Sign{"error_max_budget_usd", FailureReason::kBudgetExceeded},
    Sign{"FatalTurnLimitedError", FailureReason::kTurnLimit},  // Gemini CLI
    Sign{"FatalAuthenticationError", FailureReason::kAgentNotAuthenticated},
};

// Words that say more than the provider's status. The first that is found decides, so the narrower
// come first.
constexpr std::array kNarrowWords = {
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
    Sign{"experiencing high demand", FailureReason::kProviderError},
    Sign{"stream disconnected", FailureReason::kProviderError},
    // Claude Code, and what all of them say.
    Sign{"no conversation found", FailureReason::kSessionLost},
    Sign{"--resume requires a valid session", FailureReason::kSessionLost},
    Sign{"not your usage limit", FailureReason::kProviderError},
    Sign{"prompt is too long", FailureReason::kPromptTooLarge},
    Sign{"request too large", FailureReason::kPromptTooLarge},
    Sign{"request_too_large", FailureReason::kPromptTooLarge},
    Sign{"reached maximum budget", FailureReason::kBudgetExceeded},
    Sign{"exceeded usd budget", FailureReason::kBudgetExceeded},
    Sign{"reached maximum number of turns", FailureReason::kTurnLimit},
    Sign{"reached max turns", FailureReason::kTurnLimit},
    Sign{"issue with the selected model", FailureReason::kModelUnavailable},
    Sign{"access to this model", FailureReason::kModelUnavailable},
    Sign{"access to the model", FailureReason::kModelUnavailable},
    Sign{"model_not_found", FailureReason::kModelUnavailable},
    Sign{"credit balance", FailureReason::kProviderQuota},
    Sign{"billing_error", FailureReason::kProviderQuota},
    Sign{"usage limit", FailureReason::kProviderQuota},
    Sign{"session limit", FailureReason::kProviderQuota},
    Sign{"weekly limit", FailureReason::kProviderQuota},
    Sign{"spend limit", FailureReason::kProviderQuota},
    Sign{"hit your", FailureReason::kProviderQuota},
    Sign{"organization has been disabled", FailureReason::kAgentNotAuthenticated},
};

// Claude Code's own word for what its last request met.
constexpr std::array kKinds = {
    Sign{"authentication_failed", FailureReason::kAgentNotAuthenticated},
    Sign{"oauth_org_not_allowed", FailureReason::kAgentNotAuthenticated},
    Sign{"billing_error", FailureReason::kProviderQuota},
    Sign{"rate_limit", FailureReason::kProviderQuota},
    Sign{"model_not_found", FailureReason::kModelUnavailable},
    Sign{"overloaded", FailureReason::kProviderError},
    Sign{"server_error", FailureReason::kProviderError},
};

// Words for when there is neither kind nor status.
constexpr std::array kWords = {
    Sign{"invalid api key", FailureReason::kAgentNotAuthenticated},
    Sign{"run /login", FailureReason::kAgentNotAuthenticated},
    Sign{"not logged in", FailureReason::kAgentNotAuthenticated},
    Sign{"failed to authenticate", FailureReason::kAgentNotAuthenticated},
    Sign{"authentication_error", FailureReason::kAgentNotAuthenticated},
    Sign{"oauth token", FailureReason::kAgentNotAuthenticated},
    Sign{"unauthorized", FailureReason::kAgentNotAuthenticated},
    Sign{"rate limit", FailureReason::kProviderQuota},
    Sign{"rate_limit", FailureReason::kProviderQuota},
    Sign{"not_found_error", FailureReason::kModelUnavailable},
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

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

template <class Signs>
std::optional<FailureReason> by_words(const Signs& signs, std::string_view lower) {
  for (const auto& sign : signs) {
    if (lower.contains(sign.words)) return sign.reason;
  }
  return std::nullopt;
}

std::optional<FailureReason> by_status(std::int64_t status) {
  if (status == 401 || status == 403) return FailureReason::kAgentNotAuthenticated;
  if (status == 402 || status == 429) return FailureReason::kProviderQuota;
  if (status == 404) return FailureReason::kModelUnavailable;
  if (status == 413) return FailureReason::kPromptTooLarge;
  if (status == 408 || status >= 500) return FailureReason::kProviderError;
  return std::nullopt;
}

// "api error: 429 {…": before 2.1 the status stands only there.
std::optional<std::int64_t> status_in(std::string_view lower) {
  constexpr std::string_view kBefore = "api error: ";
  const std::size_t at = lower.find(kBefore);
  if (at == std::string_view::npos) return std::nullopt;
  const auto digits = lower.substr(at + kBefore.size(), 3);
  std::int64_t status = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, status);
  if (error != std::errc{} || stop != end || status < 400 || status > 599) return std::nullopt;
  return status;
}

FailureReason reason_of(const Final& final) {
  for (const auto& sign : kSubtypes) {
    if (final.subtype == sign.words) return sign.reason;
  }
  const std::string lower = lower_case(final.result);
  if (const auto reason = by_words(kNarrowWords, lower)) return *reason;
  for (const auto& sign : kKinds) {
    if (final.error_kind == sign.words) return sign.reason;
  }
  if (const auto status = final.api_error_status ? final.api_error_status : status_in(lower)) {
    if (const auto reason = by_status(*status)) return *reason;
  }
  if (const auto reason = by_words(kWords, lower)) return *reason;
  return final.denials.empty() ? FailureReason::kAgentExit : FailureReason::kToolDenied;
}

bool failed(const Final& final) {
  return final.is_error || final.subtype.starts_with("error");
}

std::optional<FailureReason> reason_of(const ProgramEnd& end) {
  if (end.final != nullptr && failed(*end.final)) return reason_of(*end.final);
  if (end.signal) return FailureReason::kAgentSignal;
  if (end.exit_code == 0) {
    const bool unfinished = end.format != OutputFormat::kPlain && end.final == nullptr;
    return unfinished ? std::optional(FailureReason::kProtocolError) : std::nullopt;
  }
  // A command's words on stderr are its own; only an agent CLI's speak of the provider.
  if (end.format == OutputFormat::kPlain || end.final != nullptr) return FailureReason::kAgentExit;
  const std::string lower = lower_case(end.stderr_tail);
  if (const auto reason = by_words(kNarrowWords, lower)) return reason;
  return by_words(kWords, lower).value_or(FailureReason::kAgentExit);
}

}  // namespace

std::optional<FailureReason> classify(const ProgramEnd& end) {
  return reason_of(end);
}

std::optional<ProgramFailure> failure_of(const ProgramEnd& end, Timestamp now) {
  const auto reason = reason_of(end);
  if (!reason) return std::nullopt;
  ProgramFailure failure{.reason = *reason};
  if (*reason != FailureReason::kProviderQuota) return failure;
  const bool is_told = end.final != nullptr && end.final->limit_resets_at &&
                       *end.final->limit_resets_at >= now - kResetGrace &&
                       *end.final->limit_resets_at <= now + kLatestReset;
  failure.quota_resets_at =
      is_told ? end.final->limit_resets_at
              : reset_time(end.final != nullptr ? end.final->result : end.stderr_tail, now);
  return failure;
}

}  // namespace personas::agents
