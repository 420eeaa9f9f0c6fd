// `personas usage` and `personas heal`: what was used, and what mends a failed run.
#pragma once

#include <string>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

struct UsageOptions {
  std::string since = "30d";  // a duration back from now
  std::string by = "day";
  std::string persona;  // id or name
  Format format = Format::kText;
};

Task<Result<void>> usage(Context& context, UsageOptions options);

struct HealOptions {
  std::string execution;
  bool apply = false;           // else it is only shown
  bool repeat_effects = false;  // run again although it used tools
  bool no_rerun = false;
  Format format = Format::kText;
};

Task<Result<void>> heal(Context& context, HealOptions options);

}  // namespace personas::cli
