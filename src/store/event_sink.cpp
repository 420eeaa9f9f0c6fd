#include "personas/store/event_sink.hpp"

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

namespace personas::store {

Result<Published> RecordedEvents::publish(Transaction& tx, const TenantId& tenant,
                                          const NewEvent& wanted, AfterCommit& /*after*/) {
  const Event& event = wanted.event;
  TRY(const bool fresh, insert_event(tx, tenant, event, {.effect_key = wanted.effect_key}));
  if (!fresh) return Published{event.id, event.status, Published::Was::kRepeated};
  const record::EventPublished record{event.id, event.event_type, event.source_type,
                                      event.target_persona_id, event.origin};
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = event.created_at,
                      .type = record::kEventPublished,
                      .data = codec::to_json(record)}));
  return Published{event.id, event.status, Published::Was::kNew};
}

}  // namespace personas::store
