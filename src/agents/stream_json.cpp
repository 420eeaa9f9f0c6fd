#include "stream_json.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <boost/json/monotonic_resource.hpp>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

#include "json_line.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

constexpr std::size_t kTreeBytes = 256 * 1024;  // most lines fit; larger ones use the heap
constexpr std::size_t kMaxTools = 500;          // of a session, remembered by name

ToolResult tool_result(const bj::object& block) {
  ToolResult result{.id = std::string(text_of(block, "tool_use_id")),
                    .status = flag_of(block, "is_error") ? ToolStatus::kFailed : ToolStatus::kDone,
                    .summary = {},
                    .bytes = 0};
  std::string_view shown = text_of(block, "content");
  result.bytes = shown.size();
  if (const auto* parts = array_of(block, "content")) {
    for (const auto& part : *parts) {
      const auto* object = part.if_object();
      if (object == nullptr) continue;
      const auto text = text_of(*object, "text");
      result.bytes += text.size();
      if (shown.empty()) shown = text;
    }
  }
  result.summary = clean_line(shown, kMaxSummary);
  return result;
}

Speaker speaker_of(const bj::object& line, const bj::object& message) {
  if (is_set(line, "parent_tool_use_id")) return Speaker::kSubAgent;
  if (text_of(message, "model") == "<synthetic>" || is_set(line, "error")) {
    return Speaker::kBackend;
  }
  return Speaker::kAgent;
}

bool read_assistant(const bj::object& line, std::vector<AgentItem>& items) {
  const auto* message = object_of(line, "message");
  if (message == nullptr) return false;
  const Speaker speaker = speaker_of(line, *message);
  if (const auto text = text_of(*message, "content"); !text.empty()) {
    items.emplace_back(Text{std::string(text), speaker});
    return true;
  }
  const auto* blocks = array_of(*message, "content");
  if (blocks == nullptr) return false;
  for (const auto& entry : *blocks) {
    const auto* block = entry.if_object();
    if (block == nullptr) continue;
    const auto type = text_of(*block, "type");
    if (type == "text") {
      items.emplace_back(Text{std::string(text_of(*block, "text")), speaker});
    } else if (type == "tool_use" || type == "server_tool_use") {
      items.emplace_back(ToolCall{.name = clean_line(text_of(*block, "name"), kMaxSummary),
                                  .id = std::string(text_of(*block, "id")),
                                  .input = summary_of_input(block->if_contains("input")),
                                  .speaker = speaker});
    }
  }
  return true;
}

bool read_user(const bj::object& line, std::vector<AgentItem>& items) {
  const auto* message = object_of(line, "message");
  if (message == nullptr) return false;
  const auto* blocks = array_of(*message, "content");
  if (blocks == nullptr) return true;  // the echo of a prompt
  for (const auto& entry : *blocks) {
    const auto* block = entry.if_object();
    if (block != nullptr && text_of(*block, "type") == "tool_result") {
      items.emplace_back(tool_result(*block));
    }
  }
  return true;
}

bool read_system(const bj::object& line, std::vector<AgentItem>& items) {
  if (text_of(line, "subtype") != "init") return true;
  SessionStarted started{.session_id = std::string(text_of(line, "session_id")),
                         .model = clean_line(text_of(line, "model"), kMaxSummary),
                         .version = clean_line(text_of(line, "claude_code_version"), kMaxSummary),
                         .tools = {}};
  if (const auto* tools = array_of(line, "tools")) {
    for (const auto& tool : *tools) {
      if (started.tools.size() == kMaxTools) break;
      if (const auto* name = tool.if_string()) started.tools.emplace_back(*name);
    }
  }
  items.emplace_back(std::move(started));
  return true;
}

