// The subcommands of the command line, and which function each calls.
#include "personas/cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "personas/evaluation/scenario.hpp"

#include "apply.hpp"
#include "craft_commands.hpp"
#include "doctor.hpp"
#include "exit_codes.hpp"
#include "lists.hpp"
#include "manage.hpp"
#include "registry.hpp"
#include "run.hpp"
#include "secret_commands.hpp"
#include "tests.hpp"
#include "usage.hpp"

namespace personas::cli {

struct CommandLine {
  using Run = Task<Result<int>> (*)(Context&, CommandLine&);

  Run action = nullptr;
  cli::Action own;  // of commands that keep their own options
  bool quiet = false;
  bool json = false;  // CLI11 fills bools; they become enums on the way out
  bool follow = false;
  bool raw = false;
  bool fix = false;
  RunOptions run;
  LogsOptions logs;
  ListOptions list;
  CraftLine craft;
  SecretLine secret;
  std::vector<std::string> files;
  std::string execution;
  UsageOptions usage;
  HealOptions heal;
  TestOptions tests;

  Format format() const { return json ? Format::kJson : Format::kText; }
  Watch watch() const { return follow ? Watch::kFollow : Watch::kNo; }
  Rendering rendering() const { return raw ? Rendering::kRaw : Rendering::kReadable; }
};

namespace {

// Actions that either work or fail.
Result<int> done(Result<void> result) {
  if (!result) return fail(std::move(result.error()));
  return kExitDone;
}

class Registrar {
 public:
  Registrar(CLI::App& app, const std::function<void(CLI::App&)>& add_connection_flags)
      : app_(app), add_connection_flags_(add_connection_flags) {}

  CLI::App& add(CommandLine& line, std::string name, std::string description,
                CommandLine::Run action) {
    CLI::App& command = *app_.add_subcommand(std::move(name), std::move(description));
    command.add_flag("--json", line.json, "Print JSON, for programs");
    command.add_flag("-q,--quiet", line.quiet, "Print results and errors only");
    add_connection_flags_(command);
    command.callback([&line, action] { line.action = action; });
    return command;
  }

 private:
  CLI::App& app_;
  const std::function<void(CLI::App&)>& add_connection_flags_;
};

void add_run(Registrar& registrar, CommandLine& line) {
  auto& command = registrar.add(line, "run", "Run a persona",
                                [](Context& context, CommandLine& line) -> Task<Result<int>> {
                                  line.run.watch = line.watch();
                                  line.run.rendering = line.rendering();
                                  line.run.format = line.format();
                                  return run_persona(context, line.run);
                                });
  command.add_option("persona", line.run.persona, "Its name or id")->required();
  command.add_option("prompt", line.run.prompt, "The task; - reads it from standard input");
  command.add_flag("-f,--follow", line.follow, "Show its output live, to the end");
  command.add_flag("--raw", line.raw, "With --follow: its output as the agent program writes it");
  command.add_option("--wait", line.run.wait, "Wait so long for the end, such as 60s");
  command.add_option("--input", line.run.input, "Input data: JSON, or @file that holds it");
  command.add_option("--timeout", line.run.timeout, "Longest time of one attempt, such as 5m");
  command.add_option_function<std::int64_t>(
      "--priority", [&line](const std::int64_t& priority) { line.run.priority = priority; },
      "Higher runs first (-100 to 100)");
  command.footer(exit_code_help());
}

void add_watching(Registrar& registrar, CommandLine& line) {
  auto& logs_command = registrar.add(line, "logs", "Show the output of an execution",
                                     [](Context& context, CommandLine& line) -> Task<Result<int>> {
                                       line.logs.watch = line.watch();
                                       line.logs.format = line.format();
                                       line.logs.rendering = line.rendering();
                                       return logs(context, line.logs);
                                     });
  logs_command.add_option("execution", line.logs.execution, "Its id, an end of it, or: last")
      ->required();
  logs_command.add_flag("-f,--follow", line.follow, "Go on until it ends");
  logs_command.add_flag("--raw", line.raw, "As the agent program wrote it");
  logs_command.footer(exit_code_help());

  auto& ls = registrar.add(line, "ls", "List what there is",
                           [](Context& context, CommandLine& line) -> Task<Result<int>> {
                             line.list.format = line.format();
                             co_return done(co_await list(context, line.list));
                           });
  ls.add_option("what", line.list.kind, "executions (the default), personas, tools, events, …")
      ->check(CLI::IsMember(std::vector<std::string>(kListKinds.begin(), kListKinds.end())));
  ls.add_option("--status", line.list.status, "Only those in this state");
  ls.add_option("--persona", line.list.persona, "Only those of this persona (name or id)");
  ls.add_option("--group", line.list.group, "Only personas of this group (name or id)");
  ls.add_option("--limit", line.list.limit, "At most so many")->check(CLI::Range(1, 500));

  auto& doctor_command =
      registrar.add(line, "doctor", "Look for trouble, and say what cures it",
                    [](Context& context, CommandLine& line) -> Task<Result<int>> {
                      const auto mend = line.fix ? Mend::kWhatIsSafe : Mend::kNothing;
                      return doctor(context, mend, line.format());
                    });
  doctor_command.add_flag("--fix", line.fix, "Mend what can be mended safely");

  registrar.add(line, "status", "Show workers, queue, and what waits for what",
                [](Context& context, CommandLine& line) -> Task<Result<int>> {
                  co_return done(co_await status(context, line.format()));
                });
}

void add_changing(Registrar& registrar, CommandLine& line) {
  auto& cancel_command =
      registrar.add(line, "cancel", "Cancel an execution",
                    [](Context& context, CommandLine& line) -> Task<Result<int>> {
                      co_return done(co_await cancel(context, line.execution, line.format()));
                    });
  cancel_command.add_option("execution", line.execution, "Its id, an end of it, or: last")
      ->required();

  auto& apply_command =
      registrar.add(line, "apply", "Create or update personas, tools and groups from YAML files",
                    [](Context& context, CommandLine& line) -> Task<Result<int>> {
                      co_return done(co_await apply(context, line.files, line.format()));
                    });
  apply_command.add_option("-f,--file", line.files, "The file; - reads standard input")->required();
}

void add_care(Registrar& registrar, CommandLine& line) {
  auto& usage_command = registrar.add(line, "usage", "Show what was used: runs, time, tokens, cost",
                                      [](Context& context, CommandLine& line) -> Task<Result<int>> {
                                        line.usage.format = line.format();
                                        co_return done(co_await usage(context, line.usage));
                                      });
  usage_command.add_option("--since", line.usage.since, "How far back, such as 24h; 30d");
  usage_command.add_option("--by", line.usage.by, "hour, day, persona, backend, model or worker")
      ->check(CLI::IsMember({"hour", "day", "persona", "backend", "model", "worker"}));
  usage_command.add_option("--persona", line.usage.persona, "Only of this persona (name or id)");

  auto& heal_command = registrar.add(line, "heal", "Show why a run failed, and mend it",
                                     [](Context& context, CommandLine& line) -> Task<Result<int>> {
                                       line.heal.format = line.format();
                                       co_return done(co_await heal(context, line.heal));
                                     });
  heal_command.add_option("execution", line.heal.execution, "Its id, an end of it, or: last")
      ->required();
  heal_command.add_flag("--apply", line.heal.apply, "Apply the fix and run again");
  heal_command.add_flag("--no-rerun", line.heal.no_rerun, "Apply the fix only");
  heal_command.add_flag("--repeat-effects", line.heal.repeat_effects,
                        "Run again although the run used tools");
}

void add_testing(Registrar& registrar, CommandLine& line) {
  auto& test = registrar.add(line, "test", "Run the test scenarios of a persona",
                             [](Context& context, CommandLine& line) -> Task<Result<int>> {
                               line.tests.format = line.format();
                               return test_persona(context, line.tests);
                             });
  test.add_option("persona", line.tests.persona, "Its name or id")->required();
  test.add_option("--scenario", line.tests.scenarios, "Only this one; may be given several times");
  test.add_option("--repeat", line.tests.repeat, "How often each is run")
      ->check(CLI::Range(1, static_cast<int>(evaluation::kMaxRepetitions)));
  test.add_option("--backend", line.tests.backend, "Instead of the persona's");
  test.add_option("--model", line.tests.model, "Instead of the persona's");
}

// What is said about results is not said.
class QuietTerminal final : public Terminal {
 public:
  explicit QuietTerminal(Terminal& under) : under_(under) {}
  void out(std::string_view text) override { under_.out(text); }
  void err(std::string_view) override {}
  Attached attached() const override { return under_.attached(); }
  std::size_t width() const override { return under_.width(); }
  Colours colours() const override { return under_.colours(); }

