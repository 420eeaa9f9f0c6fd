// What the agent of an execution said and did, for those who read it when it is over.
#pragma once

#include "personas/agents/transcript.hpp"
#include "personas/model/execution.hpp"
#include "personas/store/store.hpp"

namespace personas::execution {

// Of its last attempt, and before it of those that went on as the same conversation: one that was
// tried again said everything again.
Result<agents::Transcript> read_transcript(store::Transaction& tx, const TenantId& tenant,
                                           const Execution& execution);

}  // namespace personas::execution
