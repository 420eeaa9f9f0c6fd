// The client commands: run, logs, ls, cancel, status, apply, approve, reject.
//
// They speak to the HTTP API through a net::Client and write to a Terminal; nothing else. Use:
//
//   CLI::App app; cli::Commands commands;
//   commands.add_to(app, [&](CLI::App& c) { settings::add_flags(c, Role::kClient, flags); });
//   … app.parse(…) …
//   if (commands.chosen()) exit_code = co_await commands.run(context);
//   else if nothing was chosen: exit_code = co_await welcome(context);
//
// Exit codes: 0 done (of an execution: completed and accomplished), 1 the execution failed, 2
// usage, 3 cancelled, 4 completed but not accomplished, 5 left running by Ctrl-C, 6 waited long
// enough while it waits for a person's answer, 75 waited long enough while it runs; any other
// trouble has the exit code of its ErrorCode (69: the server cannot be reached).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "personas/async/task.hpp"
#include "personas/base/clock.hpp"
#include "personas/base/error.hpp"
#include "personas/base/secret.hpp"
#include "personas/cli/attention.hpp"
#include "personas/cli/machine.hpp"
#include "personas/cli/secret_input.hpp"
#include "personas/cli/terminal.hpp"
#include "personas/net/client.hpp"

namespace CLI {
class App;
}

namespace personas::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitCancelled = 3;
inline constexpr int kExitNotAccomplished = 4;
inline constexpr int kExitDetached = 5;
inline constexpr int kExitNeedsAnswer = 6;

// What a command needs of the world. Everything outlives the command's task.
struct Context {
  net::Client& client;
  Terminal& terminal;
  const Clock& clock;
  std::string url;       // of the server: "http://127.0.0.1:3001"
  const Secret& key;     // may be empty; the server then says that one is needed
  std::string key_hint;  // where the key is looked for: "TEAM_API_KEY or ./data/team.key"
  // Contents of a file of the user; "-" is standard input.
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<Result<void>(const std::string& path, const std::string& text)> write_file;
  std::function<Task<void>(Duration)> pause;
  Machine* machine = nullptr;      // what doctor looks at
  std::string version = {};        // ours
  Attention* attention = nullptr;  // without it a command is not interrupted
  // The time of day where the person is, "14:05"; without it UTC.
  std::function<std::string(Timestamp)> clock_time = {};
  SecretInput* secrets = nullptr;  // without it nobody can be asked, and nothing is sealed
};

struct CommandLine;  // what was parsed

class Commands {
 public:
  Commands();
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  // Adds the subcommands. `add_connection_flags` is called for each, to add the flags that say
  // where the server is. This object outlives `app`.
  void add_to(CLI::App& app, const std::function<void(CLI::App&)>& add_connection_flags);
  // Whether the parsed command line named one of them.
  bool chosen() const;
  // Runs it and returns the exit code; every error has been written to the terminal.
  Task<int> run(Context& context);

 private:
  std::unique_ptr<CommandLine> line_;
};

// `personas` alone: says what to do next, which depends on whether a server answers.
Task<int> welcome(Context& context);

}  // namespace personas::cli
