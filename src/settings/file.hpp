// The YAML file of settings: one map, keys are setting names (or "<secret>-file").
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "personas/base/error.hpp"

namespace personas::settings {

struct FileEntry {
  std::string text;  // lists and maps in the comma-separated form of flags
  int line = 0;
};

// By key, all known; unknown and repeated keys are errors that name the line and what was probably
// meant. `path` is only for messages.
Result<std::map<std::string, FileEntry>> parse_file(std::string_view text, const std::string& path);

}  // namespace personas::settings
