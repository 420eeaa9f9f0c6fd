// Gathers an agent's items into turns: one per message of the model, with its tool calls and their
// results, sub-agents' turns under the call that started them. Plain text has no turns.
//
// A turn is over when all its tools have answered, the next message of the same speaker begins or
// the run ends; it opens again if the message goes on. Turns past kMaxTurns are counted, not
// listed. What is over is let go once it was taken; of what is kept the oldest is let go first when
// it is more than kMaxKeptBytes, and a result that comes later is not shown.
//
// The same items with the same times give the same turns. Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/base/time.hpp"
#include "personas/model/turn.hpp"

namespace personas::agents {

// A long turn has some hundred kilobytes; older versions of the CLI tell at the very end which tool
// was denied, so what fits is kept until then.
inline constexpr std::size_t kMaxKeptBytes = 4 * 1024 * 1024;
// Sub-agents at work at once. More: the oldest one's next line begins a new turn.
inline constexpr std::size_t kMaxSpeakers = 200;

class TurnTracker {
 public:
  explicit TurnTracker(std::int64_t attempt);
  ~TurnTracker();
  TurnTracker(TurnTracker&&) noexcept;
  TurnTracker& operator=(TurnTracker&&) noexcept;

  // `now` dates what begins or ends with this item.
  void take(const AgentItem& item, Timestamp now);
  // The agent's program is over: what still runs is closed, its tools as failed.
  void finish(Timestamp now);
  // Turns that are new or different since the last call, as they are now, in order. The same turn
  // comes again when a tool's result arrives; the later one replaces the earlier.
  std::vector<Turn> take_changed();
  // Of all turns, also those past kMaxTurns.
  std::int64_t count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace personas::agents