bool read_rate_limit(const bj::object& line, std::vector<AgentItem>& items) {
  const auto* info = object_of(line, "rate_limit_info");
  if (info == nullptr) return false;
  RateLimit limit{.status = clean_line(text_of(*info, "status"), kMaxSummary),
                  .type = clean_line(text_of(*info, "rateLimitType"), kMaxSummary),
                  .resets_at = std::nullopt};
  constexpr std::int64_t kLatestSecond = 253'402'300'799;  // the end of the year 9999
  const auto at = integer_of(*info, "resetsAt");
  if (at && *at > 0 && *at <= kLatestSecond) limit.resets_at = Timestamp{*at * 1'000'000};
  items.emplace_back(std::move(limit));
  return true;
}

std::string result_text(const bj::object& line) {
  std::string text(utf8_prefix(text_of(line, "result"), kMaxResultText));
  const auto* errors = array_of(line, "errors");
  if (errors == nullptr) return text;
  for (const auto& error : *errors) {
    const auto* string = error.if_string();
    if (string == nullptr || text.size() > kMaxResultText) continue;
    if (!text.empty()) text += '\n';
    text += utf8_prefix(*string, kMaxResultText);
  }
  return text;
}

bool read_result(const bj::object& line, std::vector<AgentItem>& items) {
  Final final{.subtype = clean_line(text_of(line, "subtype"), kMaxSummary),
              .is_error = flag_of(line, "is_error"),
              .result = result_text(line),
              .api_error_status = integer_of(line, "api_error_status"),
              .num_turns = integer_of(line, "num_turns").value_or(0),
              .duration_ms = integer_of(line, "duration_ms").value_or(0),
              .total_cost_usd = number_of(line, "total_cost_usd").value_or(0),
              .usage = {},
              .session_id = std::string(text_of(line, "session_id"))};
  if (const auto* usage = object_of(line, "usage")) {
    final.usage.input_tokens = integer_of(*usage, "input_tokens").value_or(0);
    final.usage.output_tokens = integer_of(*usage, "output_tokens").value_or(0);
    final.usage.cache_creation_input_tokens =
        integer_of(*usage, "cache_creation_input_tokens").value_or(0);
    final.usage.cache_read_input_tokens = integer_of(*usage, "cache_read_input_tokens").value_or(0);
  }
  items.emplace_back(std::move(final));
  return true;
}

struct LineType {
  std::string_view name;
  bool (*read)(const bj::object& line, std::vector<AgentItem>& items);
};

constexpr std::array kLineTypes = {
    LineType{"assistant", &read_assistant}, LineType{"user", &read_user},
    LineType{"system", &read_system},       LineType{"rate_limit_event", &read_rate_limit},
    LineType{"result", &read_result},
};

const LineType* find_type(std::string_view name) {
  const auto* found = std::ranges::find(kLineTypes, name, &LineType::name);
  return found == kLineTypes.end() ? nullptr : found;
}

// The CLI writes the type first; then a line of no interest need not be parsed.
bool has_ignored_type(std::string_view line) {
  constexpr std::string_view kStart = R"({"type":")";
  if (!line.starts_with(kStart)) return false;
  line.remove_prefix(kStart.size());
  const std::size_t end = line.find('"');
  if (end == std::string_view::npos || line.substr(0, end).contains('\\')) return false;
  return find_type(line.substr(0, end)) == nullptr;
}

}  // namespace

StreamJsonReader::StreamJsonReader()
    : buffer_(std::make_unique_for_overwrite<unsigned char[]>(kTreeBytes)) {}

LineKind StreamJsonReader::read(std::string_view line, std::vector<AgentItem>& items) {
  if (has_ignored_type(line)) return LineKind::kIgnored;
  bj::monotonic_resource memory(buffer_.get(), kTreeBytes);
  bj::error_code error;
  const bj::value json = parse_line(line, &memory, error);
  const auto* object = error ? nullptr : json.if_object();
  if (object == nullptr) return LineKind::kMalformed;
  const auto name = text_of(*object, "type");
  if (name.empty()) return LineKind::kMalformed;
  const LineType* type = find_type(name);
  if (type == nullptr) return LineKind::kIgnored;
  return type->read(*object, items) ? LineKind::kRead : LineKind::kMalformed;
}

}  // namespace personas::agents
