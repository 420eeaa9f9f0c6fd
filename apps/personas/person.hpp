// The person at this terminal and the agent CLIs of this machine, as the port of the commands that
// need secrets.
#pragma once

#include "personas/cli/secret_input.hpp"

#include "world.hpp"

namespace personas::app {

class Person final : public cli::SecretInput {
 public:
  explicit Person(World& world) : world_(world) {}

  cli::Attached attached() const override;
  Result<Secret> ask(std::string_view question) override;
  std::string find_agent(std::string_view backend) const override;
  Result<Secret> run_at_terminal(const std::vector<std::string>& command) override;
  Trial run_unseen(const std::vector<std::string>& command,
                   const std::map<std::string, std::string>& variables) override;
  Random& random() override { return world_.random; }

 private:
  World& world_;
};

}  // namespace personas::app
