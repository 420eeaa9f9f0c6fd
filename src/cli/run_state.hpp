// What is known of a followed execution at this moment, and the line that says it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/base/time.hpp"
#include "personas/model/execution.hpp"
#include "personas/model/turn.hpp"

#include "format.hpp"

namespace personas::cli {

// Shown at once; more are counted.
inline constexpr std::size_t kMaxRunningTools = 1'000;

struct Question {
  std::string id;
  std::string title;
};

struct RunState {
  ExecutionStatus status = ExecutionStatus::kQueued;
  std::optional<Timestamp> begun;  // queued for the first time
  std::int64_t attempt = 0;
  std::string waiting_for;  // as the server says it
  std::optional<Parked> parked;
  std::optional<Timestamp> parked_until;
  std::vector<Question> questions;  // of agents, not answered yet
  std::string stage;                // what the agent said it does

  struct Tool {
    std::string name;
    std::optional<Timestamp> since;
  };
  std::map<std::string, Tool> tools;  // that run now, by id
  std::map<std::pair<std::int64_t, std::int64_t>, Usage> turns;
  std::map<std::int64_t, double> cost;           // by attempt, as far as it is known
  std::map<std::int64_t, std::int64_t> counted;  // turns by attempt, as its program counted them

  void take(const agents::AgentItem& item, std::optional<Timestamp> at);
  void take(const Turn& turn);
  void begin_attempt(std::int64_t number);

  std::int64_t turn_count() const;
  std::int64_t tokens() const;  // in and out, of all turns
  double cost_usd() const;
};

// How a time of day is shown.
using ClockTime = std::function<std::string(Timestamp)>;
std::string utc_clock_time(Timestamp time);

// "until 14:05 (in 1h 12m)", "since …" excluded; the day is named when it is not within a day.
std::string until_text(Timestamp until, Timestamp now, const ClockTime& clock_time);

// "12", "3.4k", "1.2M".
std::string short_count(std::int64_t count);

// The live line: what it does or waits for, for how long, turns, tokens, cost. `frame` turns the
// spinner.
std::vector<Cell> status_parts(const RunState& state, Timestamp now, std::size_t frame,
                               const ClockTime& clock_time);

}  // namespace personas::cli
