#include "personas/agents/backends.hpp"

#include <algorithm>
#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "personas/base/id.hpp"
#include "personas/codec/json.hpp"

#include "backend_plans.hpp"

namespace personas::agents {

namespace bj = boost::json;

std::unexpected<Error> wrong_policy(std::string_view what) {
  return fail(ErrorCode::kInvalidRequest, fmt::format("permissionPolicy: {}", what));
}

Result<bj::object> policy_of(const LaunchRequest& request) {
  if (!request.permission_policy || request.permission_policy->empty()) return bj::object{};
  auto json = codec::parse_json(*request.permission_policy);
  if (!json) return wrong_policy(json.error().message);
  if (json->is_null()) return bj::object{};
  if (!json->is_object()) return wrong_policy("expected an object");
  return std::move(json->as_object());
}

Result<std::string> mode_of(const bj::object& policy, std::string_view fallback) {
  const auto* mode = policy.if_contains("mode");
  if (mode == nullptr) return std::string(fallback);
  const auto* text = mode->if_string();
  if (text == nullptr) return wrong_policy("mode must be a string");
  return std::string(*text);
}

namespace {

bool is_argument(std::string_view text) {
  return !text.empty() && text.size() <= kMaxArgumentBytes && !text.contains('\0');
}

}  // namespace

Result<std::vector<std::string>> arguments(const bj::value& list, std::string_view field) {
  const auto* array = list.if_array();
  if (array == nullptr) return wrong_policy(fmt::format("{} must be a list of strings", field));
  if (array->size() > kMaxArguments) {
    return wrong_policy(fmt::format("{} has more than {} entries", field, kMaxArguments));
  }
  std::vector<std::string> result;
  for (const auto& entry : *array) {
    const auto* text = entry.if_string();
    if (text == nullptr || !is_argument(*text)) {
      return wrong_policy(fmt::format("{} must hold non-empty strings", field));
    }
    result.emplace_back(*text);
  }
  return result;
}

Result<void> check_value(std::string_view name, std::string_view value) {
  constexpr std::size_t kMaxValue = 200;
  if (value.empty() || value.size() > kMaxValue || value.starts_with('-') ||
      std::ranges::any_of(value, [](char c) { return c <= ' ' || c == 0x7F; })) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("'{}' cannot be the {} of an agent", value, name));
  }
  return {};
}

Result<void> check_turns(std::int64_t max_turns) {
  if (max_turns < 1) return fail(ErrorCode::kInvalidRequest, "maxTurns is at least 1");
  return {};
}

std::unexpected<Error> no_such_limit(const LaunchRequest& request, std::string_view field,
                                     std::string_view instead) {
  return fail(ErrorCode::kInvalidRequest,
              fmt::format("{}: the {} backend cannot keep this limit; remove it{}", field,
                          request.backend, instead));
}

