#include "personas/reactions/tell_endpoints.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "personas/delivery/endpoint_store.hpp"
#include "personas/delivery/filter.hpp"
#include "personas/model/journal_record_types.hpp"

#include "notification.hpp"

namespace personas::reactions {

using delivery::Delivery;
using delivery::Endpoint;
using reactor::AfterCommit;
using reactor::Reaction;
using store::Transaction;

std::vector<std::string_view> TellEndpoints::types() const {
  std::vector<std::string_view> all;
  for (const auto& type : record::kRecordTypes) all.push_back(type.name);
  return all;
}

namespace {

// The body for this endpoint; none if the record does not concern it.
std::optional<std::string> body_for(const Endpoint& endpoint, const DeliveryId& id,
                                    const store::JournalRecord& record, std::string_view event_type,
                                    const std::optional<Notice>& notice) {
  if (!endpoint.enabled) return {};
  if (notice && is_told(endpoint, *notice)) {
    return notification_body(endpoint.kind, *notice, record.type, record.at, id);
  }
  if (!delivery::wants(endpoint.events, record.type, event_type)) return {};
  return delivery::body_of(record.type, record.at, record.data());
}

}  // namespace

Result<Reaction> TellEndpoints::look(Transaction& tx, const store::JournalRecord& record) {
  TRY(const auto endpoints, delivery::list_endpoints(tx, record.tenant));
  if (endpoints.empty()) return Reaction();
  const std::string event_type = delivery::event_type_of(record);
  const bool people = std::ranges::any_of(
      endpoints, [](const Endpoint& endpoint) { return !endpoint.notify.empty(); });
  std::optional<Notice> notice;
  if (people) {
    TRY(notice, notice_of(tx, record, links_));
  }
  std::vector<Delivery> rows;
  for (const Endpoint& endpoint : endpoints) {
    Delivery row;
    row.id = DeliveryId::make(clock_.wall(), random_);
    auto body = body_for(endpoint, row.id, record, event_type, notice);
    if (!body) continue;
    row.endpoint_id = endpoint.id;
    row.position = record.position.value;
    row.type = record.type;
    row.payload.text = std::move(*body);
    row.created_at = clock_.wall();
    row.next_attempt_at = record.at;
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return Reaction();
  return [this, tenant = record.tenant, rows = std::move(rows)](
             Transaction& write, AfterCommit& after) -> Result<void> {
    for (const Delivery& row : rows) {
      TRY_VOID(delivery::insert_delivery(write, tenant, row));
      after.push_back([this, tenant, id = row.endpoint_id] { outbox_.due(tenant, id); });
    }
    return {};
  };
}

}  // namespace personas::reactions
