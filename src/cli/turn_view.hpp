// Turns as a person reads them, for agents whose own output the command line does not understand.
// The same turn comes again whenever something about it changed; only what is new is shown.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "personas/cli/terminal.hpp"
#include "personas/model/turn.hpp"

namespace personas::cli {

class TurnView {
 public:
  explicit TurnView(Terminal& terminal) : terminal_(terminal) {}
  void show(const Turn& turn);

 private:
  struct Shown {
    std::size_t text_bytes = 0;
    std::int64_t omitted = 0;
    std::map<std::string, ToolState> tools;  // by id
  };

  void show_text(const Turn& turn, Shown& shown);

  Terminal& terminal_;
  std::map<std::pair<std::int64_t, std::int64_t>, Shown> shown_;  // by attempt and turn
};

}  // namespace personas::cli
