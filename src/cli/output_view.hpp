// An agent's output as a person reads it, live: its words on standard output; its tool calls, what
// it tells the platform and its error stream beside it on standard error.
//
// Understands plain text and stream-json, which it recognises by its first bytes. A new attempt
// begins afresh. Everything is cleaned of what a terminal would act on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/base/time.hpp"
#include "personas/cli/terminal.hpp"

#include "tool_lines.hpp"

namespace personas::cli {

enum class OutputStream : std::uint8_t { kStdout, kStderr };

class OutputView {
 public:
  // Everything the agent wrote, also what is not shown, with the time of the chunk it came in.
  using Observer = std::function<void(const agents::AgentItem&, std::optional<Timestamp> at)>;
  // kAgent: its words, tools and messages are shown by somebody else; what its program says beside
  // (notices, limits, errors) is shown still.
  enum class Hide : std::uint8_t { kNothing, kAgent };
  // What the agent's program writes, known with its first bytes.
  enum class Writes : std::uint8_t { kUnknown, kWords, kStreamJson };

  explicit OutputView(Terminal& terminal, Observer observer = {})
      : terminal_(terminal), observer_(std::move(observer)) {}

  // `at`: when it was written, if known; tool calls are timed by it.
  void feed(OutputStream stream, std::int64_t attempt, std::string_view chunk,
            std::optional<Timestamp> at = {});
  // Shows what was held back. To be called at the end.
  void finish();

  // Of the present attempt, until the next one begins.
  void hide(Hide what) { hide_ = what; }
  Writes writes() const { return writes_; }
  // Whether anything of an agent was understood in the present attempt.
  enum class Understood : std::uint8_t { kNothing, kSomething };
  Understood understood() const { return understood_; }

 private:
  void begin_attempt(std::int64_t attempt);
  void decide_format();
  void feed_errors(std::string_view chunk);
  void show(const std::vector<agents::AgentItem>& items);
  void show_item(const agents::AgentItem& item);
  void show_text(const agents::Text& text);
  void show_effect(const Effect& effect);
  void show_call(const agents::ToolCall& call);
  void show_result(const agents::ToolResult& result);

  struct RunningTool {
    std::string name;
    std::optional<Timestamp> since;
    Depth depth = Depth::kAgent;
  };

  Terminal& terminal_;
  Observer observer_;
  Hide hide_ = Hide::kNothing;
  Writes writes_ = Writes::kUnknown;
  Understood understood_ = Understood::kNothing;
  std::optional<Timestamp> now_;
  std::map<std::string, RunningTool> tools_;  // by id; bounded by what one attempt leaves open
  std::int64_t attempt_ = 0;
  std::string first_bytes_;  // until the format is known
  std::optional<agents::AgentStream> stream_;
  std::string error_line_;  // of the error stream, until its end
};

}  // namespace personas::cli
