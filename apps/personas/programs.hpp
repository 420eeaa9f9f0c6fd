// Which agent programs this machine has, and what they need to run here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "personas/agents/backends.hpp"
#include "personas/settings/settings.hpp"

namespace personas::app {

struct Programs {
  agents::Programs agents;
  std::vector<std::string> backends;               // that can run here
  std::vector<std::string> readable_paths;         // their folders, for the sandbox
  std::map<std::string, std::string> environment;  // handed to every agent
};

Programs find_programs(const settings::Settings& settings,
                       const std::map<std::string, std::string>& environment,
                       const std::string& self);

}  // namespace personas::app
