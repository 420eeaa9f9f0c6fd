// What an agent did, turn by turn: one turn is one message of its model, with the tools it called.
// Read from the backend's own output; a backend that writes plain text has none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/time.hpp"
#include "personas/codec/described.hpp"
#include "personas/model/execution.hpp"

namespace personas {

inline constexpr std::size_t kMaxTurnText = 4 * 1024;   // then cut; the output has all of it
inline constexpr std::size_t kMaxToolSummary = 500;     // of a tool's input or result
inline constexpr std::size_t kMaxToolsPerTurn = 100;    // more are counted, not listed
inline constexpr std::int64_t kMaxTurns = 5'000;        // of one attempt; later ones are not kept

enum class ToolState : std::uint8_t { kRunning, kDone, kFailed, kDenied };

struct ToolUse {
  std::string id;
  std::string name;
  std::string input;   // one cleaned line
  ToolState state = ToolState::kRunning;
  std::string result;  // one cleaned line
  std::int64_t result_bytes = 0;
  Timestamp started_at;
  std::optional<std::int64_t> duration_ms;
};

struct Turn {
  std::int64_t attempt = 0;
  std::int64_t turn = 0;  // 1, 2, … within the attempt, sub-agents' among them
  // Set for a sub-agent's turn: the tool use that started it.
  std::optional<std::string> parent_tool_id;
  std::optional<std::string> model;
  std::string text;  // what it said, cleaned and masked
  std::vector<ToolUse> tools;
  std::int64_t tools_omitted = 0;
  Usage usage;
  std::optional<std::string> stop_reason;
  Timestamp started_at;
  std::optional<Timestamp> completed_at;
};

namespace codec {

template <>
struct Described<ToolState> {
  static constexpr std::string_view name = "ToolState";
  static constexpr std::array values{
      value("running", ToolState::kRunning), value("done", ToolState::kDone),
      value("failed", ToolState::kFailed), value("denied", ToolState::kDenied)};
};

template <>
struct Described<ToolUse> {
  static constexpr std::string_view name = "ToolUse";
  static constexpr auto fields =
      std::tuple{field("id", &ToolUse::id).length(0, 200),
                 field("name", &ToolUse::name).length(0, 200),
                 field("input", &ToolUse::input).length(0, 4 * kMaxToolSummary),
                 field("state", &ToolUse::state),
                 field("result", &ToolUse::result).length(0, 4 * kMaxToolSummary),
                 field("resultBytes", &ToolUse::result_bytes),
                 field("startedAt", &ToolUse::started_at),
                 field("durationMs", &ToolUse::duration_ms)};
};

template <>
struct Described<Turn> {
  static constexpr std::string_view name = "Turn";
  static constexpr auto fields = std::tuple{
      field("attempt", &Turn::attempt),
      field("turn", &Turn::turn).range(1, kMaxTurns),
      field("parentToolId", &Turn::parent_tool_id)
          .length(0, 200)
          .doc("Of a sub-agent's turn: the tool use that started it"),
      field("model", &Turn::model).length(0, 200),
      field("text", &Turn::text).length(0, 4 * kMaxTurnText).doc("What it said, cut when long"),
      field("tools", &Turn::tools).length(0, kMaxToolsPerTurn),
      field("toolsOmitted", &Turn::tools_omitted),
      field("usage", &Turn::usage)
          .doc("As told with the message; some agent CLIs count the output only at the end"),
      field("stopReason", &Turn::stop_reason).length(0, 100),
      field("startedAt", &Turn::started_at),
      field("completedAt", &Turn::completed_at)};
};

}  // namespace codec
}  // namespace personas
