// Fires triggers of type chain: when a persona's run has ended as they ask, or its agent has
// emitted an event they wait for.
//
// Each record is acted on once (reactor::JournalReactor), so is each firing. What led to it goes
// along, so that the bus can cut a chain that has no end. Runs of tests and designs start nothing.
#pragma once

#include <string_view>
#include <vector>

#include "personas/base/clock.hpp"
#include "personas/reactor/journal_reactor.hpp"
#include "personas/store/event_sink.hpp"

namespace personas::reactions {

class ChainTriggers final : public reactor::Handler {
 public:
  ChainTriggers(Clock& clock, Random& random, store::EventSink& events, InstanceId origin)
      : clock_(clock), random_(random), events_(events), origin_(std::move(origin)) {}

  std::string_view name() const override { return "chain_triggers"; }
  std::vector<std::string_view> types() const override;
  Result<reactor::Reaction> look(store::Transaction& tx,
                                 const store::JournalRecord& record) override;

 private:
  Clock& clock_;
  Random& random_;
  store::EventSink& events_;
  InstanceId origin_;
};

}  // namespace personas::reactions
