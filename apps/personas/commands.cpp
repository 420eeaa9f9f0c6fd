#include "commands.hpp"

#include <array>
#include <ctime>
#include <iterator>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "personas/cli/commands.hpp"
#include "personas/cli/tree.hpp"
#include "personas/net_beast/client.hpp"
#include "personas/os/files.hpp"
#include "personas/os/process.hpp"

#include "keys.hpp"
#include "machine.hpp"
#include "person.hpp"
#include "roles.hpp"
#include "terminal.hpp"
#include "world.hpp"

namespace personas::app {
namespace {

using settings::Role;

// A file named on the command line: a prompt, input data, a persona.
constexpr std::size_t kMaxUserFile = 4 * 1024 * 1024;
// `personas` alone is typed to be told something, not to wait.
constexpr Duration kWelcomeDeadline = seconds(1);

Result<std::string> read_user_file(const std::string& path) {
  return path == "-" ? os::read_standard_input(kMaxUserFile) : os::read_file(path, kMaxUserFile);
}

Task<void> pause(Duration duration) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  timer.expires_after(duration);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

std::string local_clock_time(Timestamp time) {
  const std::time_t at = time.micros / 1'000'000;
  std::tm parts{};
  if (::localtime_r(&at, &parts) == nullptr) return to_rfc3339(time);
  return fmt::format("{:02}:{:02}", parts.tm_hour, parts.tm_min);
}

// A loop whose unfinished tasks can be ended while what they use is still there; the destructor of
// the loop itself comes after all that was made on it.
class ClientLoop : public boost::asio::io_context {
 public:
  ClientLoop() : io_context(1) {}
  void abandon_tasks() { shutdown(); }
};

// Runs a client command on a loop of its own; nullptr shows the welcome.
int run_client(World& world, settings::Settings settings, const settings::Flags& flags,
               cli::Commands* commands) {
  ClientLoop loop;
  net::ClientOptions options;
  options.ca_file = settings.ca_file;
  if (commands == nullptr) {
    options.connect_deadline = kWelcomeDeadline;
    options.response_deadline = kWelcomeDeadline;
  }
  const auto client = net_beast::make_client(loop, options);
  StandardTerminal terminal(world);
  ProcessAttention attention(loop, terminal);
  ThisMachine machine(world, flags);
  const Secret key = client_key(settings);
  Person person(world);
  cli::Context context{.client = *client,
                       .terminal = terminal,
                       .clock = world.clock,
                       .url = settings.url,
                       .key = key,
                       .key_hint = "TEAM_API_KEY or " + settings.data_dir + "/team.key",
                       .read_file = read_user_file,
                       .write_file = os::write_private_file,
                       .pause = pause,
                       .machine = &machine,
                       .version = PERSONAS_VERSION,
                       .attention = &attention,
                       .clock_time = local_clock_time,
                       .secrets = &person};
  int exit_code = info(ErrorCode::kInternal).exit_code;
  boost::asio::co_spawn(
      loop, commands != nullptr ? commands->run(context) : cli::welcome(context),
      [&](std::exception_ptr failure, int code) {
        exit_code = failure ? exit_code : code;
        loop.stop();  // idle connections that are kept for reuse would hold it open
      });
  loop.run();
  loop.abandon_tasks();
  return attention.left_with().value_or(exit_code);
}

struct RoleCommand {
  Role role;
  const char* name;
  const char* doc;
  int (*run)(World&, settings::Settings);
};

constexpr std::array kRoles{
    RoleCommand{Role::kUp, "up", "Run everything on this machine: the platform and a worker",
                &run_up},
    RoleCommand{Role::kServe, "serve", "Run the orchestrator alone", &run_serve},
    RoleCommand{Role::kWorker, "worker", "Run a worker that connects to an orchestrator",
                &run_worker}};

int parse_and_run(CLI::App& app, World& world, int argc, char** argv) {
  std::array<settings::Flags, kRoles.size()> role_flags;
  std::array<CLI::App*, kRoles.size()> role_apps{};
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    role_apps[i] = app.add_subcommand(kRoles[i].name, kRoles[i].doc);
    settings::add_flags(*role_apps[i], kRoles[i].role, role_flags[i]);
  }
  settings::Flags client_flags;
  cli::Commands commands;
  commands.add_to(
      app, [&](CLI::App& command) { settings::add_flags(command, Role::kClient, client_flags); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    if (code == 0) return 0;
    const auto hint = cli::did_you_mean(app, {argv + 1, argv + argc});
    if (!hint.empty()) write_all(2, hint + "\n");
    return cli::kExitUsage;
  }
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    if (!role_apps[i]->parsed()) continue;
    auto loaded = load_settings(kRoles[i].role, role_flags[i], world);
    if (!loaded) return report(loaded.error());
    return kRoles[i].run(world, std::move(*loaded));
  }
  auto loaded = load_settings(Role::kClient, client_flags, world);
  if (!loaded) return report(loaded.error());
  return run_client(world, std::move(*loaded), client_flags,
                    commands.chosen() ? &commands : nullptr);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  os::harden_process();
  World world;
  world.environment = os::environment();
  CLI::App app{"Personas: an always-on platform for AI agents", "personas"};
  app.set_version_flag("--version", std::string(PERSONAS_VERSION));
  return parse_and_run(app, world, argc, argv);
}

}  // namespace personas::app
