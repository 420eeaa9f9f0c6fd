#include "programs.hpp"

#include <filesystem>
#include <unistd.h>

namespace personas::app {
namespace {

bool is_program(const std::string& path) {
  return !path.empty() && ::access(path.c_str(), X_OK) == 0 &&
         std::filesystem::is_regular_file(path);
}

std::string find_on_path(const std::string& name, const std::string& path) {
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::string candidate = path.substr(start, end - start) + "/" + name;
    // An empty entry means the working directory, which is not a place to take programs from.
    if (end > start && is_program(candidate)) return candidate;
    start = end + 1;
  }
  return {};
}

// The folder of a program and, where it is a link, of what it points to.
void add_folders(const std::string& program, std::vector<std::string>& folders) {
  const std::filesystem::path path(program);
  folders.push_back(path.parent_path().string());
  std::error_code ignored;
  const auto real = std::filesystem::canonical(path, ignored);
  if (!ignored && real.parent_path() != path.parent_path()) {
    folders.push_back(real.parent_path().string());
  }
}

}  // namespace

Programs find_programs(const settings::Settings& settings,
                       const std::map<std::string, std::string>& environment,
                       const std::string& self) {
  Programs found;
  found.agents.self = self;
  found.backends = {"command", "demo"};
  add_folders(self, found.readable_paths);

  const auto path = environment.find("PATH");
  std::string claude = settings.claude_path;
  if (claude.empty() && path != environment.end()) claude = find_on_path("claude", path->second);
  if (is_program(claude)) {
    found.agents.claude = claude;
    found.backends.push_back("claude");
    add_folders(claude, found.readable_paths);
  }
  // What a backend may be handed is its own list (agents/backends.cpp); this is what we have.
  for (const char* name :
       {"CLAUDE_CODE_MAX_RETRIES", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"}) {
    if (const auto value = environment.find(name); value != environment.end()) {
      found.environment[name] = value->second;
    }
  }
  if (!settings.anthropic_base_url.empty()) {
    found.environment["ANTHROPIC_BASE_URL"] = settings.anthropic_base_url;
  }
  return found;
}

}  // namespace personas::app
