// The demo agent: a script that speaks the protocols without a model, so that a new installation
// can be tried out. It says on every line that it is a demo. Pure; the app prints it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"

namespace personas::agents {

struct DemoLine {
  std::string text;  // one line, without its end
  Duration pause{};  // before it is written
};

// `prompt` as assembled, or a bare task. Under two seconds in all.
std::vector<DemoLine> demo_script(std::string_view prompt);

}  // namespace personas::agents
