#include "personas/cli/tree.hpp"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/suggest.hpp"

#include "exit_codes.hpp"

namespace personas::cli {
namespace {

bool is_hidden(const CLI::App& app) {
  return app.get_group().empty();
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !is_hidden(*command); });
}

const CLI::App* command_named(const CLI::App& app, std::string_view name) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

const CLI::Option* flag_named(const CLI::App& app, std::string_view word) {
  for (const auto* option : app.get_options()) {
    if (option->nonpositional() && option->check_name(std::string(word))) return option;
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

std::string closest_of(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return std::string(closest(word, views));
}

// What a value of this name is a name of.
std::string kind_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kKinds{
      {{"persona", "personas"},
       {"execution", "executions"},
       {"review", "reviews"},
       {"message", "messages"},
       {"memory", "memories"},
       {"event", "events"},
       {"subscription", "subscriptions"},
       {"trigger", "triggers"},
       {"source", "webhook sources"},
       {"webhook", "webhooks in"},
       {"endpoint", "webhooks out"}}};
  const auto found = std::ranges::find(kKinds, name, [](const auto& kind) { return kind.first; });
  return found == kKinds.end() ? std::string() : std::string(found->second);
}

// Where in the tree the words before the last one lead.
struct Place {
  const CLI::App* command;
  const CLI::Option* wants_value = nullptr;  // the word before is a flag that takes one
  std::size_t positionals = 0;               // given already
  std::string path;                          // "personas memory ls"
};

Place walk(const CLI::App& app, const std::vector<std::string>& words, std::size_t count) {
  Place place{.command = &app, .path = app.get_name()};
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& word = words[i];
    if (place.wants_value != nullptr) {
      place.wants_value = nullptr;
    } else if (word.starts_with('-') && word.size() > 1) {
      const auto* flag = flag_named(*place.command, word.substr(0, word.find('=')));
      if (flag != nullptr && takes_value(*flag) && !word.contains('=')) place.wants_value = flag;
    } else if (const auto* command = command_named(*place.command, word);
               command != nullptr && place.positionals == 0) {
      place.command = command;
      place.path += " " + word;
    } else {
      ++place.positionals;
    }
  }
  return place;
}

// ---- man ----

std::string troff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += "\\&";
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string synopsis_of(const CLI::App& command) {
  std::string out;
  for (const auto* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const auto name = option->get_name(true);
    out += option->get_required() ? " " + name : " [" + name + "]";
  }
  return out;
}

void add_command(std::string& out, const CLI::App& command, const std::string& path) {
  const auto nested = commands_of(command);
  out += fmt::format(".SS \"{}{}\"\n{}\n", troff(path), troff(synopsis_of(command)),
                     troff(command.get_description()));
  if (nested.empty()) {
    for (const auto* option : command.get_options()) {
      const bool is_flag = option->nonpositional();
      const auto name = is_flag ? option->get_name(false, true) : option->get_name(true);
      out += fmt::format(".TP\n.B {}\n{}\n", troff(name), troff(option->get_description()));
    }
  }
  for (const auto* sub : nested) add_command(out, *sub, path + " " + sub->get_name());
}

}  // namespace

std::string did_you_mean(const CLI::App& app, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto place = walk(app, arguments, i);
    const std::string& word = arguments[i];
    if (place.wants_value != nullptr) continue;
    std::vector<std::string> known;
    const std::string flag = word.substr(0, word.find('='));
    if (word.starts_with("--") && flag_named(*place.command, flag) == nullptr) {
      const auto near = closest_of(flag, flags_of(*place.command));
      return near.empty() ? near : fmt::format("Did you mean: {} {}", place.path, near);
    }
    const auto commands = commands_of(*place.command);
    if (word.starts_with('-') || commands.empty() || command_named(*place.command, word)) continue;
    for (const auto* command : commands) known.push_back(command->get_name());
    const auto near = closest_of(word, known);
    return near.empty() ? near : fmt::format("Did you mean: {} {}", place.path, near);
  }
  return {};
}

Completions complete(const CLI::App& app, const std::vector<std::string>& words) {
  const std::string typed = words.empty() ? std::string() : words.back();
  const auto place = walk(app, words, words.empty() ? 0 : words.size() - 1);
  Completions out;
  const auto offer = [&](const std::string& word) {
    if (word.starts_with(typed)) out.words.push_back(word);
  };
  if (place.wants_value != nullptr) {
    const auto names = place.wants_value->get_lnames();
    if (!names.empty()) out.kind = kind_of(names.front());
    return out;
  }
  if (typed.starts_with('-')) {
    for (const auto& flag : flags_of(*place.command)) offer(flag);
    return out;
  }
  if (place.positionals == 0) {
    for (const auto* command : commands_of(*place.command)) offer(command->get_name());
  }
  std::size_t index = 0;
  for (const auto* option : place.command->get_options()) {
    if (!option->get_positional() || index++ != place.positionals) continue;
    out.kind = kind_of(option->get_name(true));
    // What has a name is called by it.
    const bool has_name = out.kind == "personas" || out.kind == "webhook sources";
    if (!out.kind.empty() && !has_name) offer("last");
  }
  return out;
}

std::optional<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") {
    return "_personas() {\n"
           "  local IFS=$'\\n'\n"
           "  COMPREPLY=($(personas complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
           "}\n"
           "complete -o default -F _personas personas\n";
  }
  if (shell == "zsh") {
    return "#compdef personas\n"
           "_personas() {\n"
           "  local -a found\n"
           "  found=(\"${(@f)$(personas complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
           "  if [[ -n \"${found[1]}\" ]]; then compadd -a found; else _files; fi\n"
           "}\n"
           "if [[ \"$funcstack[1]\" = _personas ]]; then _personas; else compdef _personas "
           "personas; "
           "fi\n";
  }
  if (shell == "fish") {
    return "complete -c personas -a '(personas complete -- (commandline -opc)[2..-1] (commandline "
           "-ct) 2>/dev/null)'\n";
  }
  return std::nullopt;
}

std::string man_page(const CLI::App& app, std::string_view version) {
  std::string out = fmt::format(
      ".TH PERSONAS 1 \"\" \"Personas {}\"\n.SH NAME\npersonas \\- {}\n"
      ".SH SYNOPSIS\n.B personas\n.I command\n[\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\nWithout a command it says what to do next.\n.SH COMMANDS\n",
      troff(version), troff(app.get_description()));
  for (const auto* command : commands_of(app)) {
    add_command(out, *command, "personas " + command->get_name());
  }
  out += ".SH EXIT STATUS\n";
  for (const auto& row : kExitCodes) {
    out += fmt::format(".TP\n.B {}\n{}\n", row.code, troff(row.meaning));
  }
  out +=
      ".SH ENVIRONMENT\n.TP\n.B TEAM_API_KEY\nThe key of the server.\n.TP\n.B PERSONAS_URL\nWhere "
      "the server is.\n.TP\n.B NO_COLOR, TERM=dumb\nNo colours; no live line.\n.TP\n.B "
      "COLUMNS\nThe width to write for.\n";
  return out;
}

}  // namespace personas::cli
