#include "format.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/base/bytes.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kAssumedWidth = 80;      // of a terminal that does not say
constexpr std::size_t kGap = 2;                // blanks between columns
constexpr std::size_t kMinLastColumn = 12;     // below, a line wraps rather than says nothing
constexpr std::size_t kGeneratedIdBytes = 30;  // "exe_" and 26 characters
constexpr std::size_t kShownIdEnd = 8;         // 40 random bits: enough to name one of a page
constexpr std::size_t kMaxCellBytes = 2'000;   // of one value; more is not a table any more

std::string_view escape_of(Paint paint) {
  switch (paint) {
    case Paint::kNone:
      return "";
    case Paint::kBold:
      return "\x1b[1m";
    case Paint::kDim:
      return "\x1b[2m";
    case Paint::kRed:
      return "\x1b[31m";
    case Paint::kGreen:
      return "\x1b[32m";
    case Paint::kYellow:
      return "\x1b[33m";
    case Paint::kCyan:
      return "\x1b[36m";
  }
  return "";
}

std::size_t code_point_bytes(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

std::size_t width_of(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  constexpr std::array kCombining{Range{0x300, 0x36F}, Range{0x1AB0, 0x1AFF}, Range{0x20D0, 0x20FF},
                                  Range{0xFE00, 0xFE0F}};
  constexpr std::array kWide{Range{0x1100, 0x115F},   Range{0x2E80, 0xA4CF},
                             Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},
                             Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
                             Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF},
                             Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
  const auto within = [c](const Range& range) { return c >= range.first && c <= range.last; };
  if (std::ranges::any_of(kCombining, within)) return 0;
  return std::ranges::any_of(kWide, within) ? 2 : 1;
}

// Calls visit(bytes of the code point, its width) until it returns false. `text` is UTF-8.
template <class Visit>
void each_code_point(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = std::min(code_point_bytes(lead), text.size() - at);
    char32_t c = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
      c = (c << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    }
    if (!visit(text.substr(at, size), width_of(c))) return;
    at += size;
  }
}

}  // namespace

std::string paint(const Terminal& terminal, Paint colour, std::string_view text) {
  if (terminal.colours() == Colours::kOff || colour == Paint::kNone) return std::string(text);
  // The line end stays outside, so that no colour leaks into the next line.
  const bool ends_line = text.ends_with('\n');
  if (ends_line) text.remove_suffix(1);
  return fmt::format("{}{}\x1b[0m{}", escape_of(colour), text, ends_line ? "\n" : "");
}

Paint paint_of_status(std::string_view status) {
  if (status == "completed" || status == "delivered" || status == "approved") return Paint::kGreen;
  if (status == "failed" || status == "dead" || status == "rejected") return Paint::kRed;
  if (status == "running" || status == "processing") return Paint::kCyan;
  if (status == "queued" || status == "pending" || status == "partial") return Paint::kYellow;
  return Paint::kDim;
}

std::size_t display_width(std::string_view text) {
  std::size_t total = 0;
  each_code_point(text, [&total](std::string_view, std::size_t width) {
    total += width;
    return true;
  });
  return total;
}

std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  std::size_t used = 0;
  each_code_point(text, [&](std::string_view bytes, std::size_t columns) {
    if (used + columns + 1 > width) return false;
    used += columns;
    out += bytes;
    return true;
  });
  return width == 0 ? out : out + "…";
}

std::string wrapped(std::string_view first, std::string_view text, std::size_t indent,
                    std::size_t width) {
  std::string out(first);
  std::size_t column = indent;
  bool at_start = true;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t columns = display_width(word);
    if (!at_start && width != kUnlimitedWidth && column + 1 + columns > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!at_start) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns;
    at_start = false;
  }
  return out + '\n';
}

void Table::add(std::vector<Cell> row) {
  for (auto& cell : row) cell.text = agents::clean_line(cell.text, kMaxCellBytes);
  row.resize(headings_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const auto& heading : headings_) widths.push_back(display_width(heading));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < headings_.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  return widths;
}

Table Table::with_short_ids() const {
  Table out = *this;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    const auto is_id = [i](const auto& row) {
      const std::string_view text = row[i].text;
      return text.size() == kGeneratedIdBytes && text.find('_') < 5;
    };
    if (!std::ranges::all_of(rows_, is_id)) continue;
    for (auto& row : out.rows_) row[i].text.erase(0, kGeneratedIdBytes - kShownIdEnd);
  }
  return out;
}

std::string Table::render(const Terminal& terminal) const {
  std::size_t needed = kMinLastColumn;
  const auto wanted = widths();
  for (std::size_t i = 0; i + 1 < wanted.size(); ++i) needed += wanted[i] + kGap;
  return needed > terminal.width() ? with_short_ids().lines(terminal) : lines(terminal);
}

std::string Table::lines(const Terminal& terminal) const {
  const std::size_t columns = headings_.size();
  const auto widths = this->widths();
  std::size_t before_last = 0;
  for (std::size_t i = 0; i + 1 < columns; ++i) before_last += widths[i] + kGap;
  std::size_t last = terminal.width();
  if (last != kUnlimitedWidth) {
    last = std::max(last > before_last ? last - before_last : 0, kMinLastColumn);
  }
  std::string out;
  const auto add_line = [&](auto text_of, auto paint_of) {
    for (std::size_t i = 0; i < columns; ++i) {
      const bool is_last = i + 1 == columns;
      const std::string text = is_last ? cut(text_of(i), last) : std::string(text_of(i));
      out += paint(terminal, paint_of(i), text);
      if (!is_last) out.append(widths[i] - display_width(text) + kGap, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  };
  add_line([&](std::size_t i) -> std::string_view { return headings_[i]; },
           [](std::size_t) { return Paint::kBold; });
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) -> std::string_view { return row[i].text; },
             [&](std::size_t i) { return row[i].paint; });
  }
  return out;
}

std::size_t decide_width(Attached attached, std::size_t reported, std::string_view columns) {
  if (attached == Attached::kOther) return kUnlimitedWidth;
  std::size_t wanted = 0;
  const auto read = std::from_chars(columns.data(), columns.data() + columns.size(), wanted);
  if (read.ec == std::errc() && wanted > 0) return wanted;
  return reported == 0 ? kAssumedWidth : reported;
}

std::string age(Duration since) {
  const auto s = std::max<std::int64_t>(to_millis(since) / 1'000, 0);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3'600) return fmt::format("{}m", s / 60);
  if (s < 86'400) return fmt::format("{}h", s / 3'600);
  return fmt::format("{}d", s / 86'400);
}

std::string long_duration(Duration took) {
  const auto ms = to_millis(took);
  const auto s = ms / 1'000;
  if (ms < 1'000) return fmt::format("{} ms", ms);
  if (s < 60) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1'000.0);
  if (s < 3'600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  return fmt::format("{}h {:02}m", s / 3'600, s / 60 % 60);
}

std::string dollars(double amount) {
  return fmt::format("${:.4f}", amount);
}

}  // namespace personas::cli
