// What is derived from the tree of commands: help for a typing mistake, completions, the man page.
// Pure; the tree is the CLI11 app with everything registered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace personas::cli {

// "Did you mean: personas status" for a command or flag that does not exist; empty if nothing is
// near. `arguments` without the program's name.
std::string did_you_mean(const CLI::App& app, const std::vector<std::string>& arguments);

// What can stand where the last word is: `words` without the program's name, the last one being
// typed (perhaps empty).
struct Completions {
  std::vector<std::string> words;
  // Names only the server knows, as `personas ls` calls them: personas, executions, …
  std::string kind;
};
Completions complete(const CLI::App& app, const std::vector<std::string>& words);

// The script of this shell (bash, zsh, fish) that asks `personas complete`.
std::optional<std::string> completion_script(std::string_view shell);

// troff with the macros of man(7).
std::string man_page(const CLI::App& app, std::string_view version);

}  // namespace personas::cli
