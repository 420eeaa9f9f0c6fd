#include "stream_json.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"
#include "personas/model/turn.hpp"

#include "json_scan.hpp"

namespace personas::agents {
namespace {

constexpr std::size_t kMaxTools = 500;  // of a session, remembered by name
// Enough of a text for a summary of it, even if a good part is cleaned away.
constexpr std::size_t kSummarised = kMaxToolSummary * 4;

std::string line_of(std::string_view raw, std::size_t max_bytes = kMaxSummary) {
  return clean_line(json::text(raw, max_bytes * 4), max_bytes);
}

std::string id_of(std::string_view raw) {
  return json::text(raw, kMaxIdBytes);
}

// The first members of a kind of line, as they stand.
enum : std::size_t { kType, kSubtype, kMessage, kParent, kError, kSession, kLimit, kMembers };
constexpr std::array<std::string_view, kMembers> kMemberNames = {
    "type", "subtype", "message", "parent_tool_use_id", "error", "session_id", "rate_limit_info"};

// What says most about a call, tool by tool; else the whole input.
std::string summary_of_input(std::string_view input) {
  constexpr std::array<std::string_view, 8> kTelling = {
      "command", "file_path", "notebook_path", "pattern", "url", "query", "description", "prompt"};
  for (const auto value : json::members(input, kTelling)) {
    if (std::string line = line_of(value, kMaxToolSummary); !line.empty()) return line;
  }
  if (!json::is_object(input) || input == "{}") return {};
  return clean_line(utf8_prefix(input, kSummarised), kMaxToolSummary);
}

// `names` in the order of the struct's fields.
Usage usage_of(std::string_view raw, const std::array<std::string_view, 4>& names) {
  const auto counts = json::members(raw, names);
  return {.input_tokens = json::integer(counts[0]).value_or(0),
          .output_tokens = json::integer(counts[1]).value_or(0),
          .cache_creation_input_tokens = json::integer(counts[2]).value_or(0),
          .cache_read_input_tokens = json::integer(counts[3]).value_or(0)};
}

constexpr std::array<std::string_view, 4> kUsageNames = {
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"};

std::vector<ModelUsage> models_of(std::string_view raw) {
  constexpr std::array<std::string_view, 4> kNames = {
      "inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens"};
  std::vector<ModelUsage> models;
  if (!json::is_object(raw)) return models;
  for (json::Walk walk(raw); walk.next() && models.size() < kMaxModels;) {
    models.push_back({.model = clean_line(walk.key(), kMaxSummary),
                      .usage = usage_of(walk.value(), kNames),
                      .cost_usd = json::number(json::member(walk.value(), "costUSD")).value_or(0)});
  }
  return models;
}

std::string result_text(std::string_view result, std::string_view errors) {
  std::string text = json::text(result, kMaxResultText);
  if (!json::is_array(errors)) return text;
  for (json::Walk walk(errors); walk.next() && text.size() < kMaxResultText;) {
    const std::string error = json::text(walk.value(), kMaxResultText);
    if (!text.empty() && !error.empty()) text += '\n';
    text += error;
  }
  return text;
}

// A tool that the launch disallowed is not there for the CLI; only its words tell.
bool is_disallowed(std::string_view error) {
  return error.contains("exists but is not enabled") ||
         error.contains("is disabled for this session");
}

// The CLI mostly writes the type first; then a line of no interest is not looked at.
template <class Known>
bool has_ignored_type(std::string_view line, Known known) {
  constexpr std::string_view kStart = R"({"type":")";
  if (!line.starts_with(kStart)) return false;
  line.remove_prefix(kStart.size());
  const std::size_t end = line.find('"');
  if (end == std::string_view::npos || line.substr(0, end).contains('\\')) return false;
  return !known(line.substr(0, end));
}

}  // namespace

struct StreamJsonReader::Line {
  std::string_view raw;
  std::array<std::string_view, kMembers> values;

  std::string_view operator[](std::size_t member) const { return values[member]; }
};

struct StreamJsonReader::Type {
  std::string_view name;
  bool (StreamJsonReader::*read)(const Line& line, Items& items);

