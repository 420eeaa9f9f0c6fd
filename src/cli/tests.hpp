// `personas test`: runs the scenarios of a persona and shows what came of them.
#pragma once

#include <string>
#include <vector>

#include "api.hpp"
#include "follow.hpp"

namespace personas::cli {

struct TestOptions {
  std::string persona;
  std::vector<std::string> scenarios;  // names or ids; none: all
  std::string backend;
  std::string model;
  int repeat = 1;
  Format format = Format::kText;
};

// Exit code 1 if anything did not pass.
Task<Result<int>> test_persona(Context& context, TestOptions options);

}  // namespace personas::cli
