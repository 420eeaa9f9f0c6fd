// Recordings of real CLIs, for the tests of this module.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "personas/agents/protocols.hpp"
#include "personas/agents/stream.hpp"

namespace personas::agents {

inline std::string recording(std::string_view name) {
  std::ifstream file(fmt::format("{}/{}.jsonl", PERSONAS_AGENTS_TESTDATA, name));
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

// The items of `text`, given in pieces of `step` bytes.
inline std::vector<AgentItem> items_of(OutputFormat format, std::string_view text,
                                       std::size_t step = std::string_view::npos) {
  AgentStream stream(format);
  std::vector<AgentItem> items;
  for (std::size_t at = 0; at < text.size(); at += std::min(step, text.size() - at)) {
    stream.feed(text.substr(at, step), items);
  }
  stream.finish(items);
  EXPECT_EQ(stream.counters().malformed_lines, 0U);
  return items;
}

// What an item is, in one line; empty for the border of a message.
inline std::string brief(const AgentItem& item) {
  if (const auto* text = std::get_if<Text>(&item)) {
    const auto who = text->speaker == Speaker::kAgent ? "agent" : "backend";
    return fmt::format("{}: {}", who, text->text);
  }
  if (const auto* effect = std::get_if<IndexedEffect>(&item)) {
    return fmt::format("effect {}", key_of(effect->effect));
  }
  if (const auto* call = std::get_if<ToolCall>(&item)) {
    return fmt::format("call {} {}", call->name, call->input);
  }
  if (const auto* result = std::get_if<ToolResult>(&item)) {
    return fmt::format("{} {}", result->status == ToolStatus::kDone ? "done" : "failed",
                       result->summary);
  }
  if (const auto* started = std::get_if<SessionStarted>(&item)) {
    return fmt::format("session {} {}", started->session_id, started->model);
  }
  if (const auto* final = std::get_if<Final>(&item)) {
    return fmt::format("end {} {}", final->subtype, final->result);
  }
  return std::holds_alternative<ModelMessage>(item) ? "" : "other";
}

inline std::vector<std::string> briefs(const std::vector<AgentItem>& items) {
  std::vector<std::string> result;
  for (const auto& item : items) {
    if (auto text = brief(item); !text.empty()) result.push_back(std::move(text));
  }
  return result;
}

inline Final end_of(const std::vector<AgentItem>& items) {
  const auto* final = items.empty() ? nullptr : std::get_if<Final>(&items.back());
  EXPECT_NE(final, nullptr);
  return final == nullptr ? Final{} : *final;
}

inline std::vector<std::string> effects_of(const std::vector<AgentItem>& items) {
  std::vector<std::string> keys;
  for (const auto& item : items) {
    if (const auto* effect = std::get_if<IndexedEffect>(&item)) {
      keys.emplace_back(key_of(effect->effect));
    }
  }
  return keys;
}

}  // namespace personas::agents
