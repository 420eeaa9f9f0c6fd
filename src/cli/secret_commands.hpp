// Registration of the commands that handle secrets: connect and credential.
#pragma once

#include <functional>
#include <memory>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/cli/commands.hpp"

namespace personas::cli {

// What was parsed of them. `chosen` is set by the command that was named.
struct SecretLine {
  struct Options;
  SecretLine();
  ~SecretLine();
  SecretLine(const SecretLine&) = delete;
  SecretLine& operator=(const SecretLine&) = delete;

  std::function<Task<Result<void>>(Context&)> chosen;
  std::unique_ptr<Options> options;
};

void add_secret_commands(CLI::App& app, SecretLine& line,
                         const std::function<void(CLI::App&)>& add_connection_flags);

}  // namespace personas::cli
