// One line of Claude Code's stream-json, read into items. Private to the module.
//
// What differs between versions is met here: the order of members (2.1.330 writes the type of its
// `result` late), several `init` and `result` lines in one run (its sub-agents work in the
// background and wake the main agent again), where a denied tool is told (a line of its own, or
// only the result).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "line_reader.hpp"

namespace personas::agents {

class StreamJsonReader final : public LineReader {
 public:
  LineKind read(std::string_view line, std::vector<AgentItem>& items) override;

 private:
  using Items = std::vector<AgentItem>;
  struct Line;  // the members that matter, as they stand
  struct Type;

  bool read_assistant(const Line& line, Items& items);
  bool read_user(const Line& line, Items& items);
  bool read_system(const Line& line, Items& items);
  bool read_rate_limit(const Line& line, Items& items);
  bool read_result(const Line& line, Items& items);
  void read_block(std::string_view block, Speaker speaker, Items& items);
  void read_started(const Line& line, Items& items);
  ToolResult tool_result(std::string_view id, std::string_view content,
                         std::string_view is_error) const;

  std::string session_id_;           // that was announced
  std::vector<std::string> denied_;  // tool calls, at most kMaxDenials
  std::string error_kind_;           // of the newest notice of the CLI
  std::optional<Timestamp> limit_resets_at_;
  Final so_far_;  // of the `result` lines before: what each of them tells of its own part only
};

}  // namespace personas::agents
