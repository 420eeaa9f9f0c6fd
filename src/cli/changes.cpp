#include "changes.hpp"

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"
#include "personas/codec/json.hpp"

#include "format.hpp"

namespace personas::cli {
namespace {

constexpr std::size_t kMaxShownLine = 2'000;

// A value in one line: texts without their quotes, nothing for none.
std::string words_of(const codec::RawJson& value) {
  auto json = codec::parse_json(value.text.empty() ? "null" : value.text);
  if (!json || json->is_null()) return {};
  const std::string text =
      json->is_string() ? std::string(json->get_string()) : codec::serialize(*json);
  return agents::clean_line(text, kMaxShownLine);
}

std::string show_line(const Terminal& terminal, const catalog::DiffLine& line) {
  const std::string text = agents::clean_line(line.text, kMaxShownLine);
  switch (line.op) {
    case catalog::LineOp::kAdded:
      return paint(terminal, Paint::kGreen, "    + " + text) + "\n";
    case catalog::LineOp::kRemoved:
      return paint(terminal, Paint::kRed, "    - " + text) + "\n";
    case catalog::LineOp::kSkipped:
      return paint(terminal, Paint::kDim, "      …") + "\n";
    case catalog::LineOp::kSame:
      break;
  }
  return text.empty() ? "\n" : "      " + text + "\n";
}

}  // namespace

std::string show_changes(const Terminal& terminal,
                         const std::vector<catalog::FieldChange>& changes) {
  std::string out;
  for (const auto& change : changes) {
    out += "  " + paint(terminal, Paint::kBold, agents::clean_line(change.field, kMaxShownLine)) +
           "\n";
    if (change.lines) {
      for (const auto& line : *change.lines) out += show_line(terminal, line);
      continue;
    }
    const auto before = words_of(change.before);
    const auto after = words_of(change.after);
    if (!before.empty()) out += show_line(terminal, {catalog::LineOp::kRemoved, before});
    if (!after.empty()) out += show_line(terminal, {catalog::LineOp::kAdded, after});
  }
  return out;
}

}  // namespace personas::cli
