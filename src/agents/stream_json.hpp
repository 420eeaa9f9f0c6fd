// One line of Claude Code's stream-json, read into items. Private to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "personas/agents/stream.hpp"

namespace personas::agents {

enum class LineKind : std::uint8_t { kRead, kIgnored, kMalformed };

class StreamJsonReader {
 public:
  StreamJsonReader();

  // Appends the items of the line. Text of the main agent is appended as Text with speaker kAgent;
  // searching it for protocols is the caller's part.
  LineKind read(std::string_view line, std::vector<AgentItem>& items);

 private:
  std::unique_ptr<unsigned char[]> buffer_;  // memory of the tree, used again for each line
};

}  // namespace personas::agents
