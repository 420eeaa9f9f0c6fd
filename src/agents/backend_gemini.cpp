// How Gemini CLI is started: its settings are a file in the private HOME, its key is a variable.
//
// The CLI looks for "@<path>" in a prompt and puts in what such a file of the workspace holds. The
// workspace of a run is empty when the prompt is read, so that nothing is found there.
#include <algorithm>

#include <boost/json.hpp>

#include "personas/base/id.hpp"

#include "backend_plans.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

// Of a request to the model, with waits between them. The retry policy and the gates of the
// platform decide about the rest.
constexpr int kAttempts = 3;

bj::object settings_of(const LaunchRequest& request) {
  bj::object settings{{"security", {{"auth", {{"selectedType", "gemini-api-key"}}}}},
                      {"privacy", {{"usageStatisticsEnabled", false}}},
                      {"telemetry", {{"enabled", false}}},
                      {"general",
                       {{"enableAutoUpdate", false},
                        {"enableAutoUpdateNotification", false},
                        {"maxAttempts", kAttempts},
                        {"sessionRetention", {{"enabled", false}}}}},
                      {"ide", {{"enabled", false}}}};
  if (request.max_turns) settings["model"] = {{"maxSessionTurns", *request.max_turns}};
  return settings;
}

Result<void> add_mode(const LaunchRequest& request, Launch& launch, bj::object& settings) {
  TRY(const auto policy, policy_of(request));
  const auto* tools = policy.if_contains("allowedTools");
  TRY(const auto mode, mode_of(policy, tools == nullptr ? "skip" : "allow"));
  if (mode == "skip") {
    launch.argv.emplace_back("--yolo");
    return {};
  }
  if (mode != "allow") return wrong_policy(R"(mode must be "skip" or "allow")");
  launch.argv.insert(launch.argv.end(), {"--approval-mode", "default"});
  if (tools == nullptr) return {};  // nothing is allowed beyond what needs no permission
  TRY(const auto allowed, arguments(*tools, "allowedTools"));
  bj::array names;
  for (const auto& tool : allowed) names.emplace_back(tool);
  settings["tools"] = {{"allowed", std::move(names)}};
  return {};
}

// <project>/chats/session-<time>-<id>.jsonl
bool is_chat(std::string_view path) {
  const std::size_t name = path.find("/chats/session-");
  return name != std::string_view::npos && name > 0 && path.find('/') == name &&
         path.ends_with(".jsonl");
}

std::string project_of(std::string_view workspace) {
  std::string name;
  for (char c : workspace.substr(workspace.rfind('/') + 1)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) name += c;
    if (!plain && !name.empty() && name.back() != '-') name += '-';
  }
  if (name.ends_with('-')) name.pop_back();
  return name.empty() ? "project" : name;
}

std::string gemini_placed(std::string_view path, std::string_view workspace) {
  return project_of(workspace) + std::string(path.substr(std::min(path.find('/'), path.size())));
}

}  // namespace

const SessionFiles kGeminiSession{
    .root = ".gemini/tmp", .wanted = &is_chat, .placed = &gemini_placed};

Result<Launch> plan_gemini(const LaunchRequest& request) {
  Launch launch;
  launch.argv = {request.programs.gemini, "--output-format", "stream-json", "--skip-trust"};
  bj::object settings = settings_of(request);
  TRY_VOID(add_mode(request, launch, settings));
  if (request.model) {
    TRY_VOID(check_value("model", *request.model));
    launch.argv.insert(launch.argv.end(), {"--model", *request.model});
  }
  if (request.max_turns) TRY_VOID(check_turns(*request.max_turns));
  if (request.max_budget_usd) return no_such_limit(request, "maxBudgetUsd", ", or use maxTurns");
  if (request.resume_session_id) {
    TRY_VOID(check_value("session", *request.resume_session_id));
    launch.argv.insert(launch.argv.end(), {"--resume", *request.resume_session_id});
  }
  launch.session = kGeminiSession;
  // Without it the CLI starts itself a second time, only to get more memory.
  launch.environment = {{"GEMINI_CLI_NO_RELAUNCH", "1"}, {"NO_COLOR", "1"}};
  launch.pass_through = {"GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "HTTPS_PROXY", "NO_PROXY",
                         "NODE_EXTRA_CA_CERTS"};
  // Another HOME, another system prompt or another sandbox than ours.
  launch.removed = {"GEMINI_CLI*", "GEMINI_SANDBOX*", "GEMINI_SYSTEM_MD", "GEMINI_WRITE_SYSTEM_MD"};
  launch.home_files = {{".gemini/settings.json", bj::serialize(settings)}};
  launch.stdin_text = request.prompt;
  return launch;
}

}  // namespace personas::agents
