#include "personas/agents/diagnosis.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/codec/json.hpp"

namespace personas::agents {
namespace {

constexpr std::size_t kMaxEvidence = 500;
// A limit that was reached is doubled; these are the largest values the fields take.
constexpr std::int64_t kMaxTimeoutMs = 86'400'000;
constexpr std::int64_t kMaxOutput = 1'073'741'824;
constexpr std::int64_t kMaxTurnsField = 10'000;
constexpr double kMaxBudget = 100'000;
constexpr std::int64_t kUsualOutput = 64 * 1024 * 1024;
constexpr std::int64_t kUsualIdleMs = 300'000;
constexpr std::int64_t kUsualTurns = 50;
constexpr double kUsualBudget = 1;

codec::RawJson patch(std::string_view field, boost::json::value value) {
  boost::json::object object;
  object.emplace(field, std::move(value));
  return {codec::serialize(object)};
}

// A number of the persona, doubled; by hand if it is at its end or there is no persona.
template <class T>
Fix raise(const EndedRun& run, FixKind kind, std::string_view field, std::optional<T> present,
          T usual, T most) {
  const T now = present.value_or(usual);
  if (!run.persona || now >= most) {
    return {.kind = FixKind::kByHand,
            .what_to_do = fmt::format("Run it with a larger {}, or give it a smaller task.", field),
            .persona_patch = {}};
  }
  const T next = std::min(now * 2, most);
  return {.kind = kind,
          .what_to_do =
              fmt::format("Raise {} of '{}' from {} to {}.", field, run.persona->name, now, next),
          .persona_patch = patch(field, next)};
}

Fix by_hand(std::string text) {
  return {.kind = FixKind::kByHand, .what_to_do = std::move(text), .persona_patch = {}};
}

Fix rerun(std::string text) {
  return {.kind = FixKind::kRerun, .what_to_do = std::move(text), .persona_patch = {}};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The policy with the denied tools added to what is allowed. Nothing if the policy has no list.
std::optional<codec::RawJson> allowing(const EndedRun& run) {
  if (!run.persona || !run.persona->permission_policy || run.denied_tools.empty()) return {};
  auto policy = codec::parse_json(run.persona->permission_policy->text);
  if (!policy) return {};
  if (policy->is_array())
    policy = boost::json::object{{"mode", "allow"}, {"allowedTools", *policy}};
  auto* object = policy->if_object();
  if (object == nullptr) return {};
  auto& allowed = (*object)["allowedTools"];
  if (allowed.is_null()) allowed = boost::json::array();
  if (!allowed.is_array()) return {};
  for (const auto& tool : run.denied_tools) {
    const bool there = std::ranges::any_of(allowed.get_array(), [&](const auto& entry) {
      return entry.is_string() && std::string_view(entry.get_string()) == tool;
    });
    if (!there) allowed.get_array().emplace_back(tool);
  }
  return patch("permissionPolicy", *policy);
}

Fix allow_tools(const EndedRun& run) {
  auto change = allowing(run);
  if (!change) return by_hand("Allow the tool in the persona's permissionPolicy.");
  return {.kind = FixKind::kAllowTools,
          .what_to_do =
              fmt::format("Allow '{}' to use {}.", run.persona->name, joined(run.denied_tools)),
          .persona_patch = std::move(change)};
}

Fix fix_of_limit(const EndedRun& run, FailureReason reason) {
  const auto& config = run.config;
  switch (reason) {
    case FailureReason::kTimeout:
      return raise<std::int64_t>(run, FixKind::kRaiseTimeout, "timeoutMs", config.timeout_ms,
                                 300'000, kMaxTimeoutMs);
    case FailureReason::kIdleTimeout:
      return raise<std::int64_t>(run, FixKind::kRaiseIdleTimeout, "idleTimeoutMs",
                                 config.idle_timeout_ms, kUsualIdleMs, kMaxTimeoutMs);
    case FailureReason::kOutputLimit:
      return raise<std::int64_t>(run, FixKind::kRaiseOutputLimit, "maxOutputBytes",
                                 config.max_output_bytes, kUsualOutput, kMaxOutput);
    case FailureReason::kTurnLimit:
      return raise<std::int64_t>(run, FixKind::kRaiseTurns, "maxTurns", config.max_turns,
                                 kUsualTurns, kMaxTurnsField);
    default:
      return raise<double>(run, FixKind::kRaiseBudget, "maxBudgetUsd", config.max_budget_usd,
                           kUsualBudget, kMaxBudget);
  }
}

Fix fix_of_model(const EndedRun& run) {
  if (!run.persona || !run.persona->model) {
    return by_hand("Name another model for this run.");
  }
  return {.kind = FixKind::kDefaultModel,
          .what_to_do = fmt::format("Let '{}' use the backend's default model instead of {}.",
                                    run.persona->name, *run.persona->model),
          .persona_patch = patch("model", nullptr)};
}

Fix fix_of_disabled(const EndedRun& run) {
  if (!run.persona) return by_hand("Enable the persona.");
  return {.kind = FixKind::kEnablePersona,
          .what_to_do = fmt::format("Enable '{}'.", run.persona->name),
          .persona_patch = patch("enabled", true)};
}

Fix fix_of(const EndedRun& run, FailureReason reason) {
  switch (reason) {
    case FailureReason::kTimeout:
    case FailureReason::kIdleTimeout:
    case FailureReason::kOutputLimit:
    case FailureReason::kTurnLimit:
    case FailureReason::kBudgetExceeded:
      return fix_of_limit(run, reason);
    case FailureReason::kToolDenied:
      return allow_tools(run);
    case FailureReason::kModelUnavailable:
      return fix_of_model(run);
    case FailureReason::kPersonaDisabled:
      return fix_of_disabled(run);
    case FailureReason::kAgentNotFound:
    case FailureReason::kAgentNotAuthenticated:
    case FailureReason::kBackendUnknown:
    case FailureReason::kPromptTooLarge:
    case FailureReason::kPersonaMissing:
    case FailureReason::kCredentialMissing:
    case FailureReason::kRejectedByWorker:
      return by_hand(std::string(info(reason).what_to_do));
    default:
      return rerun("Run it again; nothing has to change.");
  }
}

std::string explanation_of(const EndedRun& run, FailureReason reason) {
  std::string text(info(reason).what_to_do);
  if (reason == FailureReason::kToolDenied && !run.denied_tools.empty()) {
    text = "The permission policy denied " + joined(run.denied_tools) + ".";
  }
  return text;
}

std::optional<Finding> not_accomplished(const EndedRun& run) {
  if (!run.outcome || run.outcome->accomplished) return std::nullopt;
  Finding finding{.cause = "not_accomplished",
                  .explanation =
                      "The agent ended in good order and says that it did not "
                      "accomplish its task.",
                  .evidence = {},
                  .fix = by_hand("Read its summary and blockers; change the task or the persona.")};
  if (!run.denied_tools.empty()) {
    finding.explanation += " The permission policy denied " + joined(run.denied_tools) + ".";
    finding.fix = allow_tools(run);
  }
  std::string evidence = run.outcome->summary;
  for (const auto& blocker : run.outcome->blockers) evidence += "; " + blocker;
  if (!evidence.empty()) finding.evidence = clean_line(evidence, kMaxEvidence);
  return finding;
}

}  // namespace

std::optional<Finding> diagnose(const EndedRun& run) {
  std::optional<Finding> finding;
  if (run.status == ExecutionStatus::kCompleted) {
    finding = not_accomplished(run);
  } else if (run.status == ExecutionStatus::kFailed) {
    const FailureReason reason = run.reason.value_or(FailureReason::kUnknown);
    finding = Finding{.cause = std::string(info(reason).name),
                      .explanation = explanation_of(run, reason),
                      .evidence = {},
                      .fix = fix_of(run, reason)};
    if (!run.message.empty()) finding->evidence = clean_line(run.message, kMaxEvidence);
  }
  if (finding) finding->fix.safe_to_rerun = !run.used_tools;
  return finding;
}

}  // namespace personas::agents
