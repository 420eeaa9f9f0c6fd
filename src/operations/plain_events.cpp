#include "personas/operations/plain_events.hpp"

#include "personas/codec/json.hpp"
#include "personas/model/journal_records.hpp"
#include "personas/store/repositories.hpp"

namespace personas::operations {

Result<store::Published> PlainEvents::publish(store::Transaction& tx, const TenantId& tenant,
                                              const store::NewEvent& event, store::AfterCommit&) {
  using Was = store::Published::Was;
  const Event& row = event.event;
  TRY(const bool fresh, store::insert_event(tx, tenant, row, event.effect_key));
  if (!fresh) return store::Published{row.id, row.status, Was::kRepeated};
  const record::EventPublished data{row.id, row.event_type, row.source_type, row.target_persona_id,
                                    row.origin};
  TRY_VOID(tx.append({.tenant = tenant,
                      .at = row.created_at,
                      .type = record::kEventPublished,
                      .data = codec::to_json(data),
                      .persona_id = row.target_persona_id
                                        ? std::string_view(row.target_persona_id->str())
                                        : std::string_view()}));
  return store::Published{row.id, row.status, Was::kNew};
}

}  // namespace personas::operations
