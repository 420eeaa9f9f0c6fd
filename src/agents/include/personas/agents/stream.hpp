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
inline constexpr std::size_t kMaxSummary = 200;           // of what is shown on one line
inline constexpr std::size_t kMaxStreamDepth = 128;       // tool inputs are any JSON
inline constexpr std::size_t kMaxResultText = 64 * 1024;  // of the final line, kept for messages
inline constexpr std::size_t kMaxIdBytes = 200;           // of a message, a tool call, a session
inline constexpr std::size_t kMaxDenials = 100;           // of a run, remembered one by one
inline constexpr std::size_t kMaxModels = 50;             // of a run, likewise

enum class Speaker : std::uint8_t {
  kAgent,
  kSubAgent,
  kBackend,  // the CLI itself: notices, and lines it could not have meant as stream-json
};

// A message of the model, as far as it is known now. The texts and tool calls that follow belong to
// it, until the next one. It comes again, with the same id, before each further part of it.
struct ModelMessage {
  std::string id = {};              // empty: not told, and then it comes once
  std::string parent_tool_id = {};  // of a sub-agent's: the tool call that started it
  std::string model = {};
  Usage usage = {};              // some versions tell the output tokens only at the end of the run
  std::string stop_reason = {};  // empty: not told, or not over
};
struct Text {
  std::string text;
  Speaker speaker = Speaker::kAgent;
};
struct ToolCall {
  std::string name;
  std::string id;
  std::string input;  // one cleaned line of at most kMaxToolSummary bytes
  Speaker speaker = Speaker::kAgent;
};
// Denied: the permission policy did not let it run. Older versions tell only in Final::denials.
enum class ToolStatus : std::uint8_t { kDone, kFailed, kDenied };
struct ToolResult {
  std::string id;
  ToolStatus status = ToolStatus::kDone;
  std::string summary;  // one cleaned line of at most kMaxToolSummary bytes
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
  std::string type;    // five_hour, seven_day, …; empty: not the account's limit
  std::optional<Timestamp> resets_at;
};
// Something the backend did of its own: it made its conversation shorter, asked the provider again.
struct Notice {
  std::string text;  // one cleaned line
};
struct ToolDenial {
  std::string tool;
  std::string id;
};
// How the program ended. A program that ends several turns in one run says it several times; the
// last one speaks for all of them.
struct Final {
  std::string subtype = {};
  bool is_error = false;
  std::string result = {};                            // the last text, or what went wrong
  std::string error_kind = {};                        // the backend's word: rate_limit, …
  std::optional<std::int64_t> api_error_status = {};  // HTTP status of the model provider
  std::string stop_reason = {};
  std::int64_t num_turns = 0;
  std::int64_t duration_ms = 0;
  double total_cost_usd = 0;
  Usage usage = {};                      // of all models, sub-agents' among it
  std::vector<ModelUsage> models = {};   // its parts; empty: not told
  std::vector<ToolDenial> denials = {};  // at most kMaxDenials
  // The provider refused because of the account's limit, and says when that resets.
  std::optional<Timestamp> limit_resets_at = {};
  std::string session_id = {};
};

using AgentItem = std::variant<Text, IndexedEffect, ToolCall, ToolResult, SessionStarted, RateLimit,
                               Final, ModelMessage, Notice>;

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
