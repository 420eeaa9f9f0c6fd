#include "personas/agents/turns.hpp"

namespace personas::agents {

struct TurnTracker::State {
  std::int64_t attempt = 0;
  std::vector<Turn> turns;
};

TurnTracker::TurnTracker(std::int64_t attempt) : state_(std::make_unique<State>()) {
  state_->attempt = attempt;
}
TurnTracker::~TurnTracker() = default;
TurnTracker::TurnTracker(TurnTracker&&) noexcept = default;
TurnTracker& TurnTracker::operator=(TurnTracker&&) noexcept = default;

void TurnTracker::take(const AgentItem&, Timestamp) {}
void TurnTracker::finish(Timestamp) {}
std::vector<Turn> TurnTracker::take_changed() {
  return {};
}
std::int64_t TurnTracker::count() const {
  return static_cast<std::int64_t>(state_->turns.size());
}

}  // namespace personas::agents
