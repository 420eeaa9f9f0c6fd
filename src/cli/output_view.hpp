// An agent's output as a person reads it, live: its words on standard output; its tool calls, what
// it tells the platform and its error stream beside it on standard error.
//
// Understands plain text and stream-json, which it recognises by its first bytes. A new attempt
// begins afresh. Everything is cleaned of what a terminal would act on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/cli/terminal.hpp"

namespace personas::cli {

enum class OutputStream : std::uint8_t { kStdout, kStderr };

class OutputView {
 public:
  explicit OutputView(Terminal& terminal) : terminal_(terminal) {}

  void feed(OutputStream stream, std::int64_t attempt, std::string_view chunk);
  // Shows what was held back. To be called at the end.
  void finish();

 private:
  void begin_attempt(std::int64_t attempt);
  void decide_format();
  void show(const std::vector<agents::AgentItem>& items);
  void show_text(const agents::Text& text);
  void show_effect(const Effect& effect);

  Terminal& terminal_;
  std::int64_t attempt_ = 0;
  std::string first_bytes_;  // until the format is known
  std::optional<agents::AgentStream> stream_;
  std::string error_line_;  // of the error stream, until its end
};

}  // namespace personas::cli
