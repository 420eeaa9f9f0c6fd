// What an agent program writes to stdout, as items: its words, its tool calls, its protocol effects
// and how it ended. Understands plain text and the JSON lines of the agent CLIs; what each calls
// its things is in its reader.
//
// Who may speak for the agent: only the text it wrote itself. In stream-json these are the `text`
// blocks of `assistant` messages of the main agent. Never searched for protocols, as others could
// have put words there: tool inputs and results, user messages, thinking, the `result` line (it
// repeats the last text), messages of sub-agents (parent_tool_use_id is set; the main agent decides
// what to pass on), the CLI's own error notices (model "<synthetic>"), and lines that are not JSON.
// Partial messages (`stream_event`) are ignored: the whole message follows.
//
// The same bytes give the same items however they are cut (in plain text: the same concatenated
// text and the same effects). Not thread-safe; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "personas/agents/parser.hpp"
#include "personas/base/time.hpp"
#include "personas/model/execution.hpp"

namespace personas::agents {

enum class OutputFormat : std::uint8_t {
  kPlain,
  kClaudeStreamJson,
  kCodexJson,         // codex exec --json
  kGeminiStreamJson,  // gemini --output-format stream-json
  kAnyJson,           // one of these, told by its first line: for who reads a kept output
};

// One line of stream-json; a file read by a tool comes in one. Longer: skipped and counted.
inline constexpr std::size_t kMaxStreamLine = 16 * 1024 * 1024;
// Plain text without a line end is passed on in pieces of this size.
inline constexpr std::size_t kMaxHeldText = 64 * 1024;
inline constexpr std::size_t kMaxSummary = 200;           // of a tool's input or result
inline constexpr std::size_t kMaxStreamDepth = 128;       // tool inputs are any JSON
inline constexpr std::size_t kMaxResultText = 64 * 1024;  // of the final line, kept for messages

enum class Speaker : std::uint8_t {
  kAgent,
  kSubAgent,
  kBackend,  // the CLI itself: notices, and lines it could not have meant as stream-json
};

struct Text {
  std::string text;
  Speaker speaker = Speaker::kAgent;
};
struct ToolCall {
  std::string name;
  std::string id;
  std::string input;  // one cleaned line
  Speaker speaker = Speaker::kAgent;
};
enum class ToolStatus : std::uint8_t { kDone, kFailed };
struct ToolResult {
  std::string id;
  ToolStatus status = ToolStatus::kDone;
  std::string summary;  // one cleaned line
  std::size_t bytes = 0;
};
struct SessionStarted {
  std::string session_id;
  std::string model;
  std::string version;
  std::vector<std::string> tools;
};
struct RateLimit {
  std::string status;  // allowed, allowed_warning, rejected
  std::string type;    // five_hour, seven_day, …
  std::optional<Timestamp> resets_at;
};
struct Final {
  std::string subtype = {};
  bool is_error = false;
  std::string result = {};                            // the last text, or what went wrong
  std::optional<std::int64_t> api_error_status = {};  // HTTP status of the model provider
  std::int64_t num_turns = 0;
  std::int64_t duration_ms = 0;
  double total_cost_usd = 0;
  Usage usage = {};
  std::string session_id = {};
};

using AgentItem =
    std::variant<Text, IndexedEffect, ToolCall, ToolResult, SessionStarted, RateLimit, Final>;

struct StreamCounters {
  std::uint64_t lines = 0;
  std::uint64_t malformed_lines = 0;  // not JSON, or not of a known shape
  std::uint64_t long_lines = 0;       // over kMaxStreamLine
  std::uint64_t ignored_lines = 0;    // of types we do not look at
};

class LineReader;

class AgentStream {
 public:
  explicit AgentStream(OutputFormat format);
  ~AgentStream();
  AgentStream(AgentStream&&) noexcept;
  AgentStream& operator=(AgentStream&&) noexcept;

  // Appends the items that `bytes` completes.
  void feed(std::string_view bytes, std::vector<AgentItem>& items);
  // The stream is over: what was held back.
  void finish(std::vector<AgentItem>& items);

  const StreamCounters& counters() const { return counters_; }
  const ProtocolCounters& protocols() const { return parser_.counters(); }

 private:
  void feed_plain(std::string_view bytes, std::vector<AgentItem>& items);
  void feed_lines(std::string_view bytes, std::vector<AgentItem>& items);
  void take_line(std::string_view line, std::vector<AgentItem>& items);
  void search(std::size_t first, std::vector<AgentItem>& items);
  void move_effects(std::vector<AgentItem>& items);

  OutputFormat format_;
  ProtocolParser parser_;
  std::vector<IndexedEffect> effects_;
  std::string held_;  // of an unfinished line
  bool skipping_line_ = false;
  std::unique_ptr<LineReader> reader_;  // null for plain text
  StreamCounters counters_;
};

// What a person sees of an item, without colours; empty if nothing. Protocol lines are part of the
// text already. Cleaned: safe to write to a terminal.
std::string render(const AgentItem& item);

}  // namespace personas::agents
