// Gathers an agent's items into turns: one per message of the model, with its tool calls and their
// results, sub-agents' turns under the call that started them. Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "personas/agents/stream.hpp"
#include "personas/base/time.hpp"
#include "personas/model/turn.hpp"

namespace personas::agents {

class TurnTracker {
 public:
  explicit TurnTracker(std::int64_t attempt);
  ~TurnTracker();
  TurnTracker(TurnTracker&&) noexcept;
  TurnTracker& operator=(TurnTracker&&) noexcept;

  // `now` dates what begins or ends with this item.
  void take(const AgentItem& item, Timestamp now);
  // The agent's program is over: what still runs is closed.
  void finish(Timestamp now);
  // Turns that are new or different since the last call, as they are now, in order. The same turn
  // comes again when a tool's result arrives; the later one replaces the earlier.
  std::vector<Turn> take_changed();
  std::int64_t count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace personas::agents
