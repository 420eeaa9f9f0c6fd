// How Codex is started. Everything but the key is configuration in the private HOME: a provider of
// our own, because the built-in one cannot be given another endpoint and fewer retries at once.
#include <fmt/format.h>

#include "personas/base/id.hpp"
#include "personas/codec/json.hpp"

#include "backend_plans.hpp"

namespace personas::agents {
namespace {

// Enough for a hiccup. The retry policy and the gates of the platform decide about the rest.
constexpr int kRetries = 2;

// A TOML basic string takes the escapes of JSON.
std::string quoted(std::string_view text) {
  std::string out;
  codec::append_json_string(text, out);
  return out;
}

std::string configuration(const LaunchRequest& request) {
  const std::string url = request.provider_url.empty()
                              ? std::string()
                              : fmt::format("base_url = {}\n", quoted(request.provider_url));
  return fmt::format(R"(model_provider = "personas"
check_for_update_on_startup = false
[features]
plugins = false
[analytics]
enabled = false
[history]
persistence = "none"
[shell_environment_policy]
inherit = "all"
ignore_default_excludes = true
exclude = ["CODEX_API_KEY"]
[model_providers.personas]
name = "OpenAI"
{}wire_api = "responses"
requires_openai_auth = true
request_max_retries = {}
stream_max_retries = {}
)",
                     url, kRetries, kRetries);
}

// Its own sandboxes need user namespaces, which agents do not get in ours.
Result<void> check_policy(const LaunchRequest& request) {
  TRY(const auto policy, policy_of(request));
  if (policy.contains("allowedTools")) {
    return wrong_policy("codex has no list of allowed tools; remove allowedTools");
  }
  TRY(const auto mode, mode_of(policy, "skip"));
  if (mode != "skip") return wrong_policy(R"(codex knows no other mode than "skip" here)");
  return {};
}

// <year>/<month>/<day>/rollout-<time>-<session id>.jsonl
bool is_rollout(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with("rollout-") && path.ends_with(".jsonl");
}

std::string same_place(std::string_view path, std::string_view) {
  return std::string(path);
}

}  // namespace

const SessionFiles kCodexSession{
    .root = ".codex/sessions", .wanted = &is_rollout, .placed = &same_place};

Result<Launch> plan_codex(const LaunchRequest& request) {
  Launch launch;
  launch.argv = {request.programs.codex, "exec"};
  if (request.resume_session_id) launch.argv.emplace_back("resume");
  launch.argv.insert(launch.argv.end(), {"--json", "--skip-git-repo-check",
                                         "--dangerously-bypass-approvals-and-sandbox"});
  TRY_VOID(check_policy(request));
  if (request.model) {
    TRY_VOID(check_value("model", *request.model));
    launch.argv.insert(launch.argv.end(), {"-m", *request.model});
  }
  if (request.max_turns) return no_such_limit(request, "maxTurns", ", or use timeoutMs");
  if (request.max_budget_usd) return no_such_limit(request, "maxBudgetUsd", ", or use timeoutMs");
  if (request.resume_session_id) {
    TRY_VOID(check_value("session", *request.resume_session_id));
    launch.argv.push_back(*request.resume_session_id);
  }
  launch.argv.emplace_back("-");  // the prompt is on standard input
  launch.session = kCodexSession;
  launch.pass_through = {"CODEX_API_KEY", "CODEX_CA_CERTIFICATE", "HTTPS_PROXY", "NO_PROXY",
                         "SSL_CERT_FILE"};
  // Another HOME or another session than the private one.
  launch.removed = {"CODEX_HOME", "CODEX_SQLITE_HOME", "CODEX_SANDBOX*", "CODEX_THREAD_ID"};
  launch.home_files = {{".codex/config.toml", configuration(request)}};
  launch.stdin_text = request.prompt;
  return launch;
}

}  // namespace personas::agents
