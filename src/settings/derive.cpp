// Flags and documentation, from the table.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "personas/settings/load.hpp"
#include "personas/settings/table.hpp"

namespace personas::settings {
namespace {

struct TypeName {
  std::string operator()(std::string Settings::*) const { return "TEXT"; }
  std::string operator()(std::int64_t Settings::*) const { return "INT"; }
  std::string operator()(Duration Settings::*) const { return "DURATION"; }
  std::string operator()(Secret Settings::*) const { return "SECRET"; }
  std::string operator()(std::vector<std::string> Settings::*) const { return "LIST"; }
  std::string operator()(std::map<std::string, std::string> Settings::*) const {
    return "NAME=VALUE";
  }
  template <codec::DescribedEnum E>
  std::string operator()(E Settings::*) const {
    std::string out;
    for (const auto& value : codec::Described<E>::values) {
      if (!out.empty()) out += '|';
      out += value.name;
    }
    return out;
  }
};

std::string help_of(const Setting& setting) {
  std::string out(setting.doc);
  out += fmt::format(" [{}", setting.variable);
  if (!setting.fallback.empty()) out += fmt::format(", default {}", setting.fallback);
  return out + "]";
}

void add_secret(CLI::App& app, const Setting& setting, Flags& flags) {
  const std::string key = fmt::format("{}-file", setting.name);
  app.add_option_function<std::string>(
         "--" + key, [&flags, key](const std::string& path) { flags[key] = path; },
         fmt::format("File that holds it: {} [{}]", setting.doc, setting.variable))
      ->type_name("PATH")
      ->group("Secrets");
  // Hidden; exists to say why not.
  app.add_option_function<std::string>(
         fmt::format("--{}", setting.name),
         [&setting](const std::string&) {
           throw CLI::ValidationError(
               fmt::format("--{}", setting.name),
               fmt::format("every user of this machine can read the arguments of a process; set "
                           "{} in the environment or give --{}-file",
                           setting.variable, setting.name));
         },
         "")
      ->group("");
}

void add_flag(CLI::App& app, const Setting& setting, Flags& flags) {
  const std::string key(setting.name);
  const auto set = [&flags, key](const std::string& text) { flags[key] = text; };
  auto* option = app.add_option_function<std::string>("--" + key, set, help_of(setting));
  option->type_name(std::visit(TypeName{}, setting.member))->group("Settings");
  if (std::holds_alternative<Switch Settings::*>(setting.member)) {
    // "--allow-plaintext" alone means on.
    option->expected(0, 1)->default_str("on")->run_callback_for_default(false);
  }
  if (std::holds_alternative<std::vector<std::string> Settings::*>(setting.member) ||
      std::holds_alternative<std::map<std::string, std::string> Settings::*>(setting.member)) {
    option->join(',');  // may be repeated
  }
}

std::string roles_text(const Setting& setting) {
  constexpr std::array<std::pair<Role, std::string_view>, 4> kNames{{{Role::kUp, "up"},
                                                                     {Role::kServe, "serve"},
                                                                     {Role::kWorker, "worker"},
                                                                     {Role::kClient, "client"}}};
  std::string out;
  for (const auto& [role, name] : kNames) {
    if (!setting.is_for(role)) continue;
    if (!out.empty()) out += ' ';
    out += name;
  }
  return out;
}

std::string escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

}  // namespace

void add_flags(CLI::App& app, Role role, Flags& flags) {
  for (const auto& setting : kSettings) {
    if (!setting.is_for(role)) continue;
    if (setting.is_secret()) {
      add_secret(app, setting, flags);
    } else {
      add_flag(app, setting, flags);
    }
  }
}

std::string markdown() {
  std::string out =
      "# Settings\n\n"
      "Generated from `src/settings/include/personas/settings/table.hpp`; a test keeps it "
      "equal.\n\n"
      "A value is taken from the first of: flag (`--http-port 3001`), environment\n"
      "(`HTTP_PORT=3001`), `.env` in the working directory, the file of settings\n"
      "(`http-port: 3001`), default. An empty variable counts as not set, but for the secret of a\n"
      "webhook, where it is an error. Everything wrong is reported at once, each with its "
      "source.\n\n"
      "The file is `--config`, or `<data-dir>/personas.yaml` if it exists. Names it does not know\n"
      "are errors; settings of another role are ignored, so one file may serve several.\n\n"
      "Secrets are never flags, because every user of a machine can read the arguments of a\n"
      "process: use the variable, the variable with `_FILE` at its end (a path), `--<name>-file`,\n"
      "or the file of settings. `personas up` generates the master key, the team key and the\n"
      "worker token on its first start, into `<data-dir>/master.key`, `team.key` and\n"
      "`worker.token` (mode 0600). A configured value wins over such a file.\n\n"
      "| setting | variable | value | default | roles | what |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& setting : kSettings) {
    const auto flag = setting.is_secret() ? fmt::format("`--{}-file`", setting.name)
                                          : fmt::format("`--{}`", setting.name);
    const auto fallback =
        setting.fallback.empty() ? std::string("–") : fmt::format("`{}`", setting.fallback);
    out += fmt::format("| {} | `{}` | {} | {} | {} | {} |\n", flag, setting.variable,
                       escaped(expectation(setting)), fallback, roles_text(setting),
                       escaped(std::string(setting.doc)));
  }
  return out;
}

}  // namespace personas::settings
