// What `codex exec --json` writes, line by line (seen with 0.169.0). Private to the module.
//
// The agent's words are the `agent_message` items. Commands, file changes, MCP calls, searches and
// sub-agents are items too, with a start and an end; whichever is seen first makes the tool call.
// `turn.completed` ends a run well and `turn.failed` badly; a plain `error` is a notice of the CLI
// (it reconnects, say), and only the end if nothing follows. The CLI names no cost, and its usage
// counts a continued conversation from its beginning.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json_line.hpp"

namespace personas::agents {

class CodexReader final : public TypedLineReader {
 private:
  LineKind take(std::string_view type, const boost::json::object& line,
                std::vector<AgentItem>& items) override;
  LineKind take_item(bool completed, const boost::json::object& line,
                     std::vector<AgentItem>& items);
  void take_tool(bool completed, const boost::json::object& item, std::vector<AgentItem>& items);
  void end(const boost::json::object& line, std::vector<AgentItem>& items);

  std::string session_id_;
  std::string last_text_;
  std::set<std::string, std::less<>> running_;  // tool calls without a result
  std::int64_t messages_ = 0;
};

}  // namespace personas::agents
