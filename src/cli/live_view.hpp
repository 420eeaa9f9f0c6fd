// An execution as it happens: each event of its stream as lines for a person, and as the state
// that the live line shows. Pure but for the terminal it writes to.
//
// What the agent says and does is read from its own output where that is understood, for there
// nothing is cut; else from the turns the server keeps. Which of them is decided once for an
// attempt, so that nothing is shown twice.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "output_view.hpp"
#include "run_state.hpp"
#include "turn_view.hpp"

namespace personas::cli {

class LiveView {
 public:
  LiveView(Terminal& terminal, const Clock& clock, ClockTime clock_time)
      : terminal_(terminal),
        clock_(clock),
        clock_time_(std::move(clock_time)),
        output_(terminal, [this](const agents::AgentItem& item,
                                 std::optional<Timestamp> at) { state_.take(item, at); }),
        turns_(terminal) {}
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  void take(std::string_view type, const boost::json::object& data);
  // Shows what was held back. To be called at the end.
  void finish();
  // A remark of the command itself.
  void note(std::string_view text);

  const RunState& state() const { return state_; }
  // Why it waits, as the execution's own document says it.
  void waits_for(std::string_view reason) { state_.waiting_for = reason; }
  std::vector<Cell> status(std::size_t frame) const {
    return status_parts(state_, clock_.wall(), frame, clock_time_);
  }

 private:
  enum class Source : std::uint8_t { kUndecided, kOutput, kTurns };

  void begin_attempt(std::int64_t attempt);
  void show_status(const boost::json::object& data);
  void show_parked();
  void show_output(const boost::json::object& data, std::optional<Timestamp> at);
  void show_turn(const boost::json::object& data);
  void decide();
  void show_progress(const boost::json::object& data);
  void show_review(std::string_view type, const boost::json::object& data);
  void show_signal(std::string_view type, const boost::json::object& data);

  Terminal& terminal_;
  const Clock& clock_;
  ClockTime clock_time_;
  RunState state_;
  OutputView output_;
  TurnView turns_;
  Source source_ = Source::kUndecided;
  std::vector<Turn> held_;  // turns that came before any output of their attempt
};

}  // namespace personas::cli
