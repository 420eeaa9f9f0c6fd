// How commands get secrets from a person, and try out what they got: a port, so that tests play the
// person and the agent CLIs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/cli/terminal.hpp"

namespace personas::cli {

class SecretInput {
 public:
  virtual ~SecretInput() = default;

  // Whether a person is there to be asked.
  virtual Attached attached() const = 0;
  // What the person types is not shown. kUnavailable if nobody is there.
  virtual Result<Secret> ask(std::string_view question) = 0;

  // The program of this agent CLI; empty if there is none.
  virtual std::string find_agent(std::string_view backend) const = 0;
  // Runs it at the person's terminal; what it showed there.
  virtual Result<Secret> run_at_terminal(const std::vector<std::string>& command) = 0;
  // Runs it unseen, with these variables beside the few that every program needs, and an empty HOME
  // that is removed afterwards.
  struct Trial {
    bool started = false;
    bool in_time = false;
    int exit_code = 0;
    std::string out;
    std::string err;
  };
  virtual Trial run_unseen(const std::vector<std::string>& command,
                           const std::map<std::string, std::string>& variables) = 0;

  virtual Random& random() = 0;
};

}  // namespace personas::cli