  static const Type* find(std::string_view name) {
    static constexpr std::array kTypes = {
        Type{"assistant", &StreamJsonReader::read_assistant},
        Type{"user", &StreamJsonReader::read_user},
        Type{"system", &StreamJsonReader::read_system},
        Type{"rate_limit_event", &StreamJsonReader::read_rate_limit},
        Type{"result", &StreamJsonReader::read_result},
    };
    const auto* found = std::ranges::find(kTypes, name, &Type::name);
    return found == kTypes.end() ? nullptr : found;
  }
};

LineKind StreamJsonReader::read(std::string_view raw, Items& items) {
  const auto known = [](std::string_view name) { return Type::find(name) != nullptr; };
  if (has_ignored_type(raw, known)) return LineKind::kIgnored;
  const std::size_t first = std::min(raw.find_first_not_of(" \t"), raw.size());
  bool complete = false;
  const Line line{raw, json::members(raw.substr(first), kMemberNames, &complete)};
  const std::string name = json::text(line[kType], kMaxIdBytes);
  if (!complete || name.empty()) return LineKind::kMalformed;
  const Type* type = Type::find(name);
  if (type == nullptr) return LineKind::kIgnored;
  return (this->*type->read)(line, items) ? LineKind::kRead : LineKind::kMalformed;
}

bool StreamJsonReader::read_assistant(const Line& line, Items& items) {
  if (!json::is_object(line[kMessage])) return false;
  enum : std::size_t { kId, kModel, kContent, kStop, kUsage };
  const auto message = json::members(
      line[kMessage],
      std::array<std::string_view, 5>{"id", "model", "content", "stop_reason", "usage"});
  const bool is_sub_agent = json::is_set(line[kParent]);
  const bool is_notice =
      json::is_set(line[kError]) || json::text_is(message[kModel], "<synthetic>");
  const Speaker speaker = is_notice      ? Speaker::kBackend
                          : is_sub_agent ? Speaker::kSubAgent
                                         : Speaker::kAgent;
  if (!json::is_string(message[kContent]) && !json::is_array(message[kContent])) return false;
  if (is_notice) {
    if (!is_sub_agent) error_kind_ = line_of(line[kError]);
  } else {
    items.emplace_back(ModelMessage{.id = id_of(message[kId]),
                                    .parent_tool_id = id_of(line[kParent]),
                                    .model = line_of(message[kModel]),
                                    .usage = usage_of(message[kUsage], kUsageNames),
                                    .stop_reason = line_of(message[kStop])});
  }
  if (json::is_string(message[kContent])) {
    items.emplace_back(Text{json::text(message[kContent]), speaker});
    return true;
  }
  for (json::Walk blocks(message[kContent]); blocks.next();) {
    read_block(blocks.value(), speaker, items);
  }
  return true;
}

void StreamJsonReader::read_block(std::string_view raw, Speaker speaker, Items& items) {
  enum : std::size_t { kBlockType, kText, kName, kId, kInput };
  const auto block =
      json::members(raw, std::array<std::string_view, 5>{"type", "text", "name", "id", "input"});
  if (json::text_is(block[kBlockType], "text")) {
    items.emplace_back(Text{json::text(block[kText]), speaker});
  } else if (json::text_is(block[kBlockType], "tool_use") ||
             json::text_is(block[kBlockType], "server_tool_use")) {
    items.emplace_back(ToolCall{.name = line_of(block[kName]),
                                .id = id_of(block[kId]),
                                .input = summary_of_input(block[kInput]),
                                .speaker = speaker});
  }
}

ToolResult StreamJsonReader::tool_result(std::string_view id, std::string_view content,
                                         std::string_view is_error) const {
  ToolResult result;
  result.id = id_of(id);
  std::string shown = json::text(content, kSummarised);
  result.bytes = json::text_size(content);
  if (json::is_array(content)) {
    for (json::Walk parts(content); parts.next();) {
      const auto text = json::member(parts.value(), "text");
      result.bytes += json::text_size(text);
      if (shown.empty()) shown = json::text(text, kSummarised);
    }
  }
  if (json::is_true(is_error)) {
    const bool denied = std::ranges::find(denied_, result.id) != denied_.end();
    result.status = denied || is_disallowed(shown) ? ToolStatus::kDenied : ToolStatus::kFailed;
  }
  result.summary = clean_line(shown, kMaxToolSummary);
  return result;
}

bool StreamJsonReader::read_user(const Line& line, Items& items) {
  if (!json::is_object(line[kMessage])) return false;
  const auto content = json::member(line[kMessage], "content");
  if (!json::is_array(content)) return true;  // the echo of a prompt
  for (json::Walk blocks(content); blocks.next();) {
    const auto block = json::members(
        blocks.value(),
        std::array<std::string_view, 4>{"type", "tool_use_id", "content", "is_error"});
    if (!json::text_is(block[0], "tool_result")) continue;
    items.emplace_back(tool_result(block[1], block[2], block[3]));
  }
  return true;
}

void StreamJsonReader::read_started(const Line& line, Items& items) {
  const auto init = json::members(
      line.raw, std::array<std::string_view, 3>{"model", "claude_code_version", "tools"});
  SessionStarted started{.session_id = id_of(line[kSession]),
                         .model = line_of(init[0]),
                         .version = line_of(init[1]),
                         .tools = {}};
  // It says so again when a sub-agent in the background wakes it.
  if (!session_id_.empty() && started.session_id == session_id_) return;
  session_id_ = started.session_id;
  if (json::is_array(init[2])) {
    for (json::Walk tools(init[2]); tools.next() && started.tools.size() < kMaxTools;) {
      if (json::is_string(tools.value())) started.tools.push_back(line_of(tools.value()));
    }
  }
  items.emplace_back(std::move(started));
}

bool StreamJsonReader::read_system(const Line& line, Items& items) {
  const auto& subtype = line[kSubtype];
  if (json::text_is(subtype, "init")) {
    read_started(line, items);
  } else if (json::text_is(subtype, "permission_denied")) {
    if (denied_.size() < kMaxDenials) {
      denied_.push_back(id_of(json::member(line.raw, "tool_use_id")));
    }
  } else if (json::text_is(subtype, "compact_boundary")) {
    const auto about = json::members(json::member(line.raw, "compact_metadata"),
                                     std::array<std::string_view, 2>{"trigger", "pre_tokens"});
    items.emplace_back(Notice{fmt::format("the conversation was compacted ({}, {} tokens before)",
                                          line_of(about[0]), json::integer(about[1]).value_or(0))});
  } else if (json::text_is(subtype, "api_retry")) {
    const auto about = json::members(
        line.raw, std::array<std::string_view, 3>{"attempt", "max_retries", "error_status"});
    items.emplace_back(Notice{
        fmt::format("the provider failed ({}); asked again, {} of {}",
                    json::is_set(about[2]) ? about[2].substr(0, 10) : line_of(line[kError]),
                    json::integer(about[0]).value_or(0), json::integer(about[1]).value_or(0))});
  }
  return true;
}

bool StreamJsonReader::read_rate_limit(const Line& line, Items& items) {
  if (!json::is_object(line[kLimit])) return false;
  const auto limit = json::members(
      line[kLimit], std::array<std::string_view, 3>{"status", "rateLimitType", "resetsAt"});
  RateLimit item{.status = line_of(limit[0]), .type = line_of(limit[1]), .resets_at = std::nullopt};
  constexpr std::int64_t kLatestSecond = 253'402'300'799;  // the end of the year 9999
  const auto at = json::integer(limit[2]);
  if (at && *at > 0 && *at <= kLatestSecond) item.resets_at = Timestamp{*at * 1'000'000};
  limit_resets_at_ = item.status == "rejected" ? item.resets_at : std::nullopt;
  items.emplace_back(std::move(item));
  return true;
}

// Of a program that writes several: turns, time and usage are those of each part, the cost and the
// models those of the whole so far.
bool StreamJsonReader::read_result(const Line& line, Items& items) {
  enum : std::size_t {
    kIsError,
    kResult,
    kErrors,
    kStatus,
    kStop,
    kTurns,
    kDuration,
    kCost,
    kUsage,
    kModels,
    kDenials
  };
  const auto result = json::members(
      line.raw, std::array<std::string_view, 11>{
                    "is_error", "result", "errors", "api_error_status", "stop_reason", "num_turns",
                    "duration_ms", "total_cost_usd", "usage", "modelUsage", "permission_denials"});
  Final& final = so_far_;
  final.subtype = line_of(line[kSubtype]);
  final.is_error = json::is_true(result[kIsError]);
  final.result = result_text(result[kResult], result[kErrors]);
  final.api_error_status = json::integer(result[kStatus]);
  final.error_kind = final.is_error ? error_kind_ : std::string();
  final.limit_resets_at = final.is_error ? limit_resets_at_ : std::nullopt;
  final.stop_reason = line_of(result[kStop]);
  final.num_turns += json::integer(result[kTurns]).value_or(0);
  final.duration_ms += json::integer(result[kDuration]).value_or(0);
  final.total_cost_usd = json::number(result[kCost]).value_or(0);
  final.session_id = id_of(line[kSession]);
  final.models = models_of(result[kModels]);
  if (final.models.empty()) {
    final.usage += usage_of(result[kUsage], kUsageNames);
  } else {
    final.usage = {};
    for (const auto& part : final.models) final.usage += part.usage;
  }
  if (json::is_array(result[kDenials])) {
    for (json::Walk walk(result[kDenials]); walk.next();) {
      const auto denial =
          json::members(walk.value(), std::array<std::string_view, 2>{"tool_name", "tool_use_id"});
      if (final.denials.size() < kMaxDenials && !denial[0].empty()) {
        final.denials.push_back({.tool = line_of(denial[0]), .id = id_of(denial[1])});
      }
    }
  }
  items.emplace_back(final);
  return true;
}

}  // namespace personas::agents
