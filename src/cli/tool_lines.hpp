// How a tool call looks: one line when it starts, one when it ends, whoever reports it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personas/base/time.hpp"
#include "personas/cli/terminal.hpp"
#include "personas/model/turn.hpp"

namespace personas::cli {

enum class Depth : std::uint8_t { kAgent, kSubAgent };

struct ToolEnd {
  std::string_view name;
  ToolState state = ToolState::kDone;
  std::optional<Duration> took;
  std::size_t bytes = 0;
  std::string_view summary;
};

// Each ends with a line end, and is one row of the terminal.
std::string tool_started(const Terminal& terminal, std::string_view name, std::string_view input,
                         Depth depth);
std::string tool_ended(const Terminal& terminal, const ToolEnd& end, Depth depth);

// Every line of `text` two columns to the right, for what a sub-agent says.
std::string indented(std::string_view text);

}  // namespace personas::cli
