#include "craft_commands.hpp"

#include <CLI/CLI.hpp>

#include "adder.hpp"
#include "apply.hpp"
#include "craft.hpp"
#include "design.hpp"
#include "new.hpp"

namespace personas::cli {

struct CraftLine::Options {
  bool json = false;  // CLI11 fills bools; they become enums on the way out
  bool yes = false;
  bool force = false;
  std::string name;
  std::string file = "-";
  std::int64_t version = 0;
  NewOptions fresh;
  DesignOptions edit;
  DiffOptions diff;
  PromptOptions prompt;

  Format format() const { return json ? Format::kJson : Format::kText; }
};

CraftLine::CraftLine() : options(std::make_unique<Options>()) {}
CraftLine::~CraftLine() = default;

namespace {

using Options = CraftLine::Options;
using CraftAdder = Adder<CraftLine>;

void add_new(CLI::App& app, CraftAdder& adder) {
  Options& options = adder.options();
  auto& fresh = adder.add(app, "new", "Make a persona from a description, or a template",
                          [](Context& context, Options& o) {
                            o.fresh.format = o.format();
                            return new_persona(context, o.fresh);
                          });
  fresh.add_option("description", options.fresh.description, "What it shall do, in your words");
  fresh.add_option("--backend", options.fresh.backend, "Who drafts it; claude if not given");
  fresh.add_option("--model", options.fresh.model, "With which model");
  fresh.add_flag_callback(
      "-y,--yes", [&options] { options.fresh.consent = Consent::kGiven; },
      "Apply the draft without asking");
  fresh.add_option("--template", options.fresh.template_id, "The template; --list shows them");
  fresh.add_option("--name", options.fresh.name, "Another name than the template's");
  fresh.add_flag_callback(
      "--list", [&options] { options.fresh.show = NewOptions::Show::kTemplates; },
      "List the templates");
}

void add_edit(CLI::App& app, CraftAdder& adder) {
  Options& options = adder.options();
  auto& edit = adder.add(app, "edit", "Have a persona changed as you describe",
                         [](Context& context, Options& o) {
                           o.edit.format = o.format();
                           o.edit.consent = o.yes ? Consent::kGiven : Consent::kAsk;
                           return design_persona(context, o.edit);
                         });
  edit.add_option("persona", options.edit.persona, "Its name or id")->required();
  edit.add_option("description", options.edit.description, "What shall be different")->required();
  edit.add_option("--backend", options.edit.backend, "Who drafts the change; claude if not given");
  edit.add_option("--model", options.edit.model, "With which model");
  edit.add_flag("-y,--yes", options.yes, "Apply the draft without asking");
}

void add_persona(CLI::App& app, CraftAdder& adder) {
  Options& options = adder.options();
  auto& persona = CraftAdder::group(app, "persona", "What a persona was, and how it changed");
  auto& versions = adder.add(
      persona, "versions", "List its versions, newest first",
      [](Context& context, Options& o) { return show_versions(context, o.name, o.format()); });
  versions.add_option("persona", options.name, "Its name or id")->required();
  auto& diff = adder.add(persona, "diff", "Show what differs between two versions",
                         [](Context& context, Options& o) {
                           o.diff.format = o.format();
                           return show_diff(context, o.diff);
                         });
  diff.add_option("persona", options.diff.persona, "Its name or id")->required();
  diff.add_option("from", options.diff.from, "A version; the one before the present if absent");
  diff.add_option("to", options.diff.to, "A version; the present one if absent");
  auto& restore = adder.add(persona, "restore", "Make it what it was in a version",
                            [](Context& context, Options& o) {
                              return restore_version(context, o.name, o.version, o.format());
                            });
  restore.add_option("persona", options.name, "Its name or id")->required();
  restore.add_option("version", options.version, "The version")->required();
}

void add_library(CLI::App& app, CraftAdder& adder) {
  Options& options = adder.options();
  auto& tool = CraftAdder::group(app, "tool", "Tools that come with the program");
  adder.add(tool, "library", "List them, and which are installed",
            [](Context& context, Options& o) { return show_library(context, o.format()); });
  auto& install = adder.add(
      tool, "install", "Install one, or its newer version", [](Context& context, Options& o) {
        return install_tool(context, o.name, o.force ? Force::kYes : Force::kNo, o.format());
      });
  install.add_option("tool", options.name, "Its name")->required();
  install.add_flag("--force", options.force, "Also over what somebody has changed");
  auto& connector = CraftAdder::group(app, "connector", "Types of credentials");
  adder.add(connector, "ls", "List them",
            [](Context& context, Options& o) { return show_connectors(context, o.format()); });
  auto& show = adder.add(
      connector, "show", "Show what one consists of and where to get it",
      [](Context& context, Options& o) { return show_connector(context, o.name, o.format()); });
  show.add_option("type", options.name, "Such as gitlab")->required();
  auto& check = adder.add(
      connector, "check", "Try a stored credential on its service",
      [](Context& context, Options& o) { return check_credential(context, o.name, o.format()); });
  check.add_option("credential", options.name, "Its name or id")->required();
}

void add_files(CLI::App& app, CraftAdder& adder) {
  Options& options = adder.options();
  auto& prompt = adder.add(app, "prompt", "Show the prompt a run would get; nothing is run",
                           [](Context& context, Options& o) {
                             o.prompt.format = o.format();
                             return show_prompt(context, o.prompt);
                           });
  prompt.add_option("persona", options.prompt.persona, "Its name or id")->required();
  prompt.add_option("task", options.prompt.task, "The task; - reads it from standard input");
  prompt.add_option("--input", options.prompt.input, "Input data: JSON, or @file that holds it");
  auto& exporting = adder.add(
      app, "export", "Write a persona with its tools as YAML, no secrets",
      [](Context& context, Options& o) { return export_persona(context, o.name, o.file); });
  exporting.add_option("persona", options.name, "Its name or id")->required();
  exporting.add_option("-o,--output", options.file, "The file; standard output if absent");
  auto& importing = adder.add(
      app, "import", "Show what a file would change, and with --yes make it so",
      [](Context& context, Options& o) {
        return import_file(context, o.file, o.yes ? Consent::kGiven : Consent::kAsk, o.format());
      });
  importing.add_option("file", options.file, "The file; - reads standard input")->required();
  importing.add_flag("--yes", options.yes, "Make it so");
}

}  // namespace

void add_craft(CLI::App& app, CraftLine& line,
               const std::function<void(CLI::App&)>& add_connection_flags) {
  CraftAdder adder(line, add_connection_flags);
  add_new(app, adder);
  add_edit(app, adder);
  add_persona(app, adder);
  add_library(app, adder);
  add_files(app, adder);
}

}  // namespace personas::cli
