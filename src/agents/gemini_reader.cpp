#include "gemini_reader.hpp"

#include <algorithm>
#include <utility>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

namespace personas::agents {
namespace {

namespace bj = boost::json;

ToolResult tool_result(const bj::object& line) {
  std::string_view shown = text_of(line, "output");
  if (const auto* error = object_of(line, "error"); error != nullptr && shown.empty()) {
    shown = text_of(*error, "message");
  }
  return {.id = std::string(text_of(line, "tool_id")),
          .status = text_of(line, "status") == "error" ? ToolStatus::kFailed : ToolStatus::kDone,
          .summary = clean_line(shown, kMaxSummary),
          .bytes = shown.size()};
}

// The cached tokens are part of the input here, and apart from it with us.
Usage usage_of(const bj::object& stats) {
  Usage usage;
  usage.cache_read_input_tokens = integer_of(stats, "cached").value_or(0);
  usage.input_tokens = std::max<std::int64_t>(
      0, integer_of(stats, "input_tokens").value_or(0) - usage.cache_read_input_tokens);
  usage.output_tokens = integer_of(stats, "output_tokens").value_or(0);
  return usage;
}

}  // namespace

LineKind GeminiReader::take(std::string_view type, const bj::object& line,
                            std::vector<AgentItem>& items) {
  if (type == "message") return take_message(line, items);
  release(items);
  if (type == "init") {
    session_id_ = text_of(line, "session_id");
    items.emplace_back(SessionStarted{.session_id = session_id_,
                                      .model = clean_line(text_of(line, "model"), kMaxSummary),
                                      .version = {},
                                      .tools = {}});
  } else if (type == "tool_use") {
    begin_call(items);
    items.emplace_back(ToolCall{.name = clean_line(text_of(line, "tool_name"), kMaxSummary),
                                .id = std::string(text_of(line, "tool_id")),
                                .input = summary_of_input(line.if_contains("parameters")),
                                .speaker = Speaker::kAgent});
  } else if (type == "tool_result") {
    note_result();
    items.emplace_back(tool_result(line));
  } else if (type == "error") {
    const auto message = text_of(line, "message");
    if (message.contains("Maximum session turns")) out_of_turns_ = true;
    items.emplace_back(Text{std::string(message) + "\n", Speaker::kBackend});
  } else if (type == "result") {
    end(line, items);
  } else {
    return LineKind::kIgnored;
  }
  return LineKind::kRead;
}

LineKind GeminiReader::take_message(const bj::object& line, std::vector<AgentItem>& items) {
  if (text_of(line, "role") != "assistant") {
    release(items);
    return LineKind::kIgnored;  // the echo of the prompt
  }
  if (!flag_of(line, "delta")) release(items);
  held_ += text_of(line, "content");
  if (held_.size() > kMaxStreamLine) release(items);
  return LineKind::kRead;
}

void GeminiReader::release(std::vector<AgentItem>& items) {
  if (held_.empty()) return;
  ++messages_;
  last_text_ = utf8_prefix(held_, kMaxResultText);
  begin_words(items);
  items.emplace_back(Text{std::exchange(held_, {}), Speaker::kAgent});
}

void GeminiReader::end(const bj::object& line, std::vector<AgentItem>& items) {
  Final final{.subtype = "success",
              .result = last_text_,
              .num_turns = messages_,
              .session_id = session_id_};
  if (text_of(line, "status") == "error") {
    const auto* error = object_of(line, "error");
    final.is_error = true;
    final.subtype = error == nullptr ? "error" : clean_line(text_of(*error, "type"), kMaxSummary);
    final.result = error == nullptr
                       ? std::string()
                       : std::string(utf8_prefix(text_of(*error, "message"), kMaxResultText));
    final.api_error_status = status_in(final.result);
  } else if (out_of_turns_) {
    final.is_error = true;
    final.subtype = "FatalTurnLimitedError";
  }
  if (const auto* stats = object_of(line, "stats")) {
    final.usage = usage_of(*stats);
    final.duration_ms = integer_of(*stats, "duration_ms").value_or(0);
  }
  items.emplace_back(std::move(final));
}

}  // namespace personas::agents
