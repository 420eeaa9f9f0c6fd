#include "tool_lines.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxToolName = 100;
constexpr std::size_t kMaxToolText = 200;  // of an input or a result, where the width has no limit

std::string one_row(const Terminal& terminal, Depth depth, Paint colour, const std::string& text) {
  const std::string line = (depth == Depth::kSubAgent ? "  " : "") + text;
  return paint(terminal, colour, cut(line, terminal.width()) + "\n");
}

std::string size_text(std::size_t bytes) {
  if (bytes < 10'000) return fmt::format("{} bytes", bytes);
  if (bytes < 10'000'000) return fmt::format("{} kB", bytes / 1'000);
  return fmt::format("{} MB", bytes / 1'000'000);
}

}  // namespace

std::string tool_started(const Terminal& terminal, std::string_view name, std::string_view input,
                         Depth depth) {
  const auto shown = agents::clean_line(input, kMaxToolText);
  return one_row(terminal, depth, Paint::kCyan,
                 fmt::format("→ {}{}{}", agents::clean_line(name, kMaxToolName),
                             shown.empty() ? "" : ": ", shown));
}

std::string tool_ended(const Terminal& terminal, const ToolEnd& end, Depth depth) {
  const auto name = agents::clean_line(end.name, kMaxToolName);
  const std::string took = end.took ? long_duration(*end.took) : std::string();
  if (end.state == ToolState::kFailed || end.state == ToolState::kDenied) {
    const auto summary = agents::clean_line(end.summary, kMaxToolText);
    const auto* word = end.state == ToolState::kDenied ? "was denied" : "failed";
    return one_row(
        terminal, depth, Paint::kRed,
        fmt::format("← {}{}{}{}{}{}{}", name, name.empty() ? "" : " ", word,
                    took.empty() ? "" : " after ", took, summary.empty() ? "" : ": ", summary));
  }
  return one_row(terminal, depth, Paint::kDim,
                 fmt::format("← {}{}{}{}{}", name, name.empty() ? "" : ": ", took,
                             took.empty() ? "" : ", ", size_text(end.bytes)));
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out.append("  ").append(text.substr(0, end)).append("\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace personas::cli
