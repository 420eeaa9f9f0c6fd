// The plainest way onto the bus: the event is stored and the journal says so.
#pragma once

#include "personas/store/event_sink.hpp"

namespace personas::operations {

// Stateless; any thread.
class PlainEvents final : public store::EventSink {
 public:
  Result<store::Published> publish(store::Transaction& tx, const TenantId& tenant,
                                   const store::NewEvent& event,
                                   store::AfterCommit& after) override;
};

}  // namespace personas::operations
