// One live line below everything that is written, on a terminal that can take it back.
//
// A Terminal over another: whoever writes through it needs not know of the line, which is erased
// before and drawn again after each text. What scrolled away never holds a part of it. On anything
// but such a terminal the line does not exist.
#pragma once

#include <string>
#include <vector>

#include "personas/cli/terminal.hpp"

#include "format.hpp"

namespace personas::cli {

class StatusLine final : public Terminal {
 public:
  explicit StatusLine(Terminal& under) : under_(under) {}
  ~StatusLine() override { show({}); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void out(std::string_view text) override { write(text, &Terminal::out); }
  void err(std::string_view text) override { write(text, &Terminal::err); }
  Attached attached() const override { return under_.attached(); }
  std::size_t width() const override { return under_.width(); }
  Colours colours() const override { return under_.colours(); }
  Cursor cursor() const override { return under_.cursor(); }
  std::optional<std::string> ask(std::string_view question) override;

  // The line from now on; without parts there is none. Cut to the width of the terminal.
  void show(std::vector<Cell> parts);

 private:
  void write(std::string_view text, void (Terminal::*to)(std::string_view));
  std::string erased();  // what takes the drawn line back
  std::string drawn();   // what draws it

  Terminal& under_;
  std::vector<Cell> parts_;
  std::string shown_;            // as it stands there, to leave alone what has not changed
  std::size_t shown_width_ = 0;  // columns; 0: nothing is drawn
  bool at_line_start_ = true;
};

}  // namespace personas::cli
