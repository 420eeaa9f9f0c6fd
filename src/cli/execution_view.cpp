#include "execution_view.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownText = 2'000;
constexpr std::size_t kGeneratedIdLength = 30;  // "exe_" and 26 characters

std::string clean(std::string_view text) {
  return agents::clean_line(text, kMaxShownText);
}

std::string outcome_lines(const Terminal& terminal, const Outcome& outcome) {
  std::string out = outcome.accomplished ? paint(terminal, Paint::kGreen, "accomplished")
                                         : paint(terminal, Paint::kYellow, "not accomplished");
  if (!outcome.summary.empty()) out += ": " + clean(outcome.summary);
  out += '\n';
  for (const auto& blocker : outcome.blockers) out += "  blocked by: " + clean(blocker) + "\n";
  return out;
}

}  // namespace

std::string summary(const Terminal& terminal, const Execution& execution) {
  const std::string status(codec::name_of(execution.status));
  std::string out = paint(terminal, paint_of_status(status), status);
  if (execution.duration_ms) {
    out += " in " + long_duration(milliseconds(*execution.duration_ms));
  }
  if (execution.cost_usd) out += ", " + dollars(*execution.cost_usd);
  if (execution.attempt > 1) out += fmt::format(", attempt {}", execution.attempt);
  out += fmt::format(" ({})\n", clean(execution.id.str()));
  if (execution.status == ExecutionStatus::kFailed) {
    const auto reason = execution.failure_reason
                            ? std::string(codec::name_of(*execution.failure_reason))
                            : std::string("unknown");
    out += "reason: " + reason;
    if (execution.error_message) out += ": " + clean(*execution.error_message);
    out += '\n';
    if (execution.what_to_do) out += "what to do: " + clean(*execution.what_to_do) + "\n";
  }
  if (!is_final(execution.status) && execution.waiting_for) {
    out += "waiting for: " + clean(*execution.waiting_for) + "\n";
  }
  if (execution.outcome) out += outcome_lines(terminal, *execution.outcome);
  return out;
}

int exit_code(const Execution& execution) {
  switch (execution.status) {
    case ExecutionStatus::kCompleted:
      return execution.outcome && !execution.outcome->accomplished ? kExitNotAccomplished
                                                                   : kExitDone;
    case ExecutionStatus::kFailed:
      return kExitFailed;
    case ExecutionStatus::kCancelled:
      return kExitCancelled;
    case ExecutionStatus::kQueued:
    case ExecutionStatus::kRunning:
      if (execution.parked == Parked::kReview) return kExitNeedsAnswer;
      break;
  }
  return info(ErrorCode::kTimeout).exit_code;
}

Task<Result<std::string>> resolve_execution(Api& api, std::string text) {
  if (text.starts_with("exe_") && text.size() == kGeneratedIdLength) co_return text;
  const bool is_last = text == "last";
  if (!is_last && !is_valid_id(text)) {
    co_return fail(ErrorCode::kInvalidRequest, fmt::format("\"{}\" is not an id", clean(text)));
  }
  CO_TRY(auto recent, co_await api.get<std::vector<Execution>>(fmt::format(
                          "/api/executions?limit={}", is_last ? 1 : kRecentExecutions)));
  std::vector<std::string> found;
  for (const auto& execution : recent) {
    const std::string& id = execution.id.str();
    if (id == text) co_return id;
    const bool begins = id.starts_with(text) || id.starts_with("exe_" + text);
    if (is_last || begins || id.ends_with(text)) found.push_back(id);
  }
  if (found.size() == 1) co_return found.front();
  if (is_last) co_return fail(ErrorCode::kNotFound, "Nothing was run yet");
  // Perhaps an older one; the server knows.
  if (found.empty()) co_return text;
  co_return fail(
      ErrorCode::kInvalidRequest,
      fmt::format("\"{}\" stands for {} executions; give more of the id", text, found.size()));
}

}  // namespace personas::cli