namespace {

// ---- claude ------------------------------------------------------------------------------------

// Both lists of tools take all arguments up to the next option.
Result<void> add_tools(const bj::object& policy, std::string_view field, std::string_view option,
                       Launch& launch) {
  const auto* tools = policy.if_contains(field);
  if (tools == nullptr || tools->is_null()) return {};
  TRY(const auto names, arguments(*tools, field));
  if (names.empty()) return {};
  launch.argv.emplace_back(option);
  for (const auto& name : names) {
    if (name.starts_with('-')) return wrong_policy("a tool's name does not start with '-'");
    launch.argv.push_back(name);
  }
  return {};
}

Result<void> add_permissions(const bj::object& policy, Launch& launch) {
  const bool has_list = policy.if_contains("allowedTools") != nullptr;
  TRY(const auto chosen, mode_of(policy, has_list ? "allow" : "skip"));
  if (chosen == "skip") {
    launch.argv.emplace_back("--dangerously-skip-permissions");
    // As root the CLI refuses to skip permissions unless it is told that it is confined.
    launch.environment["IS_SANDBOX"] = "1";
  } else if (chosen == "allow") {
    // Without a list nothing is allowed beyond what needs no permission.
    TRY_VOID(add_tools(policy, "allowedTools", "--allowedTools", launch));
  } else {
    return wrong_policy("mode must be \"skip\" or \"allow\"");
  }
  // Holds in both modes, for sub-agents too.
  return add_tools(policy, "disallowedTools", "--disallowedTools", launch);
}

Result<void> add_options(const LaunchRequest& request, Launch& launch) {
  auto& argv = launch.argv;
  if (request.model) {
    TRY_VOID(check_value("model", *request.model));
    argv.insert(argv.end(), {"--model", *request.model});
  }
  if (request.max_turns) {
    TRY_VOID(check_turns(*request.max_turns));
    argv.insert(argv.end(), {"--max-turns", std::to_string(*request.max_turns)});
  }
  if (request.max_budget_usd) {
    if (!(*request.max_budget_usd > 0)) {
      return fail(ErrorCode::kInvalidRequest, "maxBudgetUsd must be more than 0");
    }
    argv.insert(argv.end(), {"--max-budget-usd", fmt::format("{}", *request.max_budget_usd)});
  }
  if (request.resume_session_id) {
    TRY_VOID(check_value("session", *request.resume_session_id));
    argv.insert(argv.end(), {"--resume", *request.resume_session_id});
  }
  return {};
}

Result<Launch> plan_claude(const LaunchRequest& request) {
  Launch launch;
  // Without a prompt among its arguments it reads standard input; a "-" would become its first
  // line.
  launch.argv = {request.programs.claude, "-p", "--output-format", "stream-json", "--verbose"};
  launch.session = kClaudeSession;
  launch.environment = {{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
                        {"CLAUDE_CODE_DISABLE_TERMINAL_TITLE", "1"},
                        {"DISABLE_AUTOUPDATER", "1"},
                        {"DISABLE_ERROR_REPORTING", "1"},
                        {"DISABLE_TELEMETRY", "1"}};
  // The last ones are for machines behind a proxy, and for how stubborn the CLI is by itself.
  launch.pass_through = {"CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL",
                         "CLAUDE_CODE_MAX_RETRIES", "HTTPS_PROXY",       "NO_PROXY",
                         "NODE_EXTRA_CA_CERTS"};
  // Of a session the worker itself may have been started from.
  launch.removed = {"CLAUDECODE*", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT",
                    "CLAUDE_CODE_SESSION_ID"};
  launch.home_files = {{".claude.json", R"({"hasCompletedOnboarding":true})"}};
  launch.stdin_text = request.prompt;
  TRY(const auto policy, policy_of(request));
  TRY_VOID(add_permissions(policy, launch));
  TRY_VOID(add_options(request, launch));
  return launch;
}

// OAuth tokens and API keys differ in their variable.
std::string_view claude_token_variable(std::string_view token) {
  return token.starts_with("sk-ant-oat") ? "CLAUDE_CODE_OAUTH_TOKEN" : "ANTHROPIC_API_KEY";
}

// ---- command -----------------------------------------------------------------------------------

Result<Launch> plan_command(const LaunchRequest& request) {
  Launch launch;
  launch.stdin_text = request.prompt;
  TRY(const auto policy, policy_of(request));
  const auto* command = policy.if_contains("command");
  if (command == nullptr) {
    return wrong_policy(R"(the command backend needs {"command": ["program", "argument"]})");
  }
  if (const auto* script = command->if_string()) {
    if (!is_argument(*script)) return wrong_policy("command must not be empty");
    launch.argv = {"/bin/sh", "-c", std::string(*script)};
    return launch;
  }
  TRY(launch.argv, arguments(*command, "command"));
  if (launch.argv.empty()) return wrong_policy("command must not be empty");
  return launch;
}

// ---- demo --------------------------------------------------------------------------------------

Result<Launch> plan_demo(const LaunchRequest& request) {
  if (request.programs.self.empty()) {
    return fail(ErrorCode::kUnavailable, "the demo backend needs the path of this program");
  }
  Launch launch;
  launch.argv = {request.programs.self, "demo-agent"};
  launch.stdin_text = request.prompt;
  return launch;
}

std::string_view codex_token_variable(std::string_view) {
  return "CODEX_API_KEY";
}

std::string_view gemini_token_variable(std::string_view) {
  return "GEMINI_API_KEY";
}

constexpr std::array kBackends = {
    Backend{"claude", "Claude Code, Anthropic's agent CLI", OutputFormat::kClaudeStreamJson,
            "claude", Resume::kYes, &plan_claude, &claude_token_variable},
    Backend{"codex", "Codex, OpenAI's agent CLI", OutputFormat::kCodexJson, "codex", Resume::kYes,
            &plan_codex, &codex_token_variable, "OPENAI_BASE_URL"},
    Backend{"gemini", "Gemini CLI, Google's agent CLI", OutputFormat::kGeminiStreamJson, "gemini",
            Resume::kYes, &plan_gemini, &gemini_token_variable},
    Backend{"command", "Any program: prompt on standard input, text on standard output",
            OutputFormat::kPlain, "command", Resume::kNo, &plan_command},
    Backend{"demo", "A scripted agent without a model, to try the platform out",
            OutputFormat::kPlain, "demo", Resume::kNo, &plan_demo}};

// "claude, codex, … or demo".
std::string choices() {
  std::string text;
  for (std::size_t i = 0; i < kBackends.size(); ++i) {
    if (i > 0) text += i + 1 == kBackends.size() ? " or " : ", ";
    text += kBackends[i].name;
  }
  return text;
}

}  // namespace

std::span<const Backend> backends() {
  return kBackends;
}

const Backend* find_backend(std::string_view name) {
  const auto* found = std::ranges::find(kBackends, name, &Backend::name);
  return found == kBackends.end() ? nullptr : found;
}

Result<Launch> launch_plan(const LaunchRequest& request) {
  const Backend* backend = find_backend(request.backend);
  if (backend == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no backend '{}'; choose {}", request.backend, choices()));
  }
  if (request.resume_session_id && backend->resume == Resume::kNo) {
    return fail(ErrorCode::kInvalidRequest,
                fmt::format("the backend '{}' cannot continue a session", request.backend));
  }
  return backend->plan(request);
}

std::string_view token_variable(std::string_view backend, std::string_view token) {
  const Backend* found = find_backend(backend);
  return found == nullptr || found->token_variable == nullptr ? std::string_view()
                                                              : found->token_variable(token);
}

bool is_removed(const Launch& launch, std::string_view variable) {
  return std::ranges::any_of(launch.removed, [variable](std::string_view pattern) {
    if (!pattern.ends_with('*')) return variable == pattern;
    return variable.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

}  // namespace personas::agents
