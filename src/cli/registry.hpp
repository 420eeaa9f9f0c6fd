// Where a file of commands registers them: a subcommand, its flags, and what it does.
//
// What a command's flags fill is a value of its own, kept by the action that reads it. An action is
// a function that starts a task; it captures, so it is itself no coroutine.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

using Action = std::function<Task<Result<int>>(Context&)>;

class Registry {
 public:
  // `chosen` and `quiet` are set when the command line is parsed.
  Registry(CLI::App& app, const std::function<void(CLI::App&)>& add_connection_flags,
           Action& chosen, bool& quiet)
      : app_(app), add_connection_flags_(add_connection_flags), chosen_(chosen), quiet_(quiet) {}

  CLI::App& app() { return app_; }

  // A command that has only subcommands.
  CLI::App& add_group(std::string name, std::string description) {
    CLI::App& group = *app_.add_subcommand(std::move(name), std::move(description));
    group.require_subcommand(1);
    return group;
  }

  // `format` is of the action's value, which outlives the command line.
  CLI::App& add(CLI::App& parent, std::string name, std::string description, Format& format,
                Action action) {
    CLI::App& command = *parent.add_subcommand(std::move(name), std::move(description));
    command.add_flag_callback(
        "--json", [&format] { format = Format::kJson; }, "Print JSON, for programs");
    command.add_flag("-q,--quiet", quiet_, "Print results and errors only");
    add_connection_flags_(command);
    command.callback(
        [this_chosen = &chosen_, action = std::move(action)] { *this_chosen = action; });
    return command;
  }

 private:
  CLI::App& app_;
  const std::function<void(CLI::App&)>& add_connection_flags_;
  Action& chosen_;
  bool& quiet_;
};

// One function per file of commands.
void add_call_command(Registry& registry);
void add_event_commands(Registry& registry);
void add_memory_commands(Registry& registry);
void add_inbox_commands(Registry& registry);
void add_show_command(Registry& registry);
void add_subscription_commands(Registry& registry);
void add_trigger_commands(Registry& registry);
void add_webhook_commands(Registry& registry);
void add_tree_commands(Registry& registry);

}  // namespace personas::cli
