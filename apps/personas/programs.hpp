// Which agent programs this machine has, and what they need to run here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/backends.hpp"
#include "personas/settings/settings.hpp"

namespace personas::app {

// An agent CLI of the table of backends, looked for on this machine.
struct FoundProgram {
  std::string name;     // of the backend: claude, codex, gemini
  std::string path;     // empty: not found
  std::string version;  // as it says itself: "2.1.197"; empty: it did not say
  std::string problem;  // empty: none; else what is wrong and what to do about it

  // It may be here and still not run: for example for want of a newer Node.
  enum class Usable { kYes, kNo } usable = Usable::kNo;
};

struct Programs {
  agents::Programs agents;
  std::vector<FoundProgram> found;                 // every CLI, found or not
  std::vector<std::string> backends;               // that can run here
  std::map<std::string, std::string> versions;     // of those that said theirs, by backend
  std::vector<std::string> readable_paths;         // their folders, for the sandbox
  std::map<std::string, std::string> environment;  // handed to the agents whose backend asks for it
};

// Looks for every agent CLI and asks each that is there for its version, side by side. Blocking,
// some seconds at most; before anything else starts processes.
std::vector<FoundProgram> find_agent_programs(
    const settings::Settings& settings, const std::map<std::string, std::string>& environment);

// The same, and what a worker makes of it.
Programs find_programs(const settings::Settings& settings,
                       const std::map<std::string, std::string>& environment,
                       const std::string& self);

// The program of an agent CLI for the person who runs a command; empty if there is none.
std::string find_agent_program(std::string_view backend,
                               const std::map<std::string, std::string>& environment);

// The token that the settings have for a backend's provider; empty if there is none.
const Secret& provider_token(const settings::Settings& settings, std::string_view backend);

// Puts the settings that find_programs() reads into the environment of a worker process.
void add_program_settings(const settings::Settings& settings,
                          std::map<std::string, std::string>& environment);

}  // namespace personas::app
