// What `gemini --output-format stream-json` writes, line by line (seen with 0.61.0). Private to the
// module.
//
// The agent's words come in pieces as the model writes them (`message` of the assistant, `delta`),
// without an end: the next line of another type ends them. They are held until then, because a
// protocol object may be cut anywhere. The `user` message repeats the prompt. `result` ends the
// run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json_line.hpp"

namespace personas::agents {

class GeminiReader final : public TypedLineReader {
 public:
  void finish(std::vector<AgentItem>& items) override { release(items); }

 private:
  LineKind take(std::string_view type, const boost::json::object& line,
                std::vector<AgentItem>& items) override;
  LineKind take_message(const boost::json::object& line, std::vector<AgentItem>& items);
  void end(const boost::json::object& line, std::vector<AgentItem>& items);
  void release(std::vector<AgentItem>& items);

  std::string session_id_;
  std::string held_;  // of the message that is being written
  std::string last_text_;
  std::int64_t messages_ = 0;
  bool out_of_turns_ = false;  // said in an `error`; the result calls it a success
};

}  // namespace personas::agents
