// Reads settings from all their sources, and derives flags and documentation from the table.
//
// No I/O here: the environment is passed in, files are read through a function of the caller.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/error.hpp"
#include "personas/settings/settings.hpp"

namespace CLI {
class App;
}

namespace personas::settings {

// Larger files are not settings; refused.
inline constexpr std::size_t kMaxFileBytes = 256 * 1024;

// By flag name without dashes. Secrets appear as "<name>-file", never by value.
using Flags = std::map<std::string, std::string>;

// Adds the flags of a role; parsing the command line fills `flags`, which must outlive `app`.
void add_flags(CLI::App& app, Role role, Flags& flags);

struct Inputs {
  Flags flags;
  std::map<std::string, std::string> environment;
  // Contents of a file, nullopt if there is none.
  std::function<Result<std::optional<std::string>>(const std::string& path)> read_file;
};

// Everything wrong is reported at once, as kMisconfigured; each field error names its source.
// An empty variable counts as not set.
Result<Settings> load(Role role, const Inputs& inputs);

// docs/settings.md.
std::string markdown();

struct DotEnvEntry {
  std::string name;
  std::string value;
  int line = 0;
};
// KEY=value lines: "export " in front, comments, 'literal' and "escaped \n" quotes. Nothing is
// substituted. The last of equal names counts.
Result<std::vector<DotEnvEntry>> parse_dot_env(std::string_view text);

}  // namespace personas::settings
