// A bus without subscribers: stores the event and says so in the journal. For deployments and tests
// in which nobody subscribes.
#pragma once

#include "personas/store/event_sink.hpp"

namespace personas::store {

class PlainEventSink final : public EventSink {
 public:
  Result<Published> publish(Transaction& tx, const TenantId& tenant, const NewEvent& event,
                            AfterCommit& after) override;
};

}  // namespace personas::store