 private:
  Terminal& under_;
};

Context with_terminal(const Context& context, Terminal& terminal) {
  return {context.client,   terminal,          context.clock,      context.url,    context.key,
          context.key_hint, context.read_file, context.write_file, context.pause,  context.machine,
          context.version,  context.attention, context.clock_time, context.secrets};
}

}  // namespace

Commands::Commands() : line_(std::make_unique<CommandLine>()) {}
Commands::~Commands() = default;

void Commands::add_to(CLI::App& app, const std::function<void(CLI::App&)>& add_connection_flags) {
  // One command a line: else a word behind it that names another one is taken for that, as in
  // "ls events".
  app.require_subcommand(0, 1);
  Registrar registrar(app, add_connection_flags);
  add_run(registrar, *line_);
  add_watching(registrar, *line_);
  add_changing(registrar, *line_);
  add_care(registrar, *line_);
  add_testing(registrar, *line_);
  add_craft(app, line_->craft, add_connection_flags);
  add_secret_commands(app, line_->secret, add_connection_flags);
  Registry registry(app, add_connection_flags, line_->own, line_->quiet);
  add_show_command(registry);
  add_inbox_commands(registry);
  add_memory_commands(registry);
  add_call_command(registry);
  add_event_commands(registry);
  add_subscription_commands(registry);
  add_trigger_commands(registry);
  add_webhook_commands(registry);
  add_tree_commands(registry);
}

bool Commands::chosen() const {
  return line_->action != nullptr || line_->own || line_->craft.chosen || line_->secret.chosen;
}

Task<int> Commands::run(Context& context) {
  QuietTerminal quiet(context.terminal);
  Context here = with_terminal(context, line_->quiet ? quiet : context.terminal);
  const auto& named = line_->craft.chosen ? line_->craft.chosen : line_->secret.chosen;
  if (named) {
    const auto outcome = co_await named(here);
    co_return outcome ? kExitDone : report(context.terminal, outcome.error());
  }
  auto code = co_await (line_->own ? line_->own(here) : line_->action(here, *line_));
  if (code) co_return *code;
  co_return report(context.terminal, code.error());
}

}  // namespace personas::cli
