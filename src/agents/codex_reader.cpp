#include "codex_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

// Calls remembered until their end; a CLI that loses more is not one we know.
constexpr std::size_t kMaxRunning = 1000;

// An item that is a tool call: what it is called, where its input and its output stand.
struct Tool {
  std::string_view type;
  std::string_view name;    // as people see it
  std::string_view input;   // field
  std::string_view output;  // field; empty: it has none
};

constexpr std::array kTools = {
    Tool{"command_execution", "shell", "command", "aggregated_output"},
    Tool{"file_change", "apply_patch", "changes", ""},
    Tool{"mcp_tool_call", "mcp", "arguments", "result"},
    Tool{"web_search", "web_search", "query", ""},
    Tool{"collab_tool_call", "agent", "prompt", ""},
};

const Tool* find_tool(std::string_view type) {
  const auto* found = std::ranges::find(kTools, type, &Tool::type);
  return found == kTools.end() ? nullptr : found;
}

std::string name_of(const Tool& tool, const bj::object& item) {
  const auto called = text_of(item, "tool");  // of MCP and of sub-agents
  if (called.empty()) return std::string(tool.name);
  const auto server = text_of(item, "server");
  return clean_line(fmt::format("{}{}{}", server, server.empty() ? "" : ".", called), kMaxSummary);
}

std::string input_of(const Tool& tool, const bj::object& item) {
  if (const auto text = text_of(item, tool.input); !text.empty()) {
    return clean_line(text, kMaxSummary);
  }
  if (const auto* changes = array_of(item, tool.input)) {
    std::string paths;
    for (const auto& change : *changes) {
      const auto* object = change.if_object();
      if (object == nullptr || paths.size() > kMaxSummary) continue;
      if (!paths.empty()) paths += ", ";
      paths += text_of(*object, "path");
    }
    return clean_line(paths, kMaxSummary);
  }
  return summary_of_input(item.if_contains(tool.input));
}

bool has_failed(const bj::object& item) {
  const auto status = text_of(item, "status");
  return status == "failed" || status == "declined" || is_set(item, "error") ||
         integer_of(item, "exit_code").value_or(0) != 0;
}

// A text, or the texts of an MCP result's blocks.
void describe_output(const Tool& tool, const bj::object& item, ToolResult& result) {
  std::string_view shown = text_of(item, tool.output);
  result.bytes = shown.size();
  if (const auto* output = object_of(item, tool.output)) {
    const auto* blocks = array_of(*output, "content");
    for (std::size_t i = 0; blocks != nullptr && i < blocks->size(); ++i) {
      const auto* block = blocks->at(i).if_object();
      const auto text = block == nullptr ? std::string_view() : text_of(*block, "text");
      result.bytes += text.size();
      if (shown.empty()) shown = text;
    }
  }
  if (const auto* error = object_of(item, "error"); error != nullptr && shown.empty()) {
    shown = text_of(*error, "message");
    result.bytes = shown.size();
  }
  result.summary = clean_line(shown, kMaxSummary);
}

// The cached tokens are part of the input here, and apart from it with us.
Usage usage_of(const bj::object& usage) {
  const auto cached = integer_of(usage, "cached_input_tokens").value_or(0);
  const auto written = integer_of(usage, "cache_write_input_tokens").value_or(0);
  const auto input = integer_of(usage, "input_tokens").value_or(0);
  Usage result;
  result.input_tokens = std::max<std::int64_t>(0, input - cached - written);
  result.output_tokens = integer_of(usage, "output_tokens").value_or(0);
  result.cache_creation_input_tokens = written;
  result.cache_read_input_tokens = cached;
  return result;
}

}  // namespace

LineKind CodexReader::take(std::string_view type, const bj::object& line,
                           std::vector<AgentItem>& items) {
  if (type == "thread.started") {
    session_id_ = text_of(line, "thread_id");
    items.emplace_back(
        SessionStarted{.session_id = session_id_, .model = {}, .version = {}, .tools = {}});
    return LineKind::kRead;
  }
  if (type == "item.started") return take_item(false, line, items);
  if (type == "item.completed") return take_item(true, line, items);
  if (type == "turn.completed" || type == "turn.failed") {
    end(line, items);
    return LineKind::kRead;
  }
  if (type == "error") {
    items.emplace_back(Text{std::string(text_of(line, "message")) + "\n", Speaker::kBackend});
    return LineKind::kRead;
  }
  return LineKind::kIgnored;
}

LineKind CodexReader::take_item(bool completed, const bj::object& line,
                                std::vector<AgentItem>& items) {
  const auto* item = object_of(line, "item");
  if (item == nullptr) return LineKind::kMalformed;
  const auto type = text_of(*item, "type");
  if (type.empty()) return LineKind::kMalformed;
  if (find_tool(type) != nullptr) {
    take_tool(completed, *item, items);
    return LineKind::kRead;
  }
  if (!completed) return LineKind::kIgnored;
  if (type == "agent_message") {
    const auto text = text_of(*item, "text");
    last_text_ = utf8_prefix(text, kMaxResultText);
    ++messages_;
    begin_words(items);
    items.emplace_back(Text{std::string(text), Speaker::kAgent});
    return LineKind::kRead;
  }
  if (type == "error") {
    items.emplace_back(Text{std::string(text_of(*item, "message")) + "\n", Speaker::kBackend});
    return LineKind::kRead;
  }
  return LineKind::kIgnored;  // reasoning, plans
}

void CodexReader::take_tool(bool completed, const bj::object& item, std::vector<AgentItem>& items) {
  const Tool& tool = *find_tool(text_of(item, "type"));
  std::string id(text_of(item, "id"));
  if (!running_.contains(id)) {
    begin_call(items);
    items.emplace_back(ToolCall{.name = name_of(tool, item),
                                .id = id,
                                .input = input_of(tool, item),
                                .speaker = Speaker::kAgent});
    if (running_.size() < kMaxRunning) running_.insert(id);
  }
  if (!completed) return;
  running_.erase(id);
  note_result();
  ToolResult result{.id = std::move(id),
                    .status = has_failed(item) ? ToolStatus::kFailed : ToolStatus::kDone,
                    .summary = {},
                    .bytes = 0};
  describe_output(tool, item, result);
  items.emplace_back(std::move(result));
}

void CodexReader::end(const bj::object& line, std::vector<AgentItem>& items) {
  Final final{.subtype = "success",
              .result = last_text_,
              .num_turns = messages_,
              .session_id = session_id_};
  if (text_of(line, "type") == "turn.failed") {
    const auto* error = object_of(line, "error");
    final.subtype = "error";
    final.is_error = true;
    final.result = error == nullptr
                       ? std::string()
                       : std::string(utf8_prefix(text_of(*error, "message"), kMaxResultText));
    final.api_error_status = status_in(final.result);
  }
  if (const auto* usage = object_of(line, "usage")) final.usage = usage_of(*usage);
  items.emplace_back(std::move(final));
}

}  // namespace personas::agents
