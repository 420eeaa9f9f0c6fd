// Rows of webhooks that come in: their sources, the log of deliveries, what was seen already.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "personas/base/id.hpp"
#include "personas/codec/described.hpp"
#include "personas/store/repositories.hpp"
#include "personas/webhook_auth/verify.hpp"

namespace personas {
PERSONAS_ID(WebhookSourceId, "whs");
PERSONAS_ID(WebhookDeliveryId, "whd");
}  // namespace personas

namespace personas::store {

// Sources of one tenant: each is an address that somebody set up by hand.
inline constexpr std::int64_t kMaxWebhookSources = 200;

// The log of one tenant. The newest are kept; what was refused counts apart, so that strangers
// cannot push out what was accepted.
inline constexpr std::int64_t kMaxLoggedDeliveries = 1'000;
inline constexpr std::int64_t kMaxLoggedBytes = 64 * 1024 * 1024;
inline constexpr std::int64_t kMaxLoggedRefusals = 200;
// Longer than any sender repeats a delivery (three days), and than every replay window.
inline constexpr Duration kSeenKept = hours(4 * 24);

struct WebhookSource {
  WebhookSourceId id;
  std::string name;
  webhook_auth::Preset preset = webhook_auth::Preset::kGeneric;
  std::optional<PersonaId> persona_id;
  bool unsigned_ = false;
  Timestamp created_at;
};

enum class DeliveryStatus : std::uint8_t { kAccepted, kAnswered, kMalformed, kRefused };

struct WebhookDelivery {
  WebhookDeliveryId id;
  std::string endpoint;  // the path it came to
  webhook_auth::Preset preset = webhook_auth::Preset::kGeneric;
  std::optional<PersonaId> persona_id;
  std::optional<std::string> source_delivery_id;
  Timestamp received_at;
  DeliveryStatus status = DeliveryStatus::kAccepted;
  std::optional<EventId> event_id;
  std::optional<std::string> event_type;
  std::optional<std::string> error;
  std::optional<WebhookDeliveryId> replay_of;
  std::int64_t repetitions = 0;
  std::int64_t size = 0;  // of the body, in bytes
  codec::RawJson headers = {"[]"};
};

Result<std::optional<WebhookSource>> find_webhook_source(Transaction& tx, const TenantId& tenant,
                                                         const WebhookSourceId& id);
Result<void> insert_webhook_source(Transaction& tx, const TenantId& tenant,
                                   const WebhookSource& source);
Result<bool> delete_webhook_source(Transaction& tx, const TenantId& tenant,
                                   const WebhookSourceId& id);
// Oldest first.
Result<std::vector<WebhookSource>> list_webhook_sources(Transaction& tx, const TenantId& tenant,
                                                        const Page& page);

// Who is meant by an address that names no tenant. Ids of sources are unique in the installation;
// those of personas may repeat, and the secret decides.
struct OwnedSource {
  TenantId tenant;
  WebhookSource source;
};
Result<std::optional<OwnedSource>> find_source_of_any_tenant(Transaction& tx,
                                                             const WebhookSourceId& id);
Result<std::vector<TenantId>> tenants_with_webhook(Transaction& tx, const PersonaId& persona,
                                                   std::int64_t most);

// A delivery that a sender repeats: the first one of it, if it is known. Counts the repetition.
struct SeenDelivery {
  WebhookDeliveryId delivery;
  EventId event;
};
Result<std::optional<SeenDelivery>> find_seen(Transaction& tx, const TenantId& tenant,
                                              std::string_view endpoint, std::string_view id);
Result<void> count_repetition(Transaction& tx, const TenantId& tenant,
                              const WebhookDeliveryId& delivery);
// Also forgets a few that are older than kSeenKept.
Result<void> note_seen(Transaction& tx, const TenantId& tenant, std::string_view endpoint,
                       std::string_view id, const SeenDelivery& seen, Timestamp now);

// Appends to the log, and drops the oldest entries past its bounds.
Result<void> log_delivery(Transaction& tx, const TenantId& tenant, const WebhookDelivery& delivery,
                          std::string_view body);
Result<std::optional<WebhookDelivery>> find_delivery(Transaction& tx, const TenantId& tenant,
                                                     const WebhookDeliveryId& id);
Result<std::optional<std::string>> body_of_delivery(Transaction& tx, const TenantId& tenant,
                                                    const WebhookDeliveryId& id);
struct DeliveryFilter {
  std::optional<DeliveryStatus> status;
  Page page;  // newest first
};
Result<std::vector<WebhookDelivery>> list_deliveries(Transaction& tx, const TenantId& tenant,
                                                     const DeliveryFilter& filter);

}  // namespace personas::store

#include "personas/store/webhooks_in_described.hpp"
