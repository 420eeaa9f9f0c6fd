// Adds the commands of one subject to the command line: what all of them have, and what happens
// when one is chosen.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "personas/async/task.hpp"
#include "personas/base/error.hpp"
#include "personas/cli/commands.hpp"

namespace personas::cli {

// `Line` owns the subject's `Options` (which have a flag `json`) and keeps what was chosen.
template <class Line>
class Adder {
 public:
  using Options = typename Line::Options;
  using Action = Task<Result<void>> (*)(Context&, Options&);

  // `flags` adds how the server is reached.
  Adder(Line& line, const std::function<void(CLI::App&)>& flags) : line_(line), flags_(flags) {}

  CLI::App& add(CLI::App& parent, const char* name, const char* description, Action action) {
    CLI::App& command = *parent.add_subcommand(name, description);
    command.add_flag("--json", line_.options->json, "Print JSON, for programs");
    flags_(command);
    command.callback([&line = line_, action] {
      line.chosen = [&options = *line.options, action](Context& context) {
        return action(context, options);
      };
    });
    return command;
  }

  // A word that only groups others.
  static CLI::App& group(CLI::App& app, const char* name, const char* description) {
    CLI::App& command = *app.add_subcommand(name, description);
    command.require_subcommand(1);
    return command;
  }

  Options& options() { return *line_.options; }

 private:
  Line& line_;
  const std::function<void(CLI::App&)>& flags_;
};

}  // namespace personas::cli
