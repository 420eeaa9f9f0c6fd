// The demo agent: a script that speaks the protocols without a model, so that a new installation
// can be tried out. It says on every line that it is a demo. Pure; the app prints it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"

namespace personas::agents {

// How a prompt that asks for a persona begins, and where in it the user's words are: between the
// label and the heading after it. The demo agent answers such a prompt with a draft.
inline constexpr std::string_view kDesignTitle = "# Design a persona\n";
inline constexpr std::string_view kDesignLabel = "## What the user wants\n\n";
inline constexpr std::string_view kDesignEnd = "\n\n## Answer\n";

struct DemoLine {
  std::string text;  // one line, without its end
  Duration pause{};  // before it is written
};

// `prompt` as assembled, or a bare task. Under two seconds in all.
std::vector<DemoLine> demo_script(std::string_view prompt);

}  // namespace personas::agents
