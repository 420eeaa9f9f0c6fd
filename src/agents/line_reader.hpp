// What reads one line of a backend's JSON output into items: one implementation per format.
// Private to the module.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "personas/agents/stream.hpp"

namespace personas::agents {

enum class LineKind : std::uint8_t { kRead, kIgnored, kMalformed };

class LineReader {
 public:
  LineReader() = default;
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  virtual ~LineReader() = default;

  // Appends the items of the line, which is not empty and has no line end. Text of the main agent
  // is appended as Text with speaker kAgent; searching it for protocols is the caller's part.
  virtual LineKind read(std::string_view line, std::vector<AgentItem>& items) = 0;
  // No line follows.
  virtual void finish(std::vector<AgentItem>&) {}
};

// Null for plain text, which has no lines of JSON.
std::unique_ptr<LineReader> make_line_reader(OutputFormat format);

}  // namespace personas::agents
