#include "personas/agents/session_files.hpp"

#include <cstdint>

#include "personas/base/bytes.hpp"

namespace personas::agents {
namespace {

constexpr std::size_t kMaxProject = 200;  // of the CLI

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// JavaScript's view of a well-formed UTF-8 text: its UTF-16 units, one by one.
template <class Visit>
void for_each_unit(std::string_view text, Visit visit) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k) {
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    i += length;
    if (point < 0x10000) {
      visit(point);
    } else {
      visit(0xD800 + ((point - 0x10000) >> 10));
      visit(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
}

std::string base36(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value % 36]);
    value /= 36;
  } while (value > 0);
  return text;
}

// <project>/<session id>.jsonl; a sub-agent's is deeper, or starts with "agent-".
bool is_claude_conversation(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  const auto name = path.substr(slash + 1);
  return name.ends_with(".jsonl") && !name.contains('/') && !name.starts_with("agent-");
}

std::string claude_placed(std::string_view path, std::string_view workspace) {
  const std::size_t slash = path.find('/');  // npos + 1 is 0
  return claude_project(workspace) + "/" + std::string(path.substr(slash + 1));
}

}  // namespace

const SessionFiles kClaudeSession{
    .root = ".claude/projects", .wanted = &is_claude_conversation, .placed = &claude_placed};

std::string claude_project(std::string_view workspace) {
  const std::string path = is_utf8(workspace) ? std::string(workspace) : to_valid_utf8(workspace);
  std::string name;
  std::uint32_t hash = 0;
  for_each_unit(path, [&](std::uint32_t unit) {
    const char c = static_cast<char>(unit < 0x80 ? unit : 0);
    name += is_plain(c) ? c : '-';
    hash = hash * 31 + unit;
  });
  if (name.size() <= kMaxProject) return name;
  const std::uint32_t magnitude = hash >> 31 != 0 ? 0 - hash : hash;
  return name.substr(0, kMaxProject) + "-" + base36(magnitude);
}

}  // namespace personas::agents
