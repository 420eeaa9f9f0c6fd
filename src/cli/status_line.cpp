#include "status_line.hpp"

#include <utility>

#include <fmt/format.h>

namespace personas::cli {

std::string StatusLine::erased() {
  if (shown_width_ == 0) return {};
  // A window that has become narrower has wrapped the line into more rows.
  const std::size_t columns = std::max<std::size_t>(under_.width(), 1);
  const std::size_t rows_above = (shown_width_ - 1) / columns;
  shown_width_ = 0;
  shown_.clear();
  return rows_above == 0 ? std::string("\r\x1b[J") : fmt::format("\r\x1b[{}A\x1b[J", rows_above);
}

std::string StatusLine::drawn() {
  if (parts_.empty() || !at_line_start_ || under_.cursor() == Cursor::kFixed) return {};
  // The last column stays empty: text in it makes some terminals begin another row.
  const std::size_t columns = under_.width();
  std::size_t left =
      columns == kUnlimitedWidth ? columns : columns - std::min<std::size_t>(columns, 1);
  std::string out;
  std::size_t used = 0;
  for (const auto& part : parts_) {
    const std::string text = cut(part.text, left - used);
    used += display_width(text);
    out += paint(under_, part.paint, text);
    if (text != part.text) break;
  }
  shown_width_ = used;
  shown_ = out;
  return out;
}

void StatusLine::write(std::string_view text, void (Terminal::*to)(std::string_view)) {
  if (text.empty()) return;
  if (under_.cursor() == Cursor::kFixed) {
    (under_.*to)(text);
    return;
  }
  // One piece, so that the terminal never shows a state in between.
  std::string piece = erased();
  piece += text;
  at_line_start_ = text.back() == '\n';
  piece += drawn();
  (under_.*to)(piece);
}

void StatusLine::show(std::vector<Cell> parts) {
  parts_ = std::move(parts);
  const std::size_t width_before = shown_width_;
  const std::string before = shown_;
  const std::string erase = erased();
  const std::string draw = drawn();
  if (draw == before && shown_width_ == width_before && width_before < under_.width()) return;
  if (!erase.empty() || !draw.empty()) under_.err(erase + draw);
}

std::optional<std::string> StatusLine::ask(std::string_view question) {
  const std::string erase = erased();
  if (!erase.empty()) under_.err(erase);
  auto answer = under_.ask(question);
  at_line_start_ = true;
  const std::string draw = drawn();
  if (!draw.empty()) under_.err(draw);
  return answer;
}

}  // namespace personas::cli
