// One line of Claude Code's stream-json, read into items. Private to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "line_reader.hpp"

namespace personas::agents {

class StreamJsonReader final : public LineReader {
 public:
  StreamJsonReader();

  LineKind read(std::string_view line, std::vector<AgentItem>& items) override;

 private:
  std::unique_ptr<unsigned char[]> buffer_;  // memory of the tree, used again for each line
};

}  // namespace personas::agents
