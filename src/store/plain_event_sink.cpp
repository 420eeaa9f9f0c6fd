#include "personas/store/plain_event_sink.hpp"

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

namespace personas::store {

Result<Published> PlainEventSink::publish(Transaction& tx, const TenantId& tenant,
                                          const NewEvent& event, AfterCommit&) {
  const Event& row = event.event;
  TRY_VOID(insert_event(tx, tenant, row, event.effect_key));
  const record::EventPublished fact{row.id, row.event_type, row.source_type, row.target_persona_id,
                                    row.origin};
  const auto& target = row.target_persona_id;
  TRY_VOID(
      tx.append({.tenant = tenant,
                 .at = row.created_at,
                 .type = record::kEventPublished,
                 .data = codec::to_json(fact),
                 .execution_id = {},
                 .persona_id = target ? std::string_view(target->str()) : std::string_view()}));
  return Published{row.id, row.status, Published::Was::kNew};
}

}  // namespace personas::store
