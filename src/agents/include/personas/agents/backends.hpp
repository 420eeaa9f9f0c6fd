// The programs that can run an agent: one table. What is started, with which arguments,
// environment and files is data that the worker hands to its sandbox; nothing is started here.
//
// No secret passes through: a launch names the variables that may be handed to the program
// (`pass_through`), and the worker, who holds the values, puts them in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/session_files.hpp"
#include "personas/agents/stream.hpp"
#include "personas/base/error.hpp"

namespace personas::agents {

// Allowed tools and parts of a command; more is a mistake, and argv has limits of its own.
inline constexpr std::size_t kMaxArguments = 200;
inline constexpr std::size_t kMaxArgumentBytes = 8 * 1024;

// Where the worker found the programs.
struct Programs {
  std::string claude = "claude";  // CLAUDE_PATH, or found on PATH
  std::string codex = "codex";    // CODEX_PATH, or found on PATH
  std::string gemini = "gemini";  // GEMINI_PATH, or found on PATH
  std::string self = {};          // this binary, for the demo agent
};

struct LaunchRequest {
  std::string backend = "claude";
  std::string prompt = {};
  std::optional<std::string> model = {};
  std::optional<std::int64_t> max_turns = {};
  std::optional<double> max_budget_usd = {};
  // JSON. claude: {"mode": "skip"} (the default: the sandbox is the guard), or
  // {"mode": "allow", "allowedTools": [...]}; a list alone means "allow". In both modes
  // "disallowedTools": [...] takes tools away. gemini: the first two, with the names of its tools.
  // codex: "skip" only.
  // command: {"command": ["program", "argument"]}, or a string run by /bin/sh -c.
  std::optional<std::string> permission_policy = {};
  std::optional<std::string> resume_session_id = {};
  std::string provider_url = {};  // see Backend::url_variable; empty: the provider's own
  Programs programs = {};
};

struct LaunchFile {
  std::string path;  // relative to the private HOME
  std::string content;
};

struct Launch {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::vector<std::string> pass_through;  // variables handed on if the worker or the run has them
  std::vector<std::string> removed;       // never handed on; a trailing * stands for any ending
  std::vector<LaunchFile> home_files;
  std::string stdin_text;
  std::optional<SessionFiles> session;  // where it keeps its conversation; nothing if it does not
};

enum class Resume : std::uint8_t { kNo, kYes };

struct Backend {
  std::string_view name;
  std::string_view description;
  OutputFormat format;
  std::string_view capability;  // a worker must announce it
  Resume resume;                // whether a session can be continued
  Result<Launch> (*plan)(const LaunchRequest& request);
  // The variable in which the CLI expects this token of its model provider; null: it needs none.
  std::string_view (*token_variable)(std::string_view token) = nullptr;
  // The variable of the worker that names another endpoint of the provider, where the CLI wants it
  // in its configuration (LaunchRequest::provider_url) and not as a variable.
  std::string_view url_variable = {};
};

std::span<const Backend> backends();
// Null if there is none of this name.
const Backend* find_backend(std::string_view name);

// kNotFound for an unknown backend; kInvalidRequest for a policy or option it cannot use.
Result<Launch> launch_plan(const LaunchRequest& request);

// The variable in which the backend's CLI expects this token of its provider; empty if there is no
// such backend or it needs no token.
std::string_view token_variable(std::string_view backend, std::string_view token);

// Whether `launch` forbids handing on the variable.
bool is_removed(const Launch& launch, std::string_view variable);

}  // namespace personas::agents
