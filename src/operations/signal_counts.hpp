// What the status document says of events, triggers and deliveries. Asked often, so each number is
// the first rows of an index, at most kMaxCounted of them.
#pragma once

#include "personas/base/error.hpp"
#include "personas/operations/operation.hpp"
#include "personas/operations/requests.hpp"
#include "personas/store/store.hpp"

namespace personas::operations {

struct Signals {
  BusReport bus;
  SchedulerReport scheduler;
  DeliveriesReport webhooks;
};

Result<Signals> look_at_signals(const Call& call, store::Transaction& tx);

}  // namespace personas::operations
