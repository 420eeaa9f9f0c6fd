#include "turn_view.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "format.hpp"
#include "tool_lines.hpp"

namespace personas::cli {

void TurnView::show_text(const Turn& turn, Shown& shown) {
  const std::string text = agents::clean_text(turn.text);
  if (text.size() <= shown.text_bytes) return;
  std::string fresh = text.substr(shown.text_bytes);
  shown.text_bytes = text.size();
  if (!fresh.ends_with('\n')) fresh += '\n';
  if (turn.parent_tool_id) {
    terminal_.err(paint(terminal_, Paint::kDim, indented(fresh)));
  } else {
    terminal_.out(fresh);
  }
}

void TurnView::show(const Turn& turn) {
  Shown& shown = shown_[{turn.attempt, turn.turn}];
  const Depth depth = turn.parent_tool_id ? Depth::kSubAgent : Depth::kAgent;
  show_text(turn, shown);
  for (const auto& tool : turn.tools) {
    const auto [known, is_new] = shown.tools.try_emplace(tool.id, ToolState::kRunning);
    if (is_new) terminal_.err(tool_started(terminal_, tool.name, tool.input, depth));
    if (known->second == tool.state) continue;
    known->second = tool.state;
    const ToolEnd end{
        .name = tool.name,
        .state = tool.state,
        .took = tool.duration_ms ? std::optional<Duration>(milliseconds(*tool.duration_ms))
                                 : std::nullopt,
        .bytes = static_cast<std::size_t>(std::max<std::int64_t>(tool.result_bytes, 0)),
        .summary = tool.result};
    terminal_.err(tool_ended(terminal_, end, depth));
  }
  if (turn.tools_omitted > shown.omitted) {
    shown.omitted = turn.tools_omitted;
    terminal_.err(paint(terminal_, Paint::kDim,
                        fmt::format("  and {} more tool calls\n", turn.tools_omitted)));
  }
}

}  // namespace personas::cli
