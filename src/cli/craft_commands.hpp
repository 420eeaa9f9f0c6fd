// Registration of the commands on personas as a craft: new, persona, tool, connector, prompt,
// export, import.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/cli/commands.hpp"

namespace personas::cli {

// What was parsed of them. `chosen` is set by the command that was named, with its options in it.
struct CraftLine {
  struct Options;
  CraftLine();
  ~CraftLine();
  CraftLine(const CraftLine&) = delete;
  CraftLine& operator=(const CraftLine&) = delete;

  std::function<Task<Result<void>>(Context&)> chosen;
  std::unique_ptr<Options> options;
};

void add_craft(CLI::App& app, CraftLine& line,
               const std::function<void(CLI::App&)>& add_connection_flags);

}  // namespace personas::cli
