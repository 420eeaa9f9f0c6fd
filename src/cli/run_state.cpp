#include "run_state.hpp"

#include <array>
#include <variant>

#include <fmt/format.h>

#include "personas/agents/untrusted.hpp"

namespace personas::cli {
namespace {

constexpr std::array<std::string_view, 10> kSpinner{"⠋", "⠙", "⠹", "⠸", "⠼",
                                                    "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::size_t kMaxShownName = 40;
constexpr std::size_t kMaxShownWait = 200;

std::string elapsed(Duration time) {
  const auto s = std::max<std::int64_t>(to_millis(time) / 1'000, 0);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3'600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  return fmt::format("{}h {:02}m", s / 3'600, s / 60 % 60);
}

// What it does right now, or waits for.
std::string doing(const RunState& state, Timestamp now, const ClockTime& clock_time) {
  if (state.parked == Parked::kQuota) {
    return "waiting for the provider" +
           (state.parked_until ? " " + until_text(*state.parked_until, now, clock_time)
                               : std::string());
  }
  if (state.parked == Parked::kReview) {
    if (state.questions.empty()) return "waiting for your answer";
    return "waiting for your answer: personas approve " + state.questions.back().id;
  }
  if (state.status == ExecutionStatus::kQueued) {
    const auto what = agents::clean_line(state.waiting_for, kMaxShownWait);
    return what.empty() ? "queued" : "queued, waiting for: " + what;
  }
  if (is_final(state.status)) return std::string(codec::name_of(state.status));
  if (!state.tools.empty()) {
    const auto& tool = state.tools.begin()->second;
    std::string text = agents::clean_line(tool.name, kMaxShownName);
    if (tool.since) text += " " + elapsed(now - *tool.since);
    if (state.tools.size() > 1) text += fmt::format(" and {} more", state.tools.size() - 1);
    return text;
  }
  return state.stage.empty() ? "working" : agents::clean_line(state.stage, kMaxShownWait);
}

}  // namespace

void RunState::begin_attempt(std::int64_t number) {
  if (number == attempt) return;
  attempt = number;
  tools.clear();
  stage.clear();
}

void RunState::take(const agents::AgentItem& item, std::optional<Timestamp> at) {
  if (const auto* call = std::get_if<agents::ToolCall>(&item)) {
    if (tools.size() < kMaxRunningTools) tools[call->id] = {call->name, at};
  } else if (const auto* result = std::get_if<agents::ToolResult>(&item)) {
    tools.erase(result->id);
  } else if (const auto* final = std::get_if<agents::Final>(&item)) {
    tools.clear();
    cost[attempt] = final->total_cost_usd;
    counted[attempt] = final->num_turns;
  }
}

void RunState::take(const Turn& turn) {
  turns[{turn.attempt, turn.turn}] = turn.usage;
  if (turn.attempt != attempt) return;
  for (const auto& tool : turn.tools) {
    if (tool.state != ToolState::kRunning) {
      tools.erase(tool.id);
    } else if (tools.size() < kMaxRunningTools) {
      tools.try_emplace(tool.id, Tool{tool.name, tool.started_at});
    }
  }
}

std::int64_t RunState::turn_count() const {
  std::int64_t count = static_cast<std::int64_t>(turns.size());
  std::int64_t said = 0;
  for (const auto& [number, of_attempt] : counted) said += of_attempt;
  return std::max(count, said);
}

std::int64_t RunState::tokens() const {
  Usage sum;
  for (const auto& [turn, usage] : turns) sum += usage;
  return sum.input_tokens + sum.output_tokens + sum.cache_creation_input_tokens +
         sum.cache_read_input_tokens;
}

double RunState::cost_usd() const {
  double sum = 0;
  for (const auto& [number, of_attempt] : cost) sum += of_attempt;
  return sum;
}

std::string utc_clock_time(Timestamp time) {
  return to_rfc3339(time).substr(11, 5) + " UTC";
}

std::string until_text(Timestamp until, Timestamp now, const ClockTime& clock_time) {
  const Duration left = until - now;
  if (left <= Duration(0)) return "until now";
  const auto minutes_left = std::max<std::int64_t>((to_millis(left) + 59'999) / 60'000, 1);
  const std::string in = minutes_left < 60
                             ? fmt::format("{} m", minutes_left)
                             : fmt::format("{} h {} m", minutes_left / 60, minutes_left % 60);
  const std::string at = clock_time ? clock_time(until) : utc_clock_time(until);
  // A time of day alone misleads about tomorrow.
  const bool far = left > hours(20);
  return fmt::format("until {}{} (in {})", far ? to_rfc3339(until).substr(0, 10) + " " : "", at,
                     in);
}

std::string short_count(std::int64_t count) {
  const auto number = static_cast<double>(count);
  if (count < 1'000) return fmt::format("{}", count);
  if (count < 999'950) return fmt::format("{:.1f}k", number / 1e3);
  return fmt::format("{:.1f}M", number / 1e6);
}

std::vector<Cell> status_parts(const RunState& state, Timestamp now, std::size_t frame,
                               const ClockTime& clock_time) {
  const bool waits = state.parked.has_value();
  std::vector<Cell> parts;
  parts.push_back({waits ? std::string("⏸ ") : std::string(kSpinner[frame % kSpinner.size()]) + " ",
                   waits ? Paint::kYellow : Paint::kCyan});
  parts.push_back({doing(state, now, clock_time), waits ? Paint::kYellow : Paint::kNone});
  std::string facts;
  if (state.begun) facts += " · " + elapsed(now - *state.begun);
  if (state.attempt > 1) facts += fmt::format(" · attempt {}", state.attempt);
  if (const auto turns = state.turn_count(); turns > 0) facts += fmt::format(" · turn {}", turns);
  if (const auto tokens = state.tokens(); tokens > 0) {
    facts += fmt::format(" · {} tokens", short_count(tokens));
  }
  if (const auto cost = state.cost_usd(); cost > 0) facts += " · " + dollars(cost);
  parts.push_back({facts, Paint::kDim});
  return parts;
}

}  // namespace personas::cli
