// What `personas doctor` looks at on this machine. Reads only; what it has to try (fsync, ports) it
// undoes.
#pragma once

#include "personas/cli/machine.hpp"
#include "personas/settings/settings.hpp"

#include "world.hpp"

namespace personas::app {

class ThisMachine final : public cli::Machine {
 public:
  // `flags`: those of the client that `personas up` would be given here.
  ThisMachine(World& world, settings::Flags flags) : world_(world), flags_(std::move(flags)) {}

  cli::MachineFacts examine() override;
  Result<void> set_mode(const std::string& path, unsigned mode) override;

 private:
  void look_at_data(const settings::Settings& settings, cli::MachineFacts& facts);
  void look_at_key(settings::Settings& settings, cli::MachineFacts& facts);
  void look_at_agents(const settings::Settings& settings, cli::MachineFacts& facts);
  std::string variable(const char* name) const;

  World& world_;
  settings::Flags flags_;
};

}  // namespace personas::app
