// Text for people: colours, aligned tables, ages and durations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/cli/terminal.hpp"

namespace personas::cli {

enum class Paint : std::uint8_t { kNone, kBold, kDim, kRed, kGreen, kYellow, kCyan };

// `text` in that colour, if the terminal shows colours.
std::string paint(const Terminal& terminal, Paint paint, std::string_view text);
// The usual colour of a status name (execution, event, review).
Paint paint_of_status(std::string_view status);

// Columns a terminal needs for it: wide characters take two, combining ones none.
std::size_t display_width(std::string_view text);
// At most `width` columns, the last one "…" if something was cut.
std::string cut(std::string_view text, std::size_t width);

// `first` (of `indent` columns, painted or not) and `text` in lines of the given width, all but the
// first indented; words are kept whole. Ends with a line end.
std::string wrapped(std::string_view first, std::string_view text, std::size_t indent,
                    std::size_t width);

struct Cell {
  std::string text;
  Paint paint = Paint::kNone;
};

// Columns are as wide as they need; the last one takes what is left of the terminal's width. Where
// that is too little, generated ids are shown by their ends, which every command accepts.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<Cell> row);  // texts are cleaned and made one line
  bool empty() const { return rows_.empty(); }
  std::string render(const Terminal& terminal) const;

 private:
  std::vector<std::size_t> widths() const;
  std::string lines(const Terminal& terminal) const;
  Table with_short_ids() const;

  std::vector<std::string> headings_;
  std::vector<std::vector<Cell>> rows_;
};

std::string age(Duration since);           // "5s", "12m", "3h", "2d"
std::string long_duration(Duration took);  // "840 ms", "3.2 s", "4m 05s", "2h 07m"
std::string dollars(double amount);        // "$0.0123"

}  // namespace personas::cli
